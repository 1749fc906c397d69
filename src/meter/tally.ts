import type { Store } from "../ports/store.ts";
import type { Refusal } from "../ports/usage.ts";

/** Counts that nobody bills: what was withheld, and what plain clients were handed. */
export interface Tally {
  /** Messages withheld, by reason. */
  readonly refused: Readonly<Partial<Record<Refusal, number>>>;
  readonly handedOver: { readonly messages: number; readonly bytes: number };
}

const nothing: Tally = { refused: {}, handedOver: { messages: 0, bytes: 0 } };

/** Where there is no agreement its name is the caller's invention: those share one row. */
const nobody = "none";

/** Kept in memory, written down on a timer and at close; kind `tally`, id = the agreement. */
export class Tallies {
  readonly #store: Store;
  readonly #tallies: Map<string, Tally>;
  readonly #changed = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(store: Store, known: Map<string, Tally>, flushMs: number) {
    this.#store = store;
    this.#tallies = known;
    this.#timer = setInterval(() => void this.#flush().catch(() => {}), flushMs).unref();
  }

  of(agreement: string): Tally {
    return this.#tallies.get(agreement) ?? nothing;
  }

  handedOver(agreement: string, messages: number, bytes: number): void {
    const tally = this.of(agreement);
    const sum = {
      messages: tally.handedOver.messages + messages,
      bytes: tally.handedOver.bytes + bytes,
    };
    this.#set(agreement, { ...tally, handedOver: sum });
  }

  refused(agreement: string, reason: Refusal, messages: number): void {
    const id = reason === "no-agreement" ? nobody : agreement;
    const tally = this.of(id);
    const count = (tally.refused[reason] ?? 0) + messages;
    this.#set(id, { ...tally, refused: { ...tally.refused, [reason]: count } });
  }

  /** Of the whole node. */
  refusals(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { refused } of this.#tallies.values()) {
      for (const [reason, count] of Object.entries(refused)) {
        sums[reason] = (sums[reason] ?? 0) + count;
      }
    }
    return sums;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flush();
  }

  #set(id: string, tally: Tally): void {
    this.#tallies.set(id, tally);
    this.#changed.add(id);
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
