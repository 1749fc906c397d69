import type { LogBlock, Store, Write } from "../ports/store.ts";
import type { Advanced } from "../flow/received-streams.ts";
import { partOf } from "../flow/block-part.ts";
import { Turns } from "../kernel/turns.ts";

/** What a link received between two commits. */
export interface Received extends Omit<LogBlock, "log"> {
  readonly packets: Buffer;
}

/**
 * The log that keeps a product's stream from another participant. Two agreements may bring the
 * same stream for a while, as when one is renewed before it ends: every position is stored once,
 * from the link that brings it first.
 */
export class ReceivedLog {
  readonly name: string;
  readonly #store: Store;
  readonly #turns = new Turns();
  /** The position after the last message; undefined while there is no log yet. */
  #end: number | undefined;
  /** Of the first message of the last block. */
  #from = 0;
  /** What the log's blocks are of; its positions go on whatever the provider counts in. */
  #epoch: string | undefined;
  /** Where the positions of another epoch stand here. */
  readonly #shifts = new Map<string, number>();

  constructor(name: string, store: Store) {
    this.name = name;
    this.#store = store;
  }

  /** One commit with `more`, which is stored in any case; resolves with the packets it added. */
  append(received: Received, more: readonly Write[]): Promise<Buffer> {
    return this.#turns.take(this.name, async () => {
      await this.#open();
      const shift = await this.#shiftOf(received);
      const added = after(this.#end ?? 0, shifted(received, shift.by, this.#epoch));
      await this.#store.commit([...shift.writes, ...this.#writesOf(added), ...more]);
      this.#shifts.set(received.epoch, shift.by);
      if (added === undefined) return Buffer.alloc(0);
      this.#from = added.first;
      this.#end = added.next;
      this.#epoch = added.epoch;
      return added.packets;
    });
  }

  /** What stands here since the last append that added something. */
  get added(): Advanced | undefined {
    if (this.#end === undefined || this.#epoch === undefined) return undefined;
    return { name: this.name, epoch: this.#epoch, from: this.#from, end: this.#end };
  }

  async #open(): Promise<void> {
    if (this.#end !== undefined) return;
    const state = await this.#store.log(this.name);
    this.#end = state?.end;
    this.#epoch = state?.epoch;
  }

  /** A provider that was restored counts anew: its new epoch begins here where the old one ended. */
  async #shiftOf({ epoch, first }: Received): Promise<{ by: number; writes: Write[] }> {
    if (this.#epoch === undefined || this.#epoch === epoch) return { by: 0, writes: [] };
    const id = `${this.name} ${epoch}`;
    const known =
      this.#shifts.get(epoch) ??
      (await this.#store.get<{ readonly by: number }>("log-shift", id))?.by;
    if (known !== undefined) return { by: known, writes: [] };
    const by = (this.#end ?? 0) - first;
    return { by, writes: [{ op: "put", kind: "log-shift", id, doc: { by } }] };
  }

  #writesOf(added: Received | undefined): Write[] {
    if (added === undefined) return [];
    const log = this.name;
    const block: Write = { op: "append", block: { log, ...added } };
    if (this.#end === undefined || this.#end === added.first) return [block];
    // What lies between the end of an earlier agreement's stretch and it was never this node's.
    const gap = { first: this.#end, next: added.first, count: 0, payloadBytes: 0 };
    return [{ op: "append", block: { log, ...added, ...gap, packets: Buffer.alloc(0) } }, block];
  }
}

function shifted(received: Received, by: number, epoch = received.epoch): Received {
  const { first, next } = received;
  return { ...received, epoch, first: first + by, next: next + by };
}

/** The part at or after a position; undefined where there is none. */
function after(end: number, received: Received): Received | undefined {
  if (received.next <= end) return undefined;
  return received.first >= end ? received : partOf(received, end, received.next);
}
