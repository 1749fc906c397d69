/** What every engine's history must do; an engine's test calls it with how one is opened. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { matches } from "../kernel/topic.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import type { History, ReadingPage, ReadingQuery } from "./history.ts";
import type { LogBlock } from "./store.ts";

export interface ModelReading {
  readonly topic: string;
  readonly position: number;
  readonly at: number;
  readonly time: number;
  readonly payload: string;
}

const start = Date.UTC(2026, 10, 23);
const epoch = "e";

export function historyConformance(engine: string, open: () => Promise<History>): void {
  const suite = (name: string, run: (history: History) => Promise<void>): void => {
    test(`${engine} history - ${name}`, async () => {
      const history = await open();
      try {
        await run(history);
      } finally {
        await history.close();
      }
    });
  };

  suite("answers what a plain list answers, late readings in their place", async (history) => {
    let logs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(messages, { minLength: 1, maxLength: 12 }),
        asked,
        async (all, q) => {
          const log = `log/${++logs}`;
          const { blocks, readings } = historyOf(log, all);
          await history.take(blocks);
          for (const { topic, by, from, until, limit } of q) {
            const fits = expected(readings, { topic, by, from, until });
            const query: ReadingQuery = { log, topic, by, from, until, limit };
            assert.deepEqual(await readAll(history, query), fits);
            const field = (await readAll(history, { ...query, field: "v" })).map(
              ({ value }) => value,
            );
            assert.deepEqual(
              field,
              fits.map(({ payload }) => valueIn(payload)),
            );
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  suite("what is erased is answered no more, and the rest as before", async (history) => {
    let logs = 0;
    const range = fc.tuple(fc.nat(120), fc.nat(120));
    await fc.assert(
      fc.asyncProperty(
        fc.array(messages, { minLength: 1, maxLength: 8 }),
        range,
        async (all, ends) => {
          const log = `log/${++logs}`;
          const { blocks, readings } = historyOf(log, all);
          await history.take(blocks);
          const [from, upTo] = ends.toSorted((a, b) => a - b) as [number, number];
          await history.erase(log, upTo, from);
          const left = readings.filter(({ position }) => position < from || position >= upTo);
          for (const topic of topics) {
            const query = { topic, by: "time", from: 0, until: Infinity } as const;
            assert.deepEqual(
              await readAll(history, { log, ...query, limit: 1000 }),
              expected(left, query),
            );
          }
          const series = await history.series({ log, filter: "#", limit: 10 });
          assert.deepEqual(
            series.map(({ topic, last, readings: count }) => [topic, last.position, count]),
            topics.flatMap((topic) => {
              const own = expected(left, { topic, by: "time", from: 0, until: Infinity });
              return own.length === 0 ? [] : [[topic, own.at(-1)!.position, own.length]];
            }),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  suite(
    "what is kept no longer is answered no more, and comes back by no late reading",
    async (history) => {
      let logs = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(messages, { minLength: 1, maxLength: 8 }),
          fc.nat(80),
          async (all, upTo) => {
            const log = `log/${++logs}`;
            const { blocks, readings } = historyOf(log, all);
            await history.take(blocks);
            await history.trim(log, upTo);
            await history.trim(log, Math.floor(upTo / 2)); // gives nothing back
            const left = readings.filter(({ position }) => position >= upTo);
            for (const topic of topics) {
              const query = { topic, by: "time", from: 0, until: Infinity } as const;
              const wanted = expected(left, query);
              assert.deepEqual(await readAll(history, { log, ...query, limit: 7 }), wanted);
              const [series] = await history.series({ log, filter: topic, limit: 1 });
              assert.equal(series?.last.position, wanted.at(-1)?.position);
            }
          },
        ),
        { numRuns: 40 },
      );
    },
  );

  suite("lists the series of a filter in order, each with its latest reading", async (history) => {
    const names = ["a", "a/b", "a/b/c", "a/bc", "b/b", "$own", "a/é"];
    const payloads = names.flatMap((topic) => [
      { topic, payload: `{"ts":${start + 5}}` },
      { topic, payload: `{"ts":${start - 5}}` }, // came later, is older
    ]);
    await history.take(historyOf("one", [payloads]).blocks);
    for (const filter of ["#", "a/#", "a/b", "+/b", "a/+", "a/b/#", "$own", "c", "a/b/c/#"]) {
      const fits = names.filter((name) => matches(filter, name)).toSorted(byBytes);
      const found = await history.series({ log: "one", filter, limit: 100 });
      assert.deepEqual(
        found.map(({ topic }) => topic),
        fits,
        filter,
      );
      for (const { last, readings } of found) {
        assert.equal(readings, 2);
        assert.equal(last.time, start + 5);
        assert.equal(Buffer.from(last.payload).toString(), `{"ts":${start + 5}}`);
      }
      const paged: string[] = [];
      for (;;) {
        const after = paged.at(-1);
        const query = { log: "one", filter, limit: 2, ...(after !== undefined && { after }) };
        const page = await history.series(query);
        paged.push(...page.map(({ topic }) => topic));
        if (page.length < 2) break;
      }
      assert.deepEqual(paged, fits, filter);
    }
    assert.deepEqual(await history.series({ log: "another", filter: "#", limit: 10 }), []);
  });

  suite("what comes twice is there once; a block across its end is refused", async (history) => {
    const { blocks, readings } = historyOf("one", [
      [{ topic: "a", payload: "1" }],
      [
        { topic: "a", payload: "2" },
        { topic: "a", payload: "3" },
      ],
    ]);
    await history.take(blocks);
    await history.take(blocks);
    const query = { topic: "a", by: "at", from: 0, until: Infinity } as const;
    const found = await readAll(history, { log: "one", ...query, limit: 10 });
    assert.deepEqual(found, expected(readings, query));
    await assert.rejects(history.take([{ ...blocks[1]!, first: 2, next: 9 }]), {
      code: "HISTORY_FAILED",
    });
  });

  suite("a log that is forgotten can be taken in anew, another one stands", async (history) => {
    const messagesOf = (payload: string) => [[{ topic: "a", payload }]];
    await history.take(historyOf("one", messagesOf("1")).blocks);
    await history.take(historyOf("two", messagesOf("2")).blocks);
    await history.forget("one");
    assert.equal(await history.reached("one"), undefined);
    assert.deepEqual(await history.series({ log: "one", filter: "#", limit: 10 }), []);
    await history.take(historyOf("one", messagesOf("3")).blocks);
    for (const [log, payload] of [
      ["one", "3"],
      ["two", "2"],
    ] as const) {
      const [found] = await history.series({ log, filter: "#", limit: 10 });
      assert.equal(Buffer.from(found!.last.payload).toString(), payload);
    }
  });
}

const topics = ["t/1", "t/2", "t/3"];
const value = fc.oneof(
  fc.integer({ min: -40_000, max: 40_000 }).map((n) => n / 100),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
  fc.constantFrom("text", null),
);
const message = fc.record({
  topic: fc.constantFrom(...topics),
  payload: fc.oneof(
    fc
      .tuple(value, fc.integer({ min: -30_000, max: 30_000 }))
      .map(([v, late]) => JSON.stringify({ v, ts: start + late })),
    fc.string(),
  ),
});
const messages = fc.array(message, { maxLength: 10 });
const asked = fc.array(
  fc.record({
    topic: fc.constantFrom(...topics, "t/none"),
    by: fc.constantFrom("time" as const, "at" as const),
    from: fc.oneof(fc.constant(0), fc.integer({ min: start - 30_000, max: start + 30_000 })),
    until: fc.oneof(
      fc.constant(Infinity),
      fc.integer({ min: start - 30_000, max: start + 30_000 }),
    ),
    limit: fc.integer({ min: 1, max: 20 }),
  }),
  { maxLength: 4 },
);

/** Blocks of a log a second apart, and the readings that are in them. */
export function historyOf(
  log: string,
  all: readonly (readonly { readonly topic: string; readonly payload: string }[])[],
  from = 0,
): { blocks: LogBlock[]; readings: ModelReading[] } {
  const readings: ModelReading[] = [];
  let first = from;
  const blocks = all.map((each, i) => {
    const at = start + (from + i) * 1000;
    for (const [index, { topic, payload }] of each.entries()) {
      const own = /"ts":(\d+)/.exec(payload)?.[1];
      const time = own === undefined ? at : Number(own);
      readings.push({ topic, payload, position: first + index, at, time });
    }
    const packets = Buffer.concat(
      each.map(({ topic, payload }) => encodePublish(5, { topic, payload: Buffer.from(payload) })),
    );
    const count = each.length;
    const payloadBytes = each.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
    const next = first + Math.max(1, count); // a block without messages covers positions, too
    const block = { log, epoch, first, next, count, payloadBytes, at, packets };
    first = next;
    return block;
  });
  return { blocks, readings };
}

