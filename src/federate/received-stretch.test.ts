import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogBlock } from "../ports/store.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { type Spared, stepOf } from "./received-stretch.ts";

const log = "from/north/soil";
const forever = Number.MAX_SAFE_INTEGER;

/** `count` messages of two bytes each, at [first, next). */
function block(first: number, next: number, count = next - first, at = 0): LogBlock {
  const packets = Array.from({ length: count }, (_, i) =>
    encodePublish(5, { topic: "a", payload: Buffer.from(String(10 + i)) }),
  );
  const payloadBytes = 2 * count;
  const bytes = Buffer.concat(packets);
  return { log, epoch: "e", first, next, count, payloadBytes, at, packets: bytes };
}

function spare(from: number, to = forever): Spared {
  return { agreement: "other", from, to };
}

/** What is erased, as `from-to`, with what is left of a block. */
function erased(blocks: readonly LogBlock[], from: number, to: number, spared: Spared[] = []) {
  const step = stepOf(blocks, { log, from, to }, spared);
  const told = step.writes.map((write) => {
    assert.equal(write.op, "erase");
    if (write.op !== "erase") return "";
    const left = (write.left ?? []).map((one) => `${one.first}-${one.next}:${one.count}`);
    return [`${write.from}-${write.to}`, ...left].join(" ");
  });
  return { told, erased: step.erased.messages, kept: step.kept.messages };
}

test("received stretch - whole blocks go together, up to one that is empty", () => {
  const blocks = [block(0, 10), block(10, 20), block(20, 90, 0), block(90, 95)];
  assert.deepEqual(erased(blocks, 0, 95), { told: ["0-20", "90-95"], erased: 25, kept: 0 });
});

test("received stretch - what came before it or after it stays", () => {
  const blocks = [block(0, 10), block(10, 20), block(20, 30)];
  assert.deepEqual(erased(blocks, 10, 20), { told: ["10-20"], erased: 10, kept: 0 });
  assert.deepEqual(erased(blocks, 5, 22), {
    told: ["0-10 0-5:5", "10-20", "20-30 22-30:8"],
    erased: 17,
    kept: 0,
  });
});

test("received stretch - positions that another paid for are kept, on both sides of a border", () => {
  const blocks = [block(0, 10), block(10, 20)];
  assert.deepEqual(erased(blocks, 0, 20, [spare(13)]), {
    told: ["0-10", "10-20 13-20:7"],
    erased: 13,
    kept: 7,
  });
  assert.deepEqual(erased(blocks, 0, 20, [spare(12, 14), spare(4, 10), spare(13, 16)]), {
    told: ["0-10 4-10:6", "10-20 12-16:4"],
    erased: 10,
    kept: 10,
  });
  assert.deepEqual(erased(blocks, 0, 20, [spare(0)]), { told: [], erased: 0, kept: 20 });
});

test("received stretch - where messages were withheld each stands at the earliest", () => {
  const blocks = [block(0, 100, 3)];
  assert.deepEqual(erased(blocks, 0, 100, [spare(2)]), {
    told: ["0-100 2-100:1"],
    erased: 2,
    kept: 1,
  });
  // behind the last of them there is nothing to erase
  assert.deepEqual(erased(blocks, 3, 100), { told: [], erased: 0, kept: 0 });
});

test("received stretch - what may still come to one that had nothing yet is kept by its time", () => {
  const blocks = [block(0, 10, 10, 1000), block(10, 20, 10, 2000)];
  const spared = [{ ...spare(0), since: 1500 }];
  assert.deepEqual(erased(blocks, 0, 20, spared), { told: ["0-10"], erased: 10, kept: 10 });
});
