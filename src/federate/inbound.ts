import type { Crash } from "../kernel/crash.ts";
import type { Used } from "../kernel/price.ts";
import type { Store, Write } from "../ports/store.ts";
import { noUsage, type Checkpoint } from "../ports/usage.ts";
import type { ReceivedLog } from "./received-log.ts";
import { beginning } from "./received-stretch.ts";

/** Packets between two checkpoints, as they came. */
interface Stretch {
  packets: Buffer[];
  count: number;
  payloadBytes: number;
}

export interface InboundOptions {
  readonly agreement: string;
  /** The log that keeps the stream; undefined for a live one, of which only counts are kept. */
  readonly log: ReceivedLog | undefined;
  /** The last committed checkpoint. */
  readonly committed: Checkpoint | undefined;
  readonly store: Store;
  readonly crash: Crash;
  /** What the counts add to the commit. */
  readonly writesFor: (checkpoint: Checkpoint) => Write[];
  /** Told after the commit: hand on the packets it added to the log, acknowledge the checkpoint. */
  readonly onCommitted: (checkpoint: Checkpoint, added: Buffer | undefined) => void;
  readonly onFailure: (failure: unknown) => void;
  /** The provider counts positions anew from `first` on: it no longer has what came after that. */
  readonly onNewEpoch?: (committed: Checkpoint, first: number) => void;
  /** What may wait here for a checkpoint and its commit. */
  readonly uncommittedBytesMax?: number | undefined;
}

/** More than any block of a provider's log has, which comes whole before its checkpoint. */
const uncommittedBytesMax = 67_108_864;

/**
 * The consumer's half of exactly-once: what came before a checkpoint, the checkpoint and the
 * counts are one commit; what came after the last one is dropped with its connection and sent
 * again. Checkpoints that arrive during a commit share the next.
 */
export class Inbound {
  readonly #options: InboundOptions;
  #committed: Checkpoint;
  /** Since the last checkpoint that came. */
  #open: Stretch = empty();
  /** Between the last commit begun and the last checkpoint that came. */
  #closed: Stretch = empty();
  #target: Checkpoint | undefined;
  #targetAt = 0;
  /** The counts of the last checkpoint that came, which the next one must continue. */
  #expected: Checkpoint;
  #committing: Promise<void> | undefined;
  /** Of the packets that wait. */
  #uncommittedBytes = 0;

  constructor(options: InboundOptions) {
    this.#options = options;
    this.#committed = options.committed ?? noUsage;
    this.#expected = this.#committed;
  }

  get committed(): Checkpoint {
    return this.#committed;
  }

  /** What was received, committed or not. */
  get used(): Used {
    const { messages, payloadBytes } = this.#expected;
    const { count, payloadBytes: more } = this.#open;
    return { messages: messages + count, bytes: payloadBytes + more };
  }

  /** Why no more is taken, or undefined. */
  take(packets: Buffer, count: number, payloadBytes: number): string | undefined {
    this.#open.count += count;
    this.#open.payloadBytes += payloadBytes;
    if (this.#options.log === undefined) return undefined;
    this.#open.packets.push(packets);
    this.#uncommittedBytes += packets.length;
    const max = this.#options.uncommittedBytesMax ?? uncommittedBytesMax;
    if (this.#uncommittedBytes <= max) return undefined;
    return `${this.#uncommittedBytes} bytes without a checkpoint; at most ${max} are taken`;
  }

  /** What does not agree between the checkpoint and what was counted here, or undefined. */
  checkpoint(checkpoint: Checkpoint, at: number): string | undefined {
    const messages = this.#expected.messages + this.#open.count;
    const payloadBytes = this.#expected.payloadBytes + this.#open.payloadBytes;
    if (checkpoint.messages !== messages || checkpoint.payloadBytes !== payloadBytes) {
      return (
        `the provider says ${checkpoint.messages} messages and ${checkpoint.payloadBytes} bytes, ` +
        `${messages} and ${payloadBytes} were counted here`
      );
    }
    const { epoch, position } = this.#expected;
    // A position holds one message at most: what was sent before is not counted again.
    if (epoch === checkpoint.epoch && this.#open.count > checkpoint.position - position) {
      return `${this.#open.count} messages from position ${position} to ${checkpoint.position}`;
    }
    this.#expected = checkpoint;
    this.#closed.packets.push(...this.#open.packets);
    this.#closed.count += this.#open.count;
    this.#closed.payloadBytes += this.#open.payloadBytes;
    this.#open = empty();
    this.#target = checkpoint;
    this.#targetAt = at;
    this.#options.crash("link.received");
    this.#committing ??= this.#commitAll().finally(() => {
      this.#committing = undefined;
    });
    return undefined;
  }

  /** Resolves when every checkpoint that came is committed. */
  async settled(): Promise<void> {
    await this.#committing;
  }

  async #commitAll(): Promise<void> {
    while (this.#target !== undefined) {
      const checkpoint = this.#target;
      const stretch = this.#closed;
      this.#target = undefined;
      this.#closed = empty();
      let added: Buffer | undefined;
      try {
        added = await this.#commit(checkpoint, stretch);
      } catch (failure) {
        this.#options.onFailure(failure);
        return;
      }
      this.#committed = checkpoint;
      for (const { length } of stretch.packets) this.#uncommittedBytes -= length;
      this.#options.crash("link.committed");
      try {
        this.#options.onCommitted(checkpoint, added);
      } catch (failure) {
        // It is committed; only the handing on failed.
        this.#options.onFailure(failure);
        return;
      }
    }
  }

  async #commit(checkpoint: Checkpoint, stretch: Stretch): Promise<Buffer | undefined> {
    const { log, store, writesFor } = this.#options;
    const counts = writesFor(checkpoint);
    if (log === undefined) {
      await store.commit(counts);
      return undefined;
    }
    const { epoch, position: next } = checkpoint;
    const { count, payloadBytes } = stretch;
    if (this.#committed.epoch !== epoch && this.#committed.epoch !== "") {
      this.#options.onNewEpoch?.(this.#committed, next - count);
    }
    const packets = Buffer.concat(stretch.packets);
    // A new agreement's first message stands here at the latest.
    const first = this.#committed.epoch === epoch ? this.#committed.position : next - count;
    const at = this.#targetAt;
    const begins = beginning(this.#options.agreement, { log: log.name, epoch, from: first });
    const received = { epoch, first, next, count, payloadBytes, at, packets };
    return log.append(received, this.#committed.epoch === "" ? [...counts, begins] : counts);
  }
}

function empty(): Stretch {
  return { packets: [], count: 0, payloadBytes: 0 };
}
