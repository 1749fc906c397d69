import type { Layout } from "../wire/mqtt/publish.ts";
import type { Gate } from "./gate.ts";

/** Packets on their way to one socket. */
export interface Parcel {
  packets: Buffer;
  count: number;
  payloadBytes: number;
  readonly layout: Layout;
  /** The agreement they leave under. */
  readonly gate: Gate | undefined;
  /** Told how much was really handed on. */
  readonly tally: Tally | undefined;
  /** May be given up when the queue is full (QoS 0 of live streams). */
  readonly droppable: boolean;
  /** The packets' memory is not part of a read buffer that they would keep alive. */
  isOwn?: boolean;
}

/** Running totals of what was handed to the socket. */
export interface Tally {
  add(messages: number, payloadBytes: number): void;
}

/** Made when its turn comes, so that it can speak of what went before it. */
export interface LateParcel {
  readonly make: () => Buffer | undefined;
  /** Length of what is made, as far as it is known. */
  readonly bytes: number;
}

type Entry = Parcel | LateParcel;

/** What one waiting parcel takes beside its packets; tiny messages would escape the bound. */
export const parcelOverheadBytes = 128;
const tidyAbove = 1024;

/** Of all queues that are empty: most are, and each would keep an array for it. */
const none: (Entry | undefined)[] = [];

/** First in, first out, counted in bytes. Every operation is constant time, amortised. */
export class ParcelQueue {
  #entries: (Entry | undefined)[] = none;
  #head = 0;
  /** Entries given up between the head and the end. */
  #holes = 0;
  /** Nothing before it, from the head on, can be given up. */
  #examined = 0;
  #parcelBytes = 0;
  #controlBytes = 0;

  get parcelBytes(): number {
    return this.#parcelBytes;
  }

  get controlBytes(): number {
    return this.#controlBytes;
  }

  push(entry: Entry): void {
    if (this.#entries === none) this.#entries = [entry];
    else this.#entries.push(entry);
    this.#count(entry, 1);
  }

  first(): Entry | undefined {
    while (this.#head < this.#entries.length) {
      const entry = this.#entries[this.#head];
      if (entry !== undefined) return entry;
      this.#head++;
      this.#holes--;
    }
    return undefined;
  }

  /** Takes out what `first` returned. */
  shift(): void {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return;
    this.#count(entry, -1);
    this.#entries[this.#head++] = undefined;
    if (this.#head === this.#entries.length) this.#reset(none);
    else if (this.#head > tidyAbove && this.#head * 2 > this.#entries.length) this.#tidy();
  }

  /** What is left of the parcel that `first` returned. */
  replaceFirst(rest: Parcel): void {
    this.#count(this.#entries[this.#head]!, -1);
    this.#count(rest, 1);
    this.#entries[this.#head] = rest;
  }

  /** Gives up the oldest droppable parcels until the others fit. */
  giveUpOldest(parcelBytesMax: number, onGivenUp: (parcel: Parcel) => void): void {
    this.#examined = Math.max(this.#examined, this.#head);
    while (this.#parcelBytes > parcelBytesMax && this.#examined < this.#entries.length) {
      const entry = this.#entries[this.#examined];
      if (entry !== undefined && !("make" in entry) && entry.droppable) {
        this.#count(entry, -1);
        this.#entries[this.#examined] = undefined;
        this.#holes++;
        onGivenUp(entry);
      }
      this.#examined++;
    }
    if (this.#holes > tidyAbove && this.#holes * 2 > this.#entries.length) this.#tidy();
  }

  /** Small slices that wait must not keep whole read buffers in memory. */
  own(): void {
    for (let i = this.#entries.length - 1; i >= this.#head; i--) {
      const entry = this.#entries[i];
      if (entry === undefined || "make" in entry) continue;
      // Whatever waits before this one was looked at when this one was.
      if (entry.isOwn === true) return;
      own(entry);
    }
  }

  /** Control packets that speak of nothing that went before them. */
  made(): Buffer[] {
    return this.#entries.slice(this.#head).flatMap((entry) => {
      const isMade = entry !== undefined && "make" in entry && entry.bytes > 0;
      return isMade ? (entry.make() ?? []) : [];
    });
  }

  clear(): void {
    this.#reset(none);
    this.#parcelBytes = 0;
    this.#controlBytes = 0;
  }

  #tidy(): void {
    this.#reset(this.#entries.filter((entry) => entry !== undefined));
  }

  #reset(entries: (Entry | undefined)[]): void {
    this.#entries = entries;
    this.#head = 0;
    this.#holes = 0;
    this.#examined = 0;
  }

  #count(entry: Entry, sign: 1 | -1): void {
    if ("make" in entry) this.#controlBytes += sign * (entry.bytes + parcelOverheadBytes);
    else this.#parcelBytes += sign * (entry.packets.length + parcelOverheadBytes);
  }
}

const ownBelow = 0.5;

export function own(parcel: Parcel): void {
  const { packets } = parcel;
  if (packets.length < packets.buffer.byteLength * ownBelow) parcel.packets = Buffer.from(packets);
  parcel.isOwn = true;
}
