import { giveBack } from "../../kernel/give-back.ts";
import type { LogBlock } from "../../ports/store.ts";
import { MessageTimes } from "../../wire/series/message-time.ts";
import { newPlace, locate } from "../../wire/mqtt/publish.ts";

/** A reading that waits for its chunk, still in the block it came in. */
export interface Entry {
  readonly position: number;
  readonly at: number;
  readonly time: number;
  readonly packets: Buffer;
  readonly start: number;
  readonly end: number;
}

/** What of one series waits. */
export interface Waiting {
  readonly series: number;
  /** Positions before it are in chunks already. */
  readonly chunkedTo: number;
  entries: Entry[];
}

const layout5 = { version: 5, withIds: false } as const;

/** How one head became full of a log. */
export interface Span {
  readonly epoch: string;
  readonly end: number;
  readonly mark: string;
}

/**
 * What was taken and stands in no chunk yet, by log and topic, in memory. Times are read when a
 * block comes, so that a question need not read them.
 */
export class HistoryHead {
  readonly #logs = new Map<string, Map<string, Waiting>>();
  readonly spans = new Map<string, Span>();
  readonly #times: MessageTimes;
  /** Of the blocks, which are this head's own. */
  readonly #blocks: Uint8Array[] = [];
  bytes = 0;
  readings = 0;

  constructor(times: MessageTimes) {
    this.#times = times;
  }

  /** `open`: makes the entry of a topic that is new here. */
  take(block: LogBlock, span: Span, open: (topic: string) => Waiting): void {
    const { at, first, packets: bytes } = block;
    const packets = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let topics = this.#logs.get(block.log);
    if (topics === undefined) this.#logs.set(block.log, (topics = new Map()));
    const place = newPlace();
    let topicBytes = packets.subarray(0, 0);
    let waiting: Waiting | undefined;
    let position = first;
    for (let from = 0; from < packets.length; from = place.end, position++) {
      locate(packets, layout5, from, place);
      const { topicAt, topicEnd, payloadAt: start, end } = place;
      if (
        waiting === undefined ||
        packets.compare(topicBytes, 0, topicBytes.length, topicAt, topicEnd)
      ) {
        topicBytes = packets.subarray(topicAt, topicEnd);
        const topic = topicBytes.toString("utf8");
        waiting = topics.get(topic);
        if (waiting === undefined) topics.set(topic, (waiting = open(topic)));
      }
      if (position < waiting.chunkedTo) continue;
      const time = this.#times.of(packets, start, end, at);
      waiting.entries.push({ position, at, time, packets, start, end });
      this.readings++;
    }
    this.#blocks.push(bytes);
    this.bytes += packets.length;
    this.spans.set(block.log, span);
  }

  of(log: string, topic: string): Waiting | undefined {
    return this.#logs.get(log)?.get(topic);
  }

  *logs(): Iterable<readonly [log: string, topics: ReadonlyMap<string, Waiting>]> {
    yield* this.#logs;
  }

  /** The topic's readings stand in chunks now. */
  chunked(log: string, topic: string): void {
    this.#logs.get(log)?.delete(topic);
  }

  erase(log: string, from: number, upTo: number): void {
    for (const waiting of this.#logs.get(log)?.values() ?? []) {
      waiting.entries = waiting.entries.filter(
        (one) => one.position < from || one.position >= upTo,
      );
    }
  }

  /** Gives the blocks' memory back at once: a thread that only takes seldom collects garbage. */
  release(): void {
    for (const packets of this.#blocks.splice(0)) giveBack(packets);
  }

  forget(log: string): void {
    this.#logs.delete(log);
    this.spans.delete(log);
  }
}
