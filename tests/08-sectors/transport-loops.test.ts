import assert from "node:assert/strict";
import { basename } from "node:path";
import { after, before, test } from "node:test";
import { absent, filesOf, readCsv, readWholeLog } from "../07-federate/recorded.ts";
import { readFileSync } from "node:fs";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const folder = "transportation/mndot-loops";
const skip = absent(folder);

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

test(
  "transport - the Twin Cities loops become TrafficFlowObserved and a congestion index",
  {
    skip,
  },
  async () => {
    const { provider, consumer } = nodes;
    const { template } = await provider.http.sector("transport");
    await nodes.share({
      id: "loops",
      title: "Loop detectors of the Twin Cities",
      topics: ["roads/#"],
      sector: "transport",
      ...template.product,
      terms: template.terms,
    });
    const filters = ["from/provider/loops/#"];
    await consumer.http.addIndicator({ kind: "congestion", filters });
    const files = filesOf({ folder, map: "", delimiter: ",", topic: () => "" });
    const recordings = files.map((path) => {
      const [quantity = "", id = ""] = basename(path, ".csv").split("_");
      const [, ...rows] = readCsv(readFileSync(path, "utf8"), ",");
      return { path, quantity, id, rows: rows.map(({ cells: [at, value] }) => [at!, +value!]) };
    });
    for (const { path, quantity, id } of recordings) {
      await provider.http.addSource({
        id: `${quantity}-${id}`.toLowerCase(),
        kind: "mndot-loops",
        from: { way: "file", address: path },
        topic: "roads",
      });
    }
    const kept = (
      row: readonly (string | number)[],
      i: number,
      all: (typeof recordings)[0]["rows"],
    ) => i === 0 || row[0]! > all[i - 1]![0]!;
    const rows = recordings.reduce((sum, one) => sum + one.rows.filter(kept).length, 0);
    await until(
      "all rows arrived",
      async () => {
        const [followed] = await consumer.http.indicators();
        return followed?.messages === rows;
      },
      30_000,
    );
    // out again at the other organisation, row by row as it was recorded
    const url = new URL("/sectors/transport/mndot-loops", consumer.node.httpUrl);
    url.searchParams.set("filter", filters[0]!);
    const headers = { authorization: `Bearer ${consumer.token}` };
    const feed = await (await fetch(url, { headers })).text();
    const [head, ...left] = feed.trim().split("\n");
    assert.equal(head, "timestamp,value,quantity,detector");
    const came = recordings.flatMap(({ quantity, id, rows: all }) =>
      all.filter(kept).map(([at, value]) => `${at},${value},${quantity},${id}`),
    );
    assert.equal(left.length, came.length);
    assert.deepEqual(left.toSorted(), came.toSorted());
    const figures = new Map(
      (await consumer.http.figures("congestion")).map((one) => [one.key, one]),
    );
    for (const { quantity, id, rows: all } of recordings) {
      const values = all.filter(kept).map(([, value]) => value as number);
      const latest = values.slice(-2016);
      const sorted = latest.toSorted((a, b) => a - b);
      const last = values.at(-1)!;
      const figure = figures.get(id);
      if (quantity === "occupancy")
        assert.equal(figure?.["occupancy"], Math.round(last * 1e4) / 1e6);
      // miles an hour cancel out of the ratio
      const free = sorted[Math.ceil(sorted.length * (quantity === "speed" ? 0.85 : 0.15)) - 1]!;
      const ratio = quantity === "speed" ? free / last : last / free;
      if (quantity === "occupancy") continue;
      assert.ok(Math.abs(figure!.value! - Math.max(1, ratio)) < 0.0006, `${id}: ${figure!.value}`);
      assert.equal(figure!["congested"], ratio > 1 / 0.9, `${id} at ${last}, free ${free}`);
      assert.equal(figure!["readings"], latest.length);
    }
    const [first] = await readWholeLog(consumer.http, "from/provider/loops");
    assert.equal(JSON.parse(first!.payload!).type, "TrafficFlowObserved");
  },
);

test(
  "transport - a loop's row without a number, or out of its range, is a fault with a name",
  {
    skip,
  },
  async () => {
    const { provider } = nodes;
    await provider.http.addSource({
      id: "by-topic",
      kind: "mndot-loops",
      from: { way: "topic", address: "raw/+" },
      topic: "checked",
    });
    const rows = [
      "2015-11-01 00:30:00,51",
      "yesterday,50",
      "2015-11-01 00:35:00,",
      "2015-11-01 00:40:00,999",
    ];
    const text = ["timestamp,value", ...rows, "2015-11-01 00:30:00,40"].join("\n");
    const seen: string[] = [];
    const client = await nodes.mqtt("provider");
    await client.subscribe("checked/#", {}, ({ payload }) => {
      seen.push(Buffer.from(payload).toString("utf8"));
    });
    await client.publish("raw/speed_9", Buffer.from(text), { qos: 1 });
    await client.publish("raw/weight_9", Buffer.from(text), { qos: 1 });
    const state = async () =>
      (await provider.http.sources()).find(({ id }) => id === "by-topic") ?? assert.fail();
    await until("the second is refused", async () => (await state()).failures === 1);
    const { faults, lastError, messages } = await state();
    assert.deepEqual(faults, { time: 1, value: 2, clock: 1 });
    assert.equal(messages, 1);
    assert.match(lastError?.text ?? "", /SOURCE_INVALID: .*not named as speed_6005\.csv/);
    await until("it came", () => seen.length === 1);
    assert.deepEqual(JSON.parse(seen[0]!), {
      type: "TrafficFlowObserved",
      id: "9",
      // daylight saving ends that night, an hour and a half later
      dateObserved: "2015-11-01T05:30:00.000Z",
      averageVehicleSpeed: 82.0765,
    });
  },
);
