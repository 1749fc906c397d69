import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { History, Reached } from "../../ports/history.ts";
import type { LogBlock, LogState, Store } from "../../ports/store.ts";
import { HistoryKeeping } from "./keeping.ts";
import { MinMaxPoints, Summing } from "./windows.ts";

const block = (first: number, at = first): LogBlock => ({
  ...{ log: "log", epoch: "e", first, next: first + 1, count: 1, payloadBytes: 1, at },
  packets: Buffer.alloc(0),
});

/** A log of blocks of one message, and a history that says where it stands and keeps what it is told. */
function kept(blocks: LogBlock[], reached: Reached | undefined, isSlow = false) {
  const told: string[] = [];
  const state = (): LogState => {
    const { log, epoch, next: end } = blocks.at(-1)!;
    return { log, epoch, end, messages: blocks.length, bytes: 0 };
  };
  const store: Pick<Store, "log" | "logs"> = {
    log: async (name) => (name === "log" ? state() : undefined),
    logs: async () => [state()],
  };
  const history: Pick<History, "reached" | "take" | "forget"> = {
    reached: async () => reached,
    take: (taken) => {
      told.push(...taken.map(({ first }) => String(first)));
      return isSlow ? new Promise(() => {}) : Promise.resolve();
    },
    forget: async (log) => void told.push(`forget ${log}`),
  };
  const keeping = new HistoryKeeping({
    history: history as History,
    store: store as Store,
    readLog: async (_log, after) => blocks.filter(({ next }) => next > after).slice(0, 2),
    onFailed: (failure) => assert.fail(String(failure)),
    waitMs: 20,
  });
  return { keeping, told };
}

test("history keeping - goes on where history stands, and never beyond what is committed", async () => {
  const blocks = [0, 1, 2, 3, 4].map((first) => block(first));
  const { keeping, told } = kept(blocks, { epoch: "e", position: 2, mark: "1 2 1" });
  assert.equal((await keeping.caughtUp("log"))?.end, 5);
  assert.deepEqual(told, ["2", "3", "4"]);
  blocks.push(block(5));
  await Promise.all([keeping.caughtUp("log"), keeping.caughtUp("log")]);
  assert.deepEqual(told, ["2", "3", "4", "5"]);
  assert.equal(await keeping.caughtUp("another"), undefined);
});

test("history keeping - a log that is not the one history knows is taken in anew", async () => {
  const blocks = [0, 1, 2].map((first) => block(first));
  for (const reached of [
    { epoch: "another", position: 2, mark: "1 2 1" },
    { epoch: "e", position: 4, mark: "3 4 3" }, // ahead: the store was restored from a backup
    { epoch: "e", position: 2, mark: "1 2 999" }, // and has gone on since
    undefined,
  ]) {
    const { keeping, told } = kept(blocks, reached);
    await keeping.caughtUp("log");
    assert.deepEqual(told, ["forget log", "0", "1", "2"]);
  }
  // what stood there is no longer kept: nothing speaks against it
  const later = kept([block(7), block(8)], { epoch: "e", position: 3, mark: "2 3 2" });
  await later.keeping.caughtUp("log");
  assert.deepEqual(later.told, ["7", "8"]);
});

test("history keeping - a question that would wait too long is told so", async () => {
  const { keeping } = kept([block(0), block(1)], undefined, true);
  await assert.rejects(keeping.caughtUp("log"), { code: "HISTORY_BEHIND" });
});

test("history keeping - what is erased while it is being taken in goes after that", async () => {
  const { promise: isRead, resolve: read } = Promise.withResolvers<void>();
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  const told: string[] = [];
  const state = { log: "log", epoch: "e", end: 2, messages: 2, bytes: 0 };
  const history: Pick<History, "reached" | "take" | "forget" | "erase"> = {
    reached: async () => undefined,
    take: async () => {
      read();
      await taken;
      told.push("taken");
    },
    forget: async () => {},
    erase: async (_log, upTo, from) => void told.push(`erased ${from}-${upTo}`),
  };
  const keeping = new HistoryKeeping({
    history: history as History,
    store: { log: async () => state, logs: async () => [state] } as unknown as Store,
    readLog: async () => [block(0), block(1)],
    onFailed: (failure) => assert.fail(String(failure)),
  });
  const asked = keeping.caughtUp("log");
  await isRead;
  const erased = keeping.erase("log", 2, 1);
  take();
  await Promise.all([asked, erased]);
  assert.deepEqual(told, ["taken", "erased 1-2"]);
});

test("history windows - sums lose nothing that a plain sum would", () => {
  const summing = new Summing();
  for (const value of [1, 1e100, 1, -1e100]) summing.add(value);
  assert.equal(summing.result("sum"), 2);
  assert.equal(summing.result("mean"), 0.5);
  assert.ok(Number.isNaN(new Summing().result("mean")));
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -9_999_999, max: 9_999_999 }), { minLength: 1 }),
      (cents) => {
        const all = new Summing();
        for (const cent of cents) all.add(cent / 100);
        const exact = cents.reduce((a, b) => a + b, 0) / 100;
        // what is left is the rounding of the hundredths themselves
        const rounding = cents.reduce((a, b) => a + Math.abs(b / 100), 0) * 2 ** -52;
        assert.ok(Math.abs(all.result("sum") - exact) <= rounding);
        assert.equal(all.result("max"), Math.max(...cents) / 100);
        assert.equal(all.result("min"), Math.min(...cents) / 100);
      },
    ),
  );
});

test("history windows - the extremes of each stretch stay, in order, and no more than asked for", () => {
  const series = fc.array(fc.tuple(fc.nat(10_000), fc.integer()), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(series, fc.integer({ min: 2, max: 50 }), (pairs, points) => {
      const all = pairs.toSorted(([a], [b]) => a - b).map(([time, value]) => ({ time, value }));
      const picked = new MinMaxPoints(0, 10_001, points);
      const shown = [...all.flatMap((point) => picked.add(point)), ...picked.end()];
      assert.ok(shown.length <= points);
      for (const point of shown) assert.ok(all.includes(point));
      const width = 10_001 / Math.floor(points / 2);
      for (const stretch of new Set(all.map(({ time }) => Math.floor(time / width)))) {
        const of = (some: typeof all): number[] =>
          some.filter(({ time }) => Math.floor(time / width) === stretch).map(({ value }) => value);
        assert.equal(Math.max(...of(shown)), Math.max(...of(all)));
        assert.equal(Math.min(...of(shown)), Math.min(...of(all)));
      }
      const times = shown.map(({ time }) => time);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
    }),
  );
});
