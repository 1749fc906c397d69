import type { LogBlock } from "../ports/store.ts";
import type { Refusal } from "../ports/usage.ts";
import { offsetAfter, payloadBytesOf, walkPublishes } from "../wire/mqtt/publish.ts";
import type { Grant } from "../market/grant.ts";
import { packetsOf } from "./block-part.ts";
import type { Gate } from "./gate.ts";
import { type Passage, windowOf } from "./passage.ts";
import { readBlocks } from "./read-blocks.ts";
import { layout5, splitByTopic } from "./run.ts";
import type { StreamLog } from "./stream-log.ts";

/** Packets of a log's block that an agreement lets through, before cap and expiry. */
export interface Passing {
  readonly packets: Buffer;
  readonly count: number;
  readonly payloadBytes: number;
}

/**
 * What of a block, from a position on, an agreement lets through. A log is its product's and
 * keeps what was ever sold; an agreement may cover less of it.
 */
export function passingOf(
  block: LogBlock,
  from: number,
  passage: Passage,
  refuse: (reason: Refusal, count: number) => void,
): Passing[] {
  const skipped = Math.max(0, from - block.first);
  const whole = packetsOf(block);
  const packets = skipped === 0 ? whole : whole.subarray(offsetAfter(whole, skipped));
  if (passage.passesWhole(topicsOf(block), block.at)) {
    const payloadBytes = skipped === 0 ? block.payloadBytes : payloadBytesOf(packets, layout5);
    return [{ packets, count: block.count - skipped, payloadBytes }];
  }
  const passing: Passing[] = [];
  splitByTopic(packets, (run) => {
    const checked = passage.pass(run, block.at);
    for (const { reason, count } of checked.withheld) refuse(reason, count);
    if (checked.run === undefined) return;
    const { count, payloadBytes } = checked.run;
    passing.push({ packets: checked.run.encoded(5), count, payloadBytes });
  });
  return passing;
}

/** Positions before the block that the log keeps no longer, for whoever comes from `from`. */
export function tellGap(gate: Gate, block: LogBlock, from: number): void {
  const lost = block.first - from;
  if (lost <= 0) return;
  gate.refuse("retention", lost);
  gate.tell(
    "stream.gap",
    `${lost} messages from position ${from} to ${block.first} are kept no longer: ` +
      `${gate.grant.consumer} goes on behind them`,
  );
}

/**
 * An agreement's way through a log from a position on. A rate remembers what its window has had:
 * that is read again from the log, back to the window's first block or the agreement's `start`.
 */
export async function openPassage(
  from: { readonly grant: Grant; passage(): Passage },
  log: StreamLog,
  position: number,
  start: number,
): Promise<Passage> {
  const passage = from.passage();
  const { rate } = from.grant;
  if (rate === undefined) return passage;
  const first = await windowStart(log, position, start, (at) => windowOf(rate, at));
  await walkPassing(log, first, position, passage, () => {});
  return passage;
}

/** A position at or before the first message of the window that the one before `position` is in. */
async function windowStart(
  log: StreamLog,
  position: number,
  start: number,
  windowAt: (at: number) => number,
): Promise<number> {
  let from = position;
  let window: number | undefined;
  for (let step = 1; from > start; step *= 2) {
    const [block] = await log.read(Math.max(start, from - step), 1);
    if (block === undefined) return from;
    from = Math.max(start, Math.min(from - 1, block.first));
    window ??= windowAt(block.at);
    if (windowAt(block.at) !== window) return from;
  }
  return from;
}

/**
 * What was due between two positions, counted from the log itself; undefined where `to` is not
 * the end of a block, as every checkpoint's position is. The passage stands at `from`.
 */
export async function dueBetween(
  log: StreamLog,
  from: number,
  to: number,
  passage: Passage,
): Promise<{ readonly messages: number; readonly payloadBytes: number } | undefined> {
  let messages = 0;
  let payloadBytes = 0;
  const isWhole = await walkPassing(log, from, to, passage, (passing) => {
    messages += passing.count;
    payloadBytes += passing.payloadBytes;
  });
  return isWhole ? { messages, payloadBytes } : undefined;
}

/** False where `to` is not the end of a block. */
async function walkPassing(
  log: StreamLog,
  from: number,
  to: number,
  passage: Passage,
  visit: (passing: Passing) => void,
): Promise<boolean> {
  if (from >= to) return true;
  for await (const block of readBlocks(log, from)) {
    if (block.next > to) return false;
    for (const passing of passingOf(block, from, passage, () => {})) visit(passing);
    if (block.next === to) return true;
  }
  return false;
}

const knownTopics = new WeakMap<LogBlock, ReadonlySet<string>>();

/** Read once for all feeds that serve the block from memory. */
function topicsOf(block: LogBlock): ReadonlySet<string> {
  let topics = knownTopics.get(block);
  if (topics === undefined) knownTopics.set(block, (topics = readTopics(packetsOf(block))));
  return topics;
}

function readTopics(packets: Buffer): Set<string> {
  const topics = new Set<string>();
  let last = packets.subarray(0, 0);
  walkPublishes(packets, layout5, ({ topicAt, topicEnd }) => {
    if (packets.compare(last, 0, last.length, topicAt, topicEnd) === 0) return;
    last = packets.subarray(topicAt, topicEnd);
    topics.add(last.toString("utf8"));
  });
  return topics;
}
