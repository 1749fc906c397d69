import { packetsOf } from "../../flow/block-part.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { QueueBudget } from "../../flow/queue-budget.ts";
import type { Subscription } from "../../flow/subscription.ts";
import { layout5, type LogPlace, Run, splitByTopic } from "../../flow/run.ts";
import { walkPublishes } from "../../wire/mqtt/publish.ts";

/** One message that waits in memory. */
export interface Waiting {
  readonly run: Run;
  readonly subscription: Subscription;
  readonly retain: 0 | 1;
  /** Monotonic milliseconds. */
  readonly since: number;
}

/** What waits in a log and not in memory: [from, to) of its positions. */
interface Stretch {
  readonly log: LogPlace["log"];
  from: number;
  to: number;
  /** What of it does not wait as the rest does, ascending; a log keeps no QoS to tell it by. */
  apart: Apart[];
}

/** Positions [from, to) that were published with QoS 0: to be sent so, or not for this client. */
interface Apart {
  readonly from: number;
  to: number;
  readonly isSkipped: boolean;
}

export interface BacklogOptions {
  readonly clock: Clock;
  /** Of what waits in memory. */
  readonly budget: QueueBudget;
  readonly onDropped: (messages: number) => void;
  /** Which subscription a message of a log is for; absent: what is logged waits in memory as well. */
  readonly wanted?: (run: Run, place: LogPlace) => Subscription | undefined;
  /** What waited in a log has been read, or cannot be. */
  readonly onRead: (failure?: unknown) => void;
}

/** What one waiting message takes beside its packet. */
const overheadBytes = 256;
const tidyAbove = 1024;
const readBytes = 262_144;
/** Of one stretch; what of QoS 0 is beyond them comes with QoS 1. */
const apartMax = 10_000;

/**
 * What waits for one client, in order. Messages that a log holds wait there and cost nothing but
 * two numbers; all others wait in memory, bounded, and what does not fit is dropped and counted.
 */
