/** History at the real door: by time and topic, in windows, for charts, as lines and as CSV. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { parse } from "csv-parse/sync";
import { ComityHttp } from "../../src/client/http.ts";
import type { HistoryRange, HistoryRow } from "../../src/client/history.ts";
import { runCli } from "../../src/cli/program.ts";
import { twoNodes, until } from "../two-nodes.ts";

const nodes = await twoNodes();
after(() => nodes.close());
const free = { price: { amount: "0", currency: "EUR", perMessages: 1 } };
const day = Date.UTC(2026, 9, 1);
const minute = 60_000;

async function rowsOf(http: ComityHttp, range: HistoryRange): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = [];
  for await (const row of http.history(range)) if ("topic" in row) rows.push(row);
  return rows;
}

interface Published {
  readonly topic: string;
  readonly time: number;
  readonly value: number;
  readonly payload: string;
}

/** A day of two sensors, one reading a minute, every tenth an hour late, out of order. */
const published: Published[] = Array.from({ length: 1440 }, (_, i) => ({ i, late: i % 10 === 3 }))
  .toSorted((a, b) => a.i + (a.late ? 60 : 0) - b.i - (b.late ? 60 : 0))
  .flatMap(({ i }) =>
    ["field/1", "field/2"].map((topic, which) => {
      const time = day + i * minute;
      const value = Math.round(200 + 80 * Math.sin(i / 90 + which) + (i % 7)) / 10;
      const payload = `{"observedAt":"${new Date(time).toISOString()}","t":{"soil":${value}}}`;
      return { topic, time, value, payload };
    }),
  );

async function publishDay(): Promise<void> {
  const { http } = nodes.provider;
  await http.addProduct({
    id: "field",
    title: "Field",
    topics: ["field/#"],
    delivery: "logged",
    terms: free,
  });
  const client = await nodes.mqtt("provider");
  await Promise.all(
    published.map(({ topic, payload }) => client.publish(topic, payload, { qos: 1 })),
  );
}
await nodes.share({
  id: "soil",
  title: "Soil",
  topics: ["soil/#"],
  delivery: "logged",
  terms: free,
});
await publishDay();

const byTime = (a: Published, b: Published): number =>
  a.topic === b.topic ? a.time - b.time : a.topic < b.topic ? -1 : 1;

test("history - every message once, by its own time, to the byte, also right after it was published", async () => {
  const rows = await rowsOf(nodes.provider.http, { filter: "field/#" });
  assert.deepEqual(
    rows.map(({ topic, time, payload }) => ({ topic, time, payload })),
    published.toSorted(byTime).map(({ topic, time, payload }) => ({ topic, time, payload })),
  );
  assert.deepEqual(new Set(rows.map(({ position }) => position)).size, published.length);
});

test("history - from and to cut, pages join without loss", async () => {
  const range = {
    filter: "field/+",
    from: new Date(day + 100 * minute).toISOString(),
    to: new Date(day + 900 * minute).toISOString(),
  };
  const wanted = published
    .filter(({ time }) => time >= day + 100 * minute && time < day + 900 * minute)
    .toSorted(byTime);
  const paged: HistoryRow[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 50; pages++) {
    let next: string | undefined;
    for await (const row of nodes.provider.http.history({
      ...range,
      limit: 77,
      ...(cursor && { cursor }),
    })) {
      if ("cursor" in row) next = row.cursor;
      else paged.push(row);
    }
    cursor = next;
    if (cursor === undefined) break;
  }
  assert.deepEqual(
    paged.map(({ payload }) => payload),
    wanted.map(({ payload }) => payload),
  );
});

test("history - windows come to what the readings come to", async () => {
  for (const fn of ["min", "max", "mean", "count", "sum", "last"] as const) {
    const rows = await rowsOf(nodes.provider.http, {
      ...{ filter: "field/2", field: "t.soil", fn, step: "1h" },
    });
    assert.equal(rows.length, 24);
    for (const [hour, row] of rows.entries()) {
      const values = published
        .filter(({ topic }) => topic === "field/2")
        .toSorted(byTime)
        .slice(hour * 60, hour * 60 + 60)
        .map(({ value }) => value);
      const sum = values.reduce((a, b) => a + b, 0);
      const want = {
        min: Math.min(...values),
        max: Math.max(...values),
        mean: sum / 60,
        count: 60,
        sum,
        last: values[59]!,
      };
      assert.ok(Math.abs(row.value! - want[fn]) < 1e-9, `${fn} of hour ${hour}`);
      assert.equal(row.time, day + hour * 60 * minute + (fn === "last" ? 59 * minute : 0));
    }
  }
  const [all, none] = await rowsOf(nodes.provider.http, { filter: "field/1", fn: "count" });
  assert.deepEqual([all?.count, none], [1440, undefined]);
});

