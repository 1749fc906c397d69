import type { Store } from "../ports/store.ts";
import type { HandedOver, Refusal } from "../ports/usage.ts";

/** Counts that nobody bills: what was withheld, and what plain clients were handed. */
export interface Tally {
  /** Messages withheld, by reason. */
  readonly refused: Readonly<Partial<Record<Refusal, number>>>;
  readonly handedOver: { readonly messages: number; readonly bytes: number };
}

/** The same while it is counted: changed in place, for every run handed over comes by here. */
class Count implements HandedOver {
  readonly refused: Map<Refusal, number>;
  messages: number;
  bytes: number;
  /** Since it was written down. */
  isChanged = false;

  constructor({ refused, handedOver }: Tally) {
    this.refused = new Map(Object.entries(refused) as [Refusal, number][]);
    this.messages = handedOver.messages;
    this.bytes = handedOver.bytes;
  }

  add(messages: number, bytes: number): void {
    this.messages += messages;
    this.bytes += bytes;
    this.isChanged = true;
  }
}

const nothing: Tally = { refused: {}, handedOver: { messages: 0, bytes: 0 } };

/** Where there is no agreement its name is the caller's invention: those share one row. */
const nobody = "none";

/** Kept in memory, written down on a timer and at close; kind `tally`, id = the agreement. */
export class Tallies {
  readonly #store: Store;
  readonly #counts = new Map<string, Count>();
  readonly #timer: NodeJS.Timeout;

  constructor(store: Store, known: ReadonlyMap<string, Tally>, flushMs: number) {
    this.#store = store;
    for (const [id, tally] of known) this.#counts.set(id, new Count(tally));
    this.#timer = setInterval(() => void this.#flush().catch(() => {}), flushMs).unref();
  }

  /** As it is now; what is counted later does not change it. */
  of(agreement: string): Tally {
    const counts = this.#counts.get(agreement);
    if (counts === undefined) return nothing;
    const { refused, messages, bytes } = counts;
    return { refused: Object.fromEntries(refused), handedOver: { messages, bytes } };
  }

  handedOver(agreement: string): HandedOver {
    return this.#of(agreement);
  }

  refused(agreement: string, reason: Refusal, messages: number): void {
    const count = this.#of(reason === "no-agreement" ? nobody : agreement);
    count.refused.set(reason, (count.refused.get(reason) ?? 0) + messages);
    count.isChanged = true;
  }

  /** Of the whole node. */
  refusals(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { refused } of this.#counts.values()) {
      for (const [reason, count] of refused) sums[reason] = (sums[reason] ?? 0) + count;
    }
    return sums;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flush();
  }

  #of(id: string): Count {
    let count = this.#counts.get(id);
    if (count === undefined) {
      count = new Count(nothing);
      this.#counts.set(id, count);
    }
    return count;
  }

  async #flush(): Promise<void> {
    const changed = [...this.#counts].filter(([, { isChanged }]) => isChanged);
    if (changed.length === 0) return;
    for (const [, count] of changed) count.isChanged = false;
    try {
      await this.#store.commit(
        changed.map(([id]) => ({ op: "put", kind: "tally", id, doc: this.of(id) })),
      );
    } catch (problem) {
      for (const [, count] of changed) count.isChanged = true; // the next flush tells it again
      throw problem;
    }
  }
}

export async function loadTallies(store: Store): Promise<Map<string, Tally>> {
  const stored = await store.list<Tally>("tally");
  return new Map(stored.map(({ id, doc }) => [id, doc]));
}