export class Backlog {
  readonly #options: BacklogOptions;
  #entries: (Waiting | Stretch | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  /** Raised by `clear`: what a read brings back after that is for nobody. */
  #pass = 0;
  #isReading = false;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#head === this.#entries.length;
  }

  /** Messages, as far as they are in memory. */
  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** `isAway`: nobody is there to take it soon. */
  add(run: Run, subscription: Subscription, retain: 0 | 1, isAway: boolean): void {
    const place = this.#placeOf(run, subscription, retain);
    if (place !== undefined) {
      const isFull = this.#bytes + sizeOf(run) > this.#options.budget.shareBytesMax;
      let last = this.#lastIn(place);
      if (last === undefined && (isAway || isFull)) {
        this.addStretch(place.log, place.position, place.next);
        last = this.#lastIn(place);
      }
      if (last !== undefined) {
        if (run.qos === 0) setApart(last, place, false);
        last.to = place.next;
        return;
      }
    }
    const since = this.#options.clock.monotonic();
    for (const piece of pieces(run)) this.put({ run: piece, subscription, retain, since });
  }

  /** A single message, to wait in memory. */
  put(waiting: Waiting): void {
    const bytes = sizeOf(waiting.run);
    if (this.#bytes + bytes > this.#options.budget.shareBytesMax) {
      this.#options.onDropped(waiting.run.count);
      return;
    }
    this.#bytes += bytes;
    this.#entries.push(waiting);
  }

  addStretch(log: LogPlace["log"], from: number, to: number): void {
    if (from < to) this.#entries.push({ log, from, to, apart: [] });
  }

  /** It was published with QoS 0 while its client was away: it does not come with what waits. */
  skip(place: LogPlace): void {
    const last = this.#lastIn(place);
    if (last !== undefined) setApart(last, place, true);
  }

  /**
   * What waits goes before a message of QoS 0 that is in a log: sent ahead, it would be read again
   * there after a restart.
   */
  goesFirst(run: Run, subscription: Subscription, retain: 0 | 1): boolean {
    const isInLog = this.#placeOf(run, subscription, retain) !== undefined;
    return isInLog && subscription.qos > 0 && !this.isEmpty;
  }

  /** Where it can wait in a log; of what is shared a log does not tell who has it. */
  #placeOf({ place }: Run, { share }: Subscription, retain: 0 | 1): LogPlace | undefined {
    const isReadAgain = this.#options.wanted !== undefined && share === undefined && retain === 0;
    return isReadAgain ? place : undefined;
  }

  /** The stretch that goes on at the place: behind it waits nothing but other logs' stretches. */
  #lastIn({ log }: LogPlace): Stretch | undefined {
    for (let i = this.#entries.length - 1; i >= this.#head; i--) {
      const entry = this.#entries[i]!;
      if (!("log" in entry)) return undefined;
      if (entry.log === log) return entry;
    }
    return undefined;
  }

  /** The first that waits; undefined also while it is being read from its log. */
  first(): Waiting | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined || !("log" in entry)) return entry;
    if (!this.#isReading) void this.#read(entry);
    return undefined;
  }

  /** Takes out what `first` returned. */
  shift(): void {
    const entry = this.#entries[this.#head];
    if (entry === undefined || "log" in entry) return;
    this.#entries[this.#head++] = undefined;
    this.#bytes -= sizeOf(entry.run);
    if (this.#head === this.#entries.length) this.#entries = [];
    else if (this.#head > tidyAbove && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
    } else return;
    this.#head = 0;
  }

  /** What waits in memory for a subscription that is no more; a log is asked who wants it when read. */
  forget(subscription: Subscription): Waiting[] {
    const forgotten: Waiting[] = [];
    const kept: (Waiting | Stretch)[] = [];
    for (const one of this.#entries.slice(this.#head)) {
      if (one === undefined) continue;
      if (!("log" in one) && one.subscription === subscription) forgotten.push(one);
      else kept.push(one);
    }
    this.#replace(kept);
    return forgotten;
  }

  /** What waits of shared subscriptions. */
  shared(): readonly Waiting[] {
    const shared: Waiting[] = [];
    for (const one of this.#entries.slice(this.#head)) {
      const isShared = one !== undefined && !("log" in one) && one.subscription.share !== undefined;
      if (isShared) shared.push(one);
    }
    return shared;
  }

  /** The lowest position of the log that waits; undefined: none does. */
  lowest(log: string): number | undefined {
    for (let i = this.#head; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if ("log" in entry) {
        if (entry.log.name === log) return entry.from;
      } else if (entry.run.place?.log.name === log) return entry.run.place.position;
    }
    return undefined;
  }

  clear(): void {
    this.#pass++;
    this.#replace([]);
  }

  async #read(stretch: Stretch): Promise<void> {
    this.#isReading = true;
    const pass = this.#pass;
    try {
      const blocks = await stretch.log.read(stretch.from, readBytes);
      if (pass === this.#pass) this.#insert(stretch, blocks);
      this.#isReading = false;
    } catch (failure) {
      this.#isReading = false;
      this.#options.onRead(failure);
      return;
    }
    this.#options.onRead();
  }

  /** What was read takes the place of as much of the stretch, which is still the first. */
  #insert(stretch: Stretch, blocks: Awaited<ReturnType<LogPlace["log"]["read"]>>): void {
    const read: Waiting[] = [];
    const { log } = stretch;
    const { clock } = this.#options;
    const lost = Math.min(blocks[0]?.first ?? stretch.to, stretch.to) - stretch.from;
    // How many of what the log keeps no longer were for this client is not known: one at least.
    if (lost > 0) this.#options.onDropped(1);
    let at = blocks.length === 0 ? stretch.to : stretch.from;
    let passed = 0;
    for (const block of blocks) {
      let position = block.first;
      splitByTopic(packetsOf(block), (run) => {
        for (const piece of pieces(run)) {
          const place = { log, position, next: position + 1 };
          position++;
          if (place.position < stretch.from || place.position >= stretch.to) continue;
          while ((stretch.apart[passed]?.to ?? Infinity) <= place.position) passed++;
          const apart = stretch.apart[passed];
          const isApart = apart !== undefined && apart.from <= place.position;
          if (isApart && apart.isSkipped) continue;
          const message = isApart ? Run.ofPacket(piece.packets, 0) : piece;
          message.place = place;
          message.at = block.at;
          const subscription = this.#options.wanted?.(message, place);
          if (subscription === undefined) continue;
          this.#bytes += sizeOf(message);
          const since = clock.monotonic() - Math.max(0, clock.now() - block.at);
          read.push({ run: message, subscription, retain: 0, since });
        }
      });
      at = Math.min(block.next, stretch.to);
    }
    stretch.from = at;
    stretch.apart = stretch.apart.slice(passed);
    const rest = this.#entries.slice(at < stretch.to ? this.#head : this.#head + 1);
    this.#entries = [...read, ...rest];
    this.#head = 0;
  }

  #replace(entries: (Waiting | Stretch | undefined)[]): void {
    this.#entries = entries;
    this.#head = 0;
    this.#bytes = 0;
    for (const one of entries) {
      if (one !== undefined && !("log" in one)) this.#bytes += sizeOf(one.run);
    }
  }
}

/** At the end of the stretch, behind all that it holds. */
function setApart({ apart, to: end }: Stretch, place: LogPlace, isSkipped: boolean): void {
  const last = apart.at(-1);
  // Between the two is nothing that waits.
  if (last !== undefined && last.isSkipped === isSkipped && last.to >= end) last.to = place.next;
  else if (apart.length < apartMax) {
    apart.push({ from: place.position, to: place.next, isSkipped });
  }
}

function sizeOf(run: Run): number {
  return run.packets.length + run.count * overheadBytes;
}

/** How many of the run's messages can wait in so many bytes, by their mean size. */
export function countIn(bytes: number, run: Run): number {
  const packetBytes = Math.ceil(run.encoded(5).length / run.count);
  return Math.max(0, Math.floor(bytes / (packetBytes + overheadBytes)));
}

/** Private copies of single messages: what waits long must not pin a read buffer. */
export function pieces(run: Run): Run[] {
  const out: Run[] = [];
  const { place } = run;
  const packets = run.encoded(5);
  walkPublishes(packets, layout5, ({ start, end, payloadAt }, index) => {
    const piece = run.with([packets.subarray(start, end)], layout5, end - payloadAt);
    if (place !== undefined) {
      const position = place.position + index;
      piece.place = { log: place.log, position, next: position + 1 };
    }
    out.push(piece);
  });
  return out;
}