function expected(
  readings: readonly ModelReading[],
  { topic, by, from, until }: Pick<ReadingQuery, "topic" | "by" | "from" | "until">,
): ReadBack[] {
  return readings
    .filter((one) => one.topic === topic && one[by] >= from && one[by] < until)
    .toSorted((a, b) => a[by] - b[by] || a.position - b.position)
    .map(({ position, at, time, payload }) => ({ position, at, time, payload }));
}

interface ReadBack {
  readonly position: number;
  readonly at: number;
  readonly time: number;
  readonly payload?: string;
  readonly value?: number;
}

/** Page after page. */
export async function readAll(history: History, query: ReadingQuery): Promise<ReadBack[]> {
  const all: ReadBack[] = [];
  for (;;) {
    const last = all.at(-1);
    const after = last && { time: last[query.by], position: last.position };
    const page = await history.read({ ...query, ...(after && { after }) });
    assert.ok(page.positions.length <= query.limit);
    all.push(...rowsOf(page, query.field !== undefined));
    if (!page.more) return all;
    assert.ok(page.positions.length > 0, "a page that has more has something");
  }
}

function rowsOf(page: ReadingPage, hasField: boolean): ReadBack[] {
  return Array.from(page.positions, (position, i) => {
    const stands = { position, at: page.ats[i]!, time: page.times[i]! };
    if (hasField) return { ...stands, value: page.values[i]! };
    const payload = page.payloads.subarray(page.ends[i - 1] ?? 0, page.ends[i]);
    return { ...stands, payload: Buffer.from(payload).toString() };
  });
}

function valueIn(payload = ""): number {
  try {
    const found: unknown = Reflect.get(JSON.parse(payload) as object, "v");
    return typeof found === "number" ? found : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
