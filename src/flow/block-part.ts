import type { LogBlock } from "../ports/store.ts";
import { offsetAfter, payloadBytesOf } from "../wire/mqtt/publish.ts";
import { layout5 } from "./run.ts";

type Block = Omit<LogBlock, "log">;

/** A block's packets as a buffer, in the same memory. */
export function packetsOf({ packets }: Pick<LogBlock, "packets">): Buffer {
  return Buffer.from(packets.buffer, packets.byteOffset, packets.length);
}

/**
 * What of a block stands at positions [from, to), which lie within it. Where messages were
 * withheld, each counts as standing where it does at the earliest.
 */
export function partOf<B extends Block>(block: B, from: number, to: number): B {
  const packets = packetsOf(block);
  const before = Math.min(from - block.first, block.count);
  const until = Math.min(to - block.first, block.count);
  const start = offsetAfter(packets, before);
  const end = start + offsetAfter(packets.subarray(start), until - before);
  const part = packets.subarray(start, end);
  const payloadBytes = payloadBytesOf(part, layout5);
  return { ...block, first: from, next: to, count: until - before, payloadBytes, packets: part };
}
