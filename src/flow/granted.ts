import { matches } from "../kernel/topic.ts";
import type { LogBlock } from "../ports/store.ts";
import { offsetAfter, payloadBytesOf, walkPublishes } from "../wire/mqtt/publish.ts";
import type { Gate } from "./gate.ts";
import { layout5, splitByTopic } from "./run.ts";
import type { StreamLog } from "./stream-log.ts";
import type { View } from "./view.ts";

/** Packets of a log's block that an agreement lets through, before cap and expiry. */
export interface Passing {
  readonly packets: Buffer;
  readonly count: number;
  readonly payloadBytes: number;
}

/**
 * What of a block, from a position on, the agreement's topics and view let through. A log is its
 * product's and keeps what was ever sold; an agreement may cover less of it.
 */
export function passingOf(
  block: LogBlock,
  from: number,
  { grant }: Gate,
  view: View | undefined,
  refuse: (reason: "topic" | "field", count: number) => void,
): Passing[] {
  const skipped = Math.max(0, from - block.first);
  const whole = bytesOf(block);
  const packets = skipped === 0 ? whole : whole.subarray(offsetAfter(whole, skipped));
  const isGranted = (topic: string): boolean =>
    grant.filters.some((filter) => matches(filter, topic));
  if (view === undefined && [...topicsOf(block)].every(isGranted)) {
    const payloadBytes = skipped === 0 ? block.payloadBytes : payloadBytesOf(packets, layout5);
    return [{ packets, count: block.count - skipped, payloadBytes }];
  }
  const passing: Passing[] = [];
  splitByTopic(packets, (run) => {
    if (!isGranted(run.topic)) {
      refuse("topic", run.count);
      return;
    }
    const viewed = view?.apply(run) ?? { run, withheld: 0 };
    if (viewed.withheld > 0) refuse("field", viewed.withheld);
    if (viewed.run === undefined) return;
    const { count, payloadBytes } = viewed.run;
    passing.push({ packets: viewed.run.encoded(5), count, payloadBytes });
  });
  return passing;
}

const readBytes = 262_144;

/**
 * What was due between two positions, counted from the log itself; undefined where `to` is not
 * the end of a block, as every checkpoint's position is.
 */
export async function dueBetween(
  log: StreamLog,
  from: number,
  to: number,
  gate: Gate,
  view: View | undefined,
): Promise<{ readonly messages: number; readonly payloadBytes: number } | undefined> {
  let messages = 0;
  let payloadBytes = 0;
  let position = from;
  while (position < to) {
    const blocks = await log.read(position, readBytes);
    if (blocks.length === 0) return undefined;
    for (const block of blocks) {
      if (block.next > to) return undefined;
      for (const passing of passingOf(block, position, gate, view, () => {})) {
        messages += passing.count;
        payloadBytes += passing.payloadBytes;
      }
      position = block.next;
      if (position === to) break;
    }
  }
  return { messages, payloadBytes };
}

const knownTopics = new WeakMap<LogBlock, ReadonlySet<string>>();

/** Read once for all feeds that serve the block from memory. */
function topicsOf(block: LogBlock): ReadonlySet<string> {
  let topics = knownTopics.get(block);
  if (topics === undefined) knownTopics.set(block, (topics = readTopics(bytesOf(block))));
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

function bytesOf({ packets }: LogBlock): Buffer {
  return Buffer.from(packets.buffer, packets.byteOffset, packets.length);
}
