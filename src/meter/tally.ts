import type { Store } from "../ports/store.ts";
import type { Refusal } from "../ports/usage.ts";

/** Counts that nobody bills: what was withheld, and what plain clients were handed. */
export interface Tally {
  /** Messages withheld, by reason. */
  readonly refused: Readonly<Partial<Record<Refusal, number>>>;
  readonly handedOver: { readonly messages: number; readonly bytes: number };
}

/** The same while it is counted: changed in place, for every run handed over comes by here. */
interface Counts {
  readonly refused: Map<Refusal, number>;
  messages: number;
  bytes: number;
}

const nothing: Tally = { refused: {}, handedOver: { messages: 0, bytes: 0 } };

/** Where there is no agreement its name is the caller's invention: those share one row. */
const nobody = "none";

/** Kept in memory, written down on a timer and at close; kind `tally`, id = the agreement. */
export class Tallies {
  readonly #store: Store;
  readonly #counts = new Map<string, Counts>();
  readonly #changed = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(store: Store, known: ReadonlyMap<string, Tally>, flushMs: number) {
    this.#store = store;
    for (const [id, { refused, handedOver }] of known) {
      const reasons = Object.entries(refused) as [Refusal, number][];
      this.#counts.set(id, { ...handedOver, refused: new Map(reasons) });
    }
    this.#timer = setInterval(() => void this.#flush().catch(() => {}), flushMs).unref();
  }

  /** As it is now; what is counted later does not change it. */
  of(agreement: string): Tally {
    const counts = this.#counts.get(agreement);
    if (counts === undefined) return nothing;
    const { refused, messages, bytes } = counts;
    return { refused: Object.fromEntries(refused), handedOver: { messages, bytes } };
  }

  handedOver(agreement: string, messages: number, bytes: number): void {
    const counts = this.#touch(agreement);
    counts.messages += messages;
    counts.bytes += bytes;
  }

  refused(agreement: string, reason: Refusal, messages: number): void {
    const { refused } = this.#touch(reason === "no-agreement" ? nobody : agreement);
    refused.set(reason, (refused.get(reason) ?? 0) + messages);
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

  #touch(id: string): Counts {
    this.#changed.add(id);
    let counts = this.#counts.get(id);
    if (counts === undefined) {
      counts = { refused: new Map(), messages: 0, bytes: 0 };
      this.#counts.set(id, counts);
    }
    return counts;
  }

  async #flush(): Promise<void> {
    if (this.#changed.size === 0) return;
    const ids = [...this.#changed];
    this.#changed.clear();
    try {
      await this.#store.commit(
        ids.map((id) => ({ op: "put", kind: "tally", id, doc: this.of(id) })),
      );
    } catch (problem) {
      for (const id of ids) this.#changed.add(id); // the next flush tells it again
      throw problem;
    }
  }
}

export async function loadTallies(store: Store): Promise<Map<string, Tally>> {
  const stored = await store.list<Tally>("tally");
  return new Map(stored.map(({ id, doc }) => [id, doc]));
}
