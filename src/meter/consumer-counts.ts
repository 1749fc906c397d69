import type { Clock } from "../kernel/clock.ts";
import type { Used } from "../kernel/price.ts";
import type { Store, Write } from "../ports/store.ts";
import type { Checkpoint } from "../ports/usage.ts";
import { agreementOfRow, rowPrefix } from "./row-id.ts";

/** A checkpoint this consumer committed, and when. */
export interface CountedCheckpoint extends Checkpoint {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

interface Kept {
  readonly id: string;
  readonly messages: number;
  readonly payloadBytes: number;
  readonly at: number;
}

/**
 * Checkpoints kept for each agreement until a receipt covers them. A provider that sends none
 * for so long loses the exact comparison with the oldest, never the upper bound.
 */
const historyMax = 20_000;

/**
 * The consumer's own counts. A link puts `writesFor` into the transaction that stores the block
 * of messages, so that a count stands exactly when its messages do. Kinds: `checkpoint`, the
 * last one of each agreement, and `count`, the history that receipts are compared with.
 */
export class ConsumerCounts {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #historyMax: number;
  /** What stands in `count`, oldest first. */
  readonly #kept: Map<string, Kept[]>;

  private constructor(store: Store, clock: Clock, max: number, kept: Map<string, Kept[]>) {
    this.#store = store;
    this.#clock = clock;
    this.#historyMax = max;
    this.#kept = kept;
  }

  static async open(store: Store, clock: Clock, max = historyMax): Promise<ConsumerCounts> {
    const kept = new Map<string, Kept[]>();
    for (const { id, doc } of await store.list<CountedCheckpoint>("count")) {
      const { messages, payloadBytes, at } = doc;
      listOf(kept, agreementOfRow(id)).push({ id, messages, payloadBytes, at });
    }
    for (const list of kept.values()) list.sort((a, b) => a.messages - b.messages);
    return new ConsumerCounts(store, clock, max, kept);
  }

  /** The last committed checkpoint: where a link asks to go on. */
  last(agreement: string): Promise<CountedCheckpoint | undefined> {
    return this.#store.get<CountedCheckpoint>("checkpoint", agreement);
  }

  /** To be committed together with the messages the checkpoint covers. */
  writesFor(agreement: string, checkpoint: Checkpoint): Write[] {
    const { epoch, position, messages, payloadBytes } = checkpoint;
    const doc: CountedCheckpoint = { ...checkpoint, at: this.#clock.now() };
    const id = countId(agreement, epoch, position);
    const kept = listOf(this.#kept, agreement);
    if (kept.at(-1)?.id !== id) kept.push({ id, messages, payloadBytes, at: doc.at });
    return [
      { op: "put", kind: "checkpoint", id: agreement, doc },
      { op: "put", kind: "count", id, doc },
      ...removals(kept.splice(0, Math.max(0, kept.length - this.#historyMax))),
    ];
  }

  /** What was counted here when the stream stood exactly there. */
  countAt(
    agreement: string,
    epoch: string,
    position: number,
  ): Promise<CountedCheckpoint | undefined> {
    return this.#store.get<CountedCheckpoint>("count", countId(agreement, epoch, position));
  }

  /** The last of what no receipt covers yet and was counted before that time. */
  countedBefore(agreement: string, at: number): Used | undefined {
    const kept = this.#kept.get(agreement)?.findLast((one) => one.at < at);
    return kept && { messages: kept.messages, bytes: kept.payloadBytes };
  }

  /** What does not agree between a claim of the provider and what was counted here. */
  async problemOf(agreement: string, claim: Checkpoint): Promise<string | undefined> {
    const counted = await this.countAt(agreement, claim.epoch, claim.position);
    if (counted === undefined) return this.#problemUncounted(agreement, claim);
    const { messages, payloadBytes } = counted;
    if (messages === claim.messages && payloadBytes === claim.payloadBytes) return undefined;
    return (
      `it claims ${claim.messages} messages and ${claim.payloadBytes} bytes at position ` +
      `${claim.position}; ${messages} messages and ${payloadBytes} bytes were counted here`
    );
  }

  /** The history up to a receipt is no longer needed once that receipt is stored. */
  receipted(agreement: string, messages: number): Write[] {
    const kept = listOf(this.#kept, agreement);
    const next = kept.findIndex((one) => one.messages > messages);
    return removals(kept.splice(0, next === -1 ? kept.length : next));
  }

  async #problemUncounted(agreement: string, claim: Checkpoint): Promise<string | undefined> {
    const kept = listOf(this.#kept, agreement);
    const [oldest] = kept;
    // Its checkpoint was among those let go: what came later still bounds what it may claim.
    const wasLetGo = kept.length >= this.#historyMax && oldest !== undefined;
    if (
      wasLetGo &&
      claim.messages <= oldest.messages &&
      claim.payloadBytes <= oldest.payloadBytes
    ) {
      return undefined;
    }
    const last = await this.last(agreement);
    return (
      `it claims ${claim.messages} messages at position ${claim.position}, ` +
      `which is no checkpoint counted here; the last one has ${last?.messages ?? 0} messages ` +
      `at position ${last?.position ?? 0}`
    );
  }
}

function countId(agreement: string, epoch: string, position: number): string {
  return `${rowPrefix(agreement)}${epoch}/${position}`;
}

function removals(gone: readonly Kept[]): Write[] {
  return gone.map(({ id }) => ({ op: "remove", kind: "count", id }));
}

function listOf(kept: Map<string, Kept[]>, agreement: string): Kept[] {
  let list = kept.get(agreement);
  if (list === undefined) kept.set(agreement, (list = []));
  return list;
}
