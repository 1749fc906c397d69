import type { Grant } from "../market/grant.ts";
import type { LogBlock } from "../ports/store.ts";
import { walkPublishes } from "../wire/mqtt/publish.ts";
import { packetsOf } from "./block-part.ts";
import type { Flow } from "./flow.ts";
import { openPassage, type Passing, passingOf } from "./granted.ts";
import type { Handover, MessagePlace } from "./handover.ts";
import type { Passage } from "./passage.ts";
import { readBlocks } from "./read-blocks.ts";
import type { Receiver } from "./subscription.ts";
import { layout5, Run } from "./run.ts";
import { startIn } from "./start-position.ts";
import type { StreamLog } from "./stream-log.ts";

/** How far back the log is read for last messages when nobody has asked before. */
const positionsMax = 50_000;
const topicsMax = 10_000;
const bytesMax = 67_108_864;

/** A message as the agreement let it through. */
interface Kept extends Passing {
  readonly place: MessagePlace;
}

/**
 * The last message of each topic that a grant lets through: of a logged product from the end of
 * its log, of a live one what was retained and what came since this was opened. A topic beyond
 * the bounds has none. Every message is decided in the stream's order, asked for or not, so that
 * asking often gets round no rate.
 */
export class Latest implements Receiver {
  readonly #flow: Flow;
  readonly #grant: Grant;
  readonly #onGrown: (bytes: number) => void;
  readonly #unsubscribe: () => void;
  readonly #live: Passage;
  readonly #last = new Map<string, Kept>();
  #bytes = 0;
  #isClosed = false;
  #position = 0;
  #passage: Promise<Passage> | undefined;
  #reading: Promise<void> | undefined;

  constructor(flow: Flow, grant: Grant, onGrown: (bytes: number) => void) {
    this.#flow = flow;
    this.#grant = grant;
    this.#onGrown = onGrown;
    const log = this.#log;
    const liveFilters = log === undefined ? grant.filters : [];
    this.#live = flow.grants.preview(grant);
    const passage = flow.grants.preview(grant);
    for (const filter of liveFilters) {
      for (const { run, at } of flow.retained.keptOf(filter)) {
        this.#keepRun(passage.pass(run, at).run, at);
      }
    }
    this.#unsubscribe = flow.router.subscribeAll(liveFilters, this);
    this.#position = Math.max(0, (log?.end ?? 0) - positionsMax);
  }

  /** A text that changes with what `pushTo` would push. */
  async *identity(): AsyncIterable<Buffer> {
    await this.#readOn();
    for (const [, { packets, place }] of this.#fresh()) {
      yield Buffer.from(`${place.at} ${packets.length} `);
      yield packets;
    }
  }

  /** In order of topics, as many bytes as there may be. */
  async pushTo(handover: Handover, answerBytesMax: number): Promise<void> {
    await this.#readOn();
    let bytes = 0;
    for (const [, kept] of this.#fresh()) {
      bytes += kept.packets.length;
      if (bytes <= answerBytesMax) handover.pushPassed(kept, kept.place);
    }
  }

  receive(run: Run): void {
    const at = (run.at ??= this.#flow.outside.clock.now());
    this.#keepRun(this.#live.pass(run, at).run, at);
  }

  /** Keeps nothing more; what it has may still be read by who holds it. */
  close(): void {
    this.#isClosed = true;
    this.#onGrown(-this.#bytes);
    this.#unsubscribe();
  }

  get #log(): StreamLog | undefined {
    return this.#flow.logUnder(this.#grant);
  }

  /** Without those that have expired [MQTT-3.3.2-5]. */
  #fresh(): [string, Kept][] {
    const now = this.#flow.outside.clock.now();
    return [...this.#last]
      .filter(([topic, kept]) => isFresh(topic, kept, now))
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Whoever asks at the same time waits for the same reading. */
  #readOn(): Promise<void> {
    this.#reading ??= this.#readToEnd().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readToEnd(): Promise<void> {
    const log = this.#log;
    if (log === undefined) return;
    const passage = await (this.#passage ??= this.#open(log));
    for await (const block of readBlocks(log, this.#position)) this.#readBlock(block, passage);
  }

  async #open(log: StreamLog): Promise<Passage> {
    const { store } = this.#flow.outside;
    const start = await startIn(log, store, this.#grant.agreement);
    const first = Math.min(start, this.#position);
    const passage = (): Passage => this.#flow.grants.preview(this.#grant);
    return openPassage({ grant: this.#grant, passage }, log, this.#position, first);
  }

  #readBlock(block: LogBlock, passage: Passage): void {
    const last = new Map<string, LogBlock>();
    const packets = packetsOf(block);
    let at = block.first - 1;
    walkPublishes(packets, layout5, (place) => {
      if (++at < this.#position) return;
      const topic = packets.toString("utf8", place.topicAt, place.topicEnd);
      const payloadBytes = place.end - place.payloadAt;
      const packet = packets.subarray(place.start, place.end);
      const single = { ...block, first: at, next: at + 1, count: 1, payloadBytes, packets: packet };
      for (const passing of passingOf(single, at, passage, () => {})) {
        last.set(topic, { ...single, ...passing });
      }
    });
    for (const [topic, { packets: packet, payloadBytes, at: time, first: position }] of last) {
      const copy = Buffer.from(packet);
      this.#keep(topic, { packets: copy, count: 1, payloadBytes, place: { at: time, position } });
    }
    this.#position = block.next;
  }

  #keepRun(run: Run | undefined, at: number): void {
    if (run === undefined) return;
    const { packets, payloadBytes } = run.last();
    this.#keep(run.topic, { packets, count: 1, payloadBytes, place: { at } });
  }

  #keep(topic: string, kept: Kept): void {
    const before = this.#bytes;
    this.#bytes -= this.#last.get(topic)?.packets.length ?? 0;
    this.#last.delete(topic); // what is not kept leaves none, for an older message is not its last
    const isFull = this.#last.size >= topicsMax;
    if (!isFull && this.#bytes + kept.packets.length <= bytesMax) {
      this.#bytes += kept.packets.length;
      this.#last.set(topic, kept);
    }
    if (!this.#isClosed) this.#onGrown(this.#bytes - before);
  }
}

function isFresh(topic: string, { packets, payloadBytes, place }: Kept, now: number): boolean {
  const run = new Run({ topic, qos: 0, packets, layout: layout5, count: 1, payloadBytes });
  return run.waited(now - place.at) !== undefined;
}
