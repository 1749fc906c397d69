import { offsetAfter, type Layout, walkPublishes } from "../wire/mqtt/publish.ts";
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
}

/** Running totals of what was handed to the socket. */
export interface Tally {
  add(messages: number, payloadBytes: number): void;
}

/** Made when its turn comes, so that it can speak of what went before it. */
export interface LateParcel {
  readonly make: () => Buffer | undefined;
}

export interface OutboxSocket {
  /** False when the socket is full; `ready()` is to be called when it drains. */
  write(bytes: Buffer): boolean;
}

const mergeBytesMax = 16_384;
const turnBytesMax = 1_048_576;
const compactBelow = 0.5;

/**
 * What waits for one socket: written in order, once per turn of the event loop, small parcels
 * merged into one write. Bounded in bytes: the oldest droppable parcels go first, counted.
 */
export class Outbox {
  readonly #socket: OutboxSocket;
  readonly #queueBytesMax: number;
  readonly #onDropped: (messages: number) => void;
  #queue: (Parcel | LateParcel)[] = [];
  #head = 0;
  #bytes = 0;
  #scheduled = false;
  #blocked = false;
  #waiting = false;
  #closed = false;

  constructor(
    socket: OutboxSocket,
    options: { queueBytesMax: number; onDropped: (messages: number) => void },
  ) {
    this.#socket = socket;
    this.#queueBytesMax = options.queueBytesMax;
    this.#onDropped = options.onDropped;
  }

  get queuedBytes(): number {
    return this.#bytes;
  }

  push(parcel: Parcel): void {
    if (this.#closed) return;
    if (this.#blocked) compact(parcel);
    this.#queue.push(parcel);
    this.#bytes += parcel.packets.length;
    if (this.#bytes > this.#queueBytesMax) this.#dropOldest();
    this.#schedule();
  }

  /** Control packets: not counted, not gated, never dropped. */
  pushControl(bytes: Buffer): void {
    this.pushLate(() => bytes);
  }

  pushLate(make: () => Buffer | undefined): void {
    if (this.#closed) return;
    this.#queue.push({ make });
    this.#schedule();
  }

  /** The socket has drained. */
  ready(): void {
    this.#blocked = false;
    this.#schedule();
  }

  /** Hands on what waits without waiting for the end of the turn. */
  flush(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    const batch = new WriteBatch(this.#socket);
    while (!this.#blocked && !this.#waiting && this.#head < this.#queue.length) {
      const next = this.#queue[this.#head]!;
      if ("make" in next) {
        this.#head++;
        const bytes = next.make();
        if (bytes !== undefined) batch.add(bytes);
      } else if (!this.#handOn(next, batch)) break;
      if (batch.bytes >= turnBytesMax && !batch.write()) this.#blocked = true;
    }
    if (!batch.write()) this.#blocked = true;
    if (this.#head === this.#queue.length) this.#queue = [];
    else this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
    if (this.#blocked) for (const parcel of this.#queue) if (!("make" in parcel)) compact(parcel);
  }

  /** Nothing more leaves; what waited is dropped. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  /** False when the parcel has to wait for its gate. */
  #handOn(parcel: Parcel, batch: WriteBatch): boolean {
    const { gate, count } = parcel;
    const admitted = gate === undefined ? count : gate.admit(count);
    if (admitted === count) {
      batch.add(parcel.packets);
      parcel.tally?.add(count, parcel.payloadBytes);
    } else {
      const rest = splitParcel(parcel, admitted, batch);
      if (gate?.waiting === true) {
        this.#bytes -= parcel.packets.length - rest.packets.length;
        this.#queue[this.#head] = rest;
        this.#waiting = true;
        gate.onReady(() => {
          this.#waiting = false;
          this.#schedule();
        });
        return false;
      }
    }
    this.#head++;
    this.#bytes -= parcel.packets.length;
    return true;
  }

  #schedule(): void {
    if (this.#scheduled || this.#blocked || this.#waiting || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  #dropOldest(): void {
    let dropped = 0;
    const kept: (Parcel | LateParcel)[] = [];
    for (let i = this.#head; i < this.#queue.length; i++) {
      const parcel = this.#queue[i]!;
      if ("make" in parcel || !parcel.droppable || this.#bytes <= this.#queueBytesMax) {
        kept.push(parcel);
        continue;
      }
      this.#bytes -= parcel.packets.length;
      dropped += parcel.count;
      parcel.gate?.refuse("queue-full", parcel.count);
    }
    this.#queue = kept;
    this.#head = 0;
    if (dropped > 0) this.#onDropped(dropped);
  }
}

/** Gathers writes: small ones are copied together, big slices go as they are. */
class WriteBatch {
  readonly #socket: OutboxSocket;
  #small: Buffer[] = [];
  #smallBytes = 0;
  #accepted = true;
  bytes = 0;

  constructor(socket: OutboxSocket) {
    this.#socket = socket;
  }

  add(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (bytes.length > mergeBytesMax) {
      this.#flushSmall();
      this.#accepted = this.#socket.write(bytes);
      return;
    }
    this.#small.push(bytes);
    this.#smallBytes += bytes.length;
    if (this.#smallBytes > 4 * mergeBytesMax) this.#flushSmall();
  }

  /** False when the socket is full. */
  write(): boolean {
    this.#flushSmall();
    this.bytes = 0;
    return this.#accepted;
  }

  #flushSmall(): void {
    if (this.#small.length === 0) return;
    const bytes =
      this.#small.length === 1 ? this.#small[0]! : Buffer.concat(this.#small, this.#smallBytes);
    this.#small = [];
    this.#smallBytes = 0;
    this.#accepted = this.#socket.write(bytes);
  }
}

/** Hands on the first `admitted` messages of the parcel and returns the rest. */
function splitParcel(parcel: Parcel, admitted: number, batch: WriteBatch): Parcel {
  if (admitted === 0) return parcel;
  const cut = offsetAfter(parcel.packets, admitted);
  const head = parcel.packets.subarray(0, cut);
  let payloadBytes = 0;
  walkPublishes(head, parcel.layout, (place) => {
    payloadBytes += place.end - place.payloadAt;
  });
  batch.add(head);
  parcel.tally?.add(admitted, payloadBytes);
  return {
    ...parcel,
    packets: parcel.packets.subarray(cut),
    count: parcel.count - admitted,
    payloadBytes: parcel.payloadBytes - payloadBytes,
  };
}

/** A small slice that waits must not keep a whole read buffer in memory. */
function compact(parcel: Parcel): void {
  const { packets } = parcel;
  if (packets.length < packets.buffer.byteLength * compactBelow) {
    parcel.packets = Buffer.from(packets);
  }
}
