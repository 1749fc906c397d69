/** The part of `store.conformance.ts` that is about logs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ComityError } from "../kernel/errors.ts";
import type { LogBlock, Store, Write } from "./store.ts";

export function logConformance(store: () => Store): void {
  const positions = (blocks: readonly LogBlock[]): number[] => blocks.map(({ first }) => first);

  test("store - a log grows by blocks that come back byte for byte", async () => {
    assert.equal(await store().log("grow"), undefined);
    assert.deepEqual(await store().readLog("grow", 0, 1000), []);
    const backing = Uint8Array.from({ length: 256 }, (_, i) => i);
    const first = { ...block("grow", 0, 3).block, packets: backing.subarray(100, 110) };
    await store().commit([{ op: "append", block: first }, block("grow", 3, 5)]);
    assert.deepEqual(await store().log("grow"), {
      log: "grow",
      epoch: "e1",
      end: 5,
      messages: 5,
      bytes: 50,
    });
    const [stored] = await store().readLog("grow", 0, 1);
    assert.deepEqual(
      { ...stored, packets: [...(stored?.packets ?? [])] },
      {
        ...first,
        packets: [...first.packets],
      },
    );
    assert.equal(backing.length, 256); // the caller's memory is still its own
    assert.ok((await store().logs()).some(({ log, end }) => log === "grow" && end === 5));
  });

  test("store - takes the packets as they were when commit was called", async () => {
    const packets = Buffer.from("as it was");
    const done = store().commit([
      { op: "append", block: { ...block("reused", 0, 1).block, packets } },
    ]);
    packets.fill(0);
    await done;
    const [stored] = await store().readLog("reused", 0, 1000);
    assert.equal(Buffer.from(stored?.packets ?? []).toString(), "as it was");
  });

  test("store - reads from any position, about as much as asked, at least one block", async () => {
    await store().commit([0, 10, 20, 30].map((at) => block("read", at, at + 10, 100)));
    assert.deepEqual(positions(await store().readLog("read", 0, 1e6)), [0, 10, 20, 30]);
    assert.deepEqual(positions(await store().readLog("read", 9, 1e6)), [0, 10, 20, 30]);
    assert.deepEqual(positions(await store().readLog("read", 10, 1e6)), [10, 20, 30]);
    assert.deepEqual(positions(await store().readLog("read", 15, 200)), [10, 20]);
    assert.deepEqual(positions(await store().readLog("read", 39, 0)), [30]);
    assert.deepEqual(positions(await store().readLog("read", 40, 1e6)), []);
  });

  test("store - trims the oldest blocks by age or size, never the newest; positions stand", async () => {
    const blocks = [0, 10, 20, 30].map((at): Write => {
      const made = block("trim", at, at + 10, 100);
      return { ...made, block: { ...made.block, at: 1000 + at } };
    });
    await store().commit(blocks);
    const left = async (): Promise<number[]> => positions(await store().readLog("trim", 0, 1e6));
    const each = (await store().log("trim"))!.bytes / 4;
    await store().commit([{ op: "trim", log: "trim", olderThan: 1000, bytesMax: each * 4 }]);
    assert.deepEqual(await left(), [0, 10, 20, 30]);
    await store().commit([{ op: "trim", log: "trim", olderThan: 1010 }]);
    assert.deepEqual(await left(), [10, 20, 30]);
    await store().commit([{ op: "trim", log: "trim", bytesMax: each * 2.5 }]);
    assert.deepEqual(await left(), [20, 30]);
    await store().commit([{ op: "trim", log: "trim", olderThan: 1e9, bytesMax: 0 }]);
    assert.deepEqual(await left(), [30]);
    const { end, messages, bytes } = (await store().log("trim"))!;
    assert.deepEqual([end, messages, bytes], [40, 10, each]);
    await store().commit([block("trim", 40, 41, 100), { op: "trim", log: "no such log" }]);
    assert.deepEqual(positions(await store().readLog("trim", 35, 1e6)), [30, 40]);
  });

  test("store - refuses a block that leaves a hole, overlaps or changes the epoch", async () => {
    await store().commit([block("strict", 0, 10)]);
    const other = { ...block("strict", 10, 11).block, epoch: "e2" };
    const wrong: Write[] = [
      block("strict", 11, 12),
      block("strict", 9, 11),
      { op: "append", block: other },
    ];
    for (const append of wrong) {
      await assert.rejects(
        store().commit([{ op: "put", kind: "strict", id: "with it", doc: 1 }, append]),
        (error) => error instanceof ComityError && error.code === "STORE_FAILED",
      );
    }
    assert.deepEqual(await store().list("strict"), []);
    await store().commit([block("strict", 10, 11)]);
    assert.equal((await store().log("strict"))?.end, 11);
  });

  test("store - refuses a block that cannot be", async () => {
    const { block: good } = block("impossible", 0, 2);
    const bad: Partial<LogBlock>[] = [
      { next: 0 },
      { count: 3 },
      { first: -1 },
      { at: 0.5 },
      { next: 2 ** 53 },
    ];
    for (const part of bad) {
      await assert.rejects(
        store().commit([{ op: "append", block: { ...good, ...part } }]),
        RangeError,
      );
    }
    assert.equal(await store().log("impossible"), undefined);
  });

  test("store - a log may begin anywhere and hold fewer messages than positions", async () => {
    const withheld = { ...block("late", 1000, 1100).block, count: 3, payloadBytes: 12 };
    const gap = {
      ...block("late", 1100, 5000).block,
      count: 0,
      payloadBytes: 0,
      packets: new Uint8Array(),
    };
    await store().commit([
      { op: "append", block: withheld },
      { op: "append", block: gap },
    ]);
    assert.deepEqual(await store().log("late"), {
      log: "late",
      epoch: "e1",
      end: 5000,
      messages: 3,
      bytes: 12,
    });
    assert.deepEqual(positions(await store().readLog("late", 0, 1e6)), [1000, 1100]);
  });

  test("store - knows each producer's last sequence number", async () => {
    assert.equal((await store().producers("producers")).size, 0);
    const first = block("producers", 0, 2);
    await store().commit([
      {
        ...first,
        producers: new Map([
          ["p", 4],
          ["q", 2 ** 52],
        ]),
      },
    ]);
    await store().commit([{ ...block("producers", 2, 3), producers: new Map([["p", 5]]) }]);
    assert.deepEqual(
      await store().producers("producers"),
      new Map([
        ["p", 5],
        ["q", 2 ** 52],
      ]),
    );
  });

  test("store - erased positions stand, what they held is counted and gone", async () => {
    await store().commit([0, 10, 20, 30].map((at) => block("erased", at, at + 10)));
    await store().commit([erase("erased", 10, 20), erase("erased", 20, 30)]);
    const found = await store().readLog("erased", 0, 1e6);
    assert.deepEqual(
      found.map(({ first, next, count, erased }) => [first, next, count, erased]),
      [
        [0, 10, 10, undefined],
        [10, 30, 0, 20], // read as one
        [30, 40, 10, undefined],
      ],
    );
    assert.equal(found[1]?.packets.length, 0);
    assert.deepEqual(positions(await store().readLog("erased", 15, 1e6)), [10, 30]);
    const state = { log: "erased", epoch: "e1", end: 40, messages: 20, bytes: 200, erased: 20 };
    assert.deepEqual(await store().log("erased"), state);
    await store().commit([erase("erased", 0, 40), block("erased", 40, 41)]);
    assert.deepEqual(positions(await store().readLog("erased", 0, 1e6)), [0, 40]);
    const after = { ...state, end: 41, messages: 1, bytes: 10, erased: 40 };
    assert.deepEqual(await store().log("erased"), after);
    await store().commit([erase("erased", 0, 40)]); // once more: nothing is left to erase
    assert.deepEqual(await store().log("erased"), after);
  });

  test("store - of a single block a part may be erased", async () => {
    await store().commit([block("part", 0, 5), block("part", 5, 25)]);
    const left = [block("part", 8, 10).block, block("part", 20, 25).block];
    await store().commit([{ ...erase("part", 5, 25), left }]);
    const found = await store().readLog("part", 0, 1e6);
    assert.deepEqual(
      found.map(({ first, next, count, erased }) => [first, next, count, erased]),
      [
        [0, 5, 5, undefined],
        [5, 8, 0, 13],
        [8, 10, 2, undefined],
        [10, 20, 0, undefined],
        [20, 25, 5, undefined],
      ],
    );
    assert.deepEqual([...(found[2]?.packets ?? [])], [...left[0]!.packets]);
    const { messages, bytes, erased } = (await store().log("part"))!;
    assert.deepEqual([messages, bytes, erased], [12, 120, 13]);
  });

  test("store - refuses to erase where no blocks begin and end, and keeps all of it", async () => {
    await store().commit([block("whole", 0, 10), block("whole", 10, 20)]);
    const wrong: Write[] = [
      erase("whole", 0, 15),
      erase("whole", 5, 20),
      erase("whole", 0, 30),
      erase("nobody's", 0, 10),
      { ...erase("whole", 0, 20), left: [block("whole", 3, 5).block] },
    ];
    for (const one of wrong) {
      await assert.rejects(store().commit([{ op: "remove", kind: "whole", id: "x" }, one]), {
        code: "STORE_FAILED",
      });
    }
    for (const left of [[block("whole", 8, 12).block], [block("whole", 0, 10).block]]) {
      await assert.rejects(store().commit([{ ...erase("whole", 0, 10), left }]));
    }
    assert.equal((await store().log("whole"))?.messages, 20);
  });

  test("store - logs do not touch each other", async () => {
    await store().commit([block("twin/a", 0, 2), block("twin/b", 7, 9), block("twin/a", 2, 3)]);
    assert.deepEqual(positions(await store().readLog("twin/a", 0, 1e6)), [0, 2]);
    assert.deepEqual(positions(await store().readLog("twin/b", 0, 1e6)), [7]);
  });
}

function erase(log: string, from: number, to: number): Extract<Write, { op: "erase" }> {
  return { op: "erase", log, from, to };
}

/** Ten bytes of payload a message, in epoch e1. */
export function block(
  log: string,
  first: number,
  next: number,
  bytes = 10 * (next - first),
): Extract<Write, { op: "append" }> {
  const count = next - first;
  const packets = Buffer.alloc(bytes, first);
  const at = 1_790_000_000_000 + first;
  return {
    op: "append",
    block: { log, epoch: "e1", first, next, count, payloadBytes: 10 * count, at, packets },
  };
}