test("history - the latest of each Thing, however late others came", async () => {
  const { node, token } = nodes.provider;
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${node.httpUrl}/api/v1/history/last?filter=field/%23`, { headers });
  const rows = (await response.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as HistoryRow);
  assert.deepEqual(
    rows.map(({ topic, time }) => [topic, time]),
    [
      ["field/1", day + 1439 * minute],
      ["field/2", day + 1439 * minute],
    ],
  );
});

test("history - for a chart peaks stay, and there are no more points than asked for", async () => {
  const rows = await rowsOf(nodes.provider.http, {
    filter: "field/1",
    field: "t.soil",
    points: 40,
  });
  assert.ok(rows.length <= 40 && rows.length > 20, `${rows.length} points`);
  const values = published.filter(({ topic }) => topic === "field/1");
  const shown = rows.map(({ value }) => value!);
  assert.equal(Math.max(...shown), Math.max(...values.map(({ value }) => value)));
  assert.equal(Math.min(...shown), Math.min(...values.map(({ value }) => value)));
  assert.deepEqual(
    rows.map(({ time }) => time),
    rows.map(({ time }) => time).toSorted((a, b) => a - b),
  );
});

test("history - CSV has every reading, and the command prints it", async () => {
  let text = "";
  for await (const piece of nodes.provider.http.historyCsv({ filter: "field/#" })) text += piece;
  const rows: Record<string, string>[] = parse(text, { columns: true });
  assert.deepEqual(
    rows.map(({ topic, time, payload }) => [topic, time, payload]),
    published
      .toSorted(byTime)
      .map(({ topic, time, payload }) => [topic, new Date(time).toISOString(), payload]),
  );
  const out: string[] = [];
  const io = { write: (piece: string) => out.push(piece) };
  const { node, token } = nodes.provider;
  const args = ["--url", node.httpUrl, "--token", token, "history", "field/2", "--fn", "mean"];
  const more = ["--field", "t.soil", "--step", "12h"];
  assert.equal(await runCli([...args, ...more], { stdout: io, stderr: io, env: {} }), 0);
  assert.match(
    out.join(""),
    /^2026-10-01T00:00:00.000Z {2}field\/2 {2}\d+\.\d+ {2}of 720\n2026-10-01T12/,
  );
});

test("history - what cannot be asked is refused by name", async () => {
  for (const [range, code] of [
    [{ filter: "a/#/b" }, "FILTER_INVALID"],
    [{ from: "yesterday" }, "BODY_INVALID"],
    [{ from: "2026-10-02", to: "2026-10-01" }, "BODY_INVALID"],
    [{ step: "1h" }, "BODY_INVALID"],
    [{ fn: "mean", step: "1 month" }, "BODY_INVALID"],
    [{ fn: "mean", points: 10 }, "BODY_INVALID"],
    [{ cursor: "e30x" }, "BODY_INVALID"],
    [{ log: "product/none" }, "NOT_FOUND"],
  ] as const) {
    await assert.rejects(rowsOf(nodes.provider.http, range), { code }, JSON.stringify(range));
  }
  const { token } = await nodes.provider.http.addThing({ name: "probe", subscribe: ["field/1"] });
  const probe = new ComityHttp({ url: nodes.provider.node.httpUrl, token: `probe:${token}` });
  assert.equal((await rowsOf(probe, { filter: "field/1", fn: "count" })).length, 1);
  await assert.rejects(rowsOf(probe, { filter: "field/+" }), { code: "FORBIDDEN" });
});

test("history - what was bought stands below from/, and a lost file is made anew from the logs", async () => {
  const client = await nodes.mqtt("provider");
  const times = [5, 3, 4].map((i) => day + i * minute);
  for (const ts of times)
    await client.publish("soil/a", `{"ts":${ts},"value":${ts % 1000}.5}`, { qos: 1 });
  const range = { filter: "from/+/soil/#" };
  const rows = (): Promise<HistoryRow[]> => rowsOf(nodes.consumer.http, range);
  await until("the stream is there", async () => (await rows()).length === 3);
  const before = await rows();
  assert.deepEqual(
    before.map(({ topic, time }) => [topic, time]),
    [
      ["from/provider/soil/soil/a", times[1]],
      ["from/provider/soil/soil/a", times[2]],
      ["from/provider/soil/soil/a", times[0]],
    ],
  );
  const provided = await rowsOf(nodes.provider.http, { filter: "field/#" });
  for (const side of ["provider", "consumer"] as const) {
    await nodes.restart(side, {}, async () => {
      for (const end of ["", "-wal", "-shm"])
        rmSync(`${join(nodes[side].options.data, "history.db")}${end}`, { force: true });
    });
  }
  assert.deepEqual(await rows(), before);
  assert.deepEqual(await rowsOf(nodes.provider.http, { filter: "field/#" }), provided);
});
