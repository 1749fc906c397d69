import { offsetAfter, payloadBytesOf } from "../wire/mqtt/publish.ts";
import { type LateParcel, own, type Parcel, ParcelQueue } from "./parcel-queue.ts";
import { type OutboxSocket, WriteBatch } from "./write-batch.ts";

const turnBytesMax = 1_048_576;

/** What a queue handed to its socket, and what it gave up. */
export interface SentCounts {
  messages: number;
  payloadBytes: number;
  dropped: number;
  /** Packets that are not PUBLISH. */
  controls: number;
}

export function nothingSent(): SentCounts {
  return { messages: 0, payloadBytes: 0, dropped: 0, controls: 0 };
}

/** Whose socket it is: how much may wait, and who is told what becomes of it. */
export interface OutboxOwner {
  readonly queueBytesMax: number;
  /** The same while the socket takes nothing; absent: no less. */
  readonly shareBytesMax?: number;
  onDropped(messages: number): void;
  /** The queue has grown by so many bytes, or shrunk. */
  onQueued?(bytes: number): void;
  /** Something that waited has left. */
  onFlushed?(): void;
  /** Calls it when it is this queue's turn; absent: at the end of the event loop's turn. */
  whenTurn?(flush: () => void): void;
  /** Of several queues together; absent: its own. */
  readonly sent?: SentCounts;
  /** Handed on before the socket is asked whether it takes more. */
  readonly turnBytesMax?: number;
}

/**
 * What waits for one socket: written in order, once per turn of the event loop, small parcels
 * merged into one write. Bounded in bytes: the oldest droppable parcels go first, counted.
 */
export class Outbox {
  readonly #socket: OutboxSocket;
  readonly #owner: OutboxOwner;
  readonly #queue = new ParcelQueue();
  /** What was handed to the socket. */
  readonly sent: SentCounts;
  /** What its owner was told that waits. */
  #toldBytes = 0;
  #scheduled = false;
  #blocked = false;
  #waiting = false;
  #closed = false;

  constructor(socket: OutboxSocket, owner: OutboxOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.sent = owner.sent ?? nothingSent();
  }

  /** What waits, memory for keeping it included. */
  get queuedBytes(): number {
    return this.#queue.parcelBytes;
  }

  /** Control packets that wait; whoever asks for them faster than it reads has to be slowed. */
  get controlBytes(): number {
    return this.#queue.controlBytes;
  }

  push(parcel: Parcel): void {
    if (this.#closed) return;
    if (this.#blocked || this.#socket.full === true) own(parcel);
    this.#queue.push(parcel);
    if (this.#queue.parcelBytes > this.#bytesMax) this.#dropOldest();
    this.#tellQueued();
    this.#schedule();
  }

  /** Control packets, so many of them: not gated, never dropped. */
  pushControl(bytes: Buffer, packets = 1): void {
    this.sent.controls += packets;
    this.#pushLate({ make: () => bytes, bytes: bytes.length });
  }

  /** Made when its turn comes, so that it can speak of what went before it. */
  pushLate(make: () => Buffer | undefined): void {
    this.#pushLate({ make, bytes: 0 });
  }

  /** The socket has drained. */
  ready(): void {
    this.#blocked = false;
    if (this.#queue.first() !== undefined) this.#schedule();
  }

  /** Hands on what waits without waiting for the end of the turn. */
  flush(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    const most = this.#owner.turnBytesMax ?? turnBytesMax;
    const batch = new WriteBatch(this.#socket);
    while (!this.#blocked && !this.#waiting) {
      const next = this.#queue.first();
      if (next === undefined) break;
      if ("make" in next) {
        this.#queue.shift();
        const bytes = next.make();
        if (bytes !== undefined) batch.add(bytes);
      } else if (!this.#handOn(next, batch)) break;
      if (batch.bytes >= most && !batch.write()) this.#blocked = true;
    }
    if (!batch.write()) this.#blocked = true;
    if (this.#blocked) this.#queue.own();
    this.#tellQueued();
    this.#owner.onFlushed?.();
  }

  /** The last that leaves, though the socket takes nothing now: answers that wait, and no data. */
  finish(): void {
    this.flush();
    if (this.#closed) return;
    const batch = new WriteBatch(this.#socket);
    for (const packets of this.#queue.made()) batch.add(packets);
    batch.write();
    this.close();
  }

  /** Nothing more leaves; what waited is dropped. */
  close(): void {
    this.#closed = true;
    this.#queue.clear();
    this.#tellQueued();
  }

  #pushLate(parcel: LateParcel): void {
    if (this.#closed) return;
    this.#queue.push(parcel);
    this.#schedule();
  }

  /** False when the parcel has to wait for its gate. */
  #handOn(parcel: Parcel, batch: WriteBatch): boolean {
    const { gate, count } = parcel;
    const admitted = gate === undefined ? count : gate.admit(parcel);
    if (admitted === count) {
      batch.add(parcel.packets);
      parcel.tally?.add(count, parcel.payloadBytes);
      this.sent.messages += count;
      this.sent.payloadBytes += parcel.payloadBytes;
    } else {
      const rest = splitParcel(parcel, admitted, batch);
      this.sent.messages += admitted;
      this.sent.payloadBytes += parcel.payloadBytes - rest.payloadBytes;
      if (gate?.waiting === true) {
        this.#queue.replaceFirst(rest);
        this.#waiting = true;
        gate.onReady(() => {
          this.#waiting = false;
          this.#schedule();
        });
        return false;
      }
    }
    this.#queue.shift();
    return true;
  }

  /** What a socket that takes more is given in this turn need not wait for others. */
  get #bytesMax(): number {
    const { queueBytesMax, shareBytesMax = queueBytesMax } = this.#owner;
    return this.#blocked ? shareBytesMax : queueBytesMax;
  }

  #tellQueued(): void {
    const { parcelBytes } = this.#queue;
    if (parcelBytes === this.#toldBytes) return;
    this.#owner.onQueued?.(parcelBytes - this.#toldBytes);
    this.#toldBytes = parcelBytes;
  }

  #schedule(): void {
    if (this.#scheduled || this.#blocked || this.#waiting || this.#closed) return;
    this.#scheduled = true;
    if (this.#owner.whenTurn === undefined) setImmediate(flush, this);
    else this.#owner.whenTurn(() => this.flush());
  }

  #dropOldest(): void {
    let dropped = 0;
    this.#queue.giveUpOldest(this.#bytesMax, (parcel) => {
      dropped += parcel.count;
      parcel.gate?.refuse("queue-full", parcel.count);
    });
    if (dropped === 0) return;
    this.sent.dropped += dropped;
    this.#owner.onDropped(dropped);
  }
}

function flush(outbox: Outbox): void {
  outbox.flush();
}

/** Hands on the first `admitted` messages of the parcel and returns the rest. */
function splitParcel(parcel: Parcel, admitted: number, batch: WriteBatch): Parcel {
  if (admitted === 0) return parcel;
  const cut = offsetAfter(parcel.packets, admitted);
  const head = parcel.packets.subarray(0, cut);
  const payloadBytes = payloadBytesOf(head, parcel.layout);
  batch.add(head);
  parcel.tally?.add(admitted, payloadBytes);
  return {
    ...parcel,
    packets: parcel.packets.subarray(cut),
    count: parcel.count - admitted,
    payloadBytes: parcel.payloadBytes - payloadBytes,
  };
}
