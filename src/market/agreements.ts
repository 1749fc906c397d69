import { ComityError } from "../kernel/errors.ts";
import type { Store, Write } from "../ports/store.ts";
import type { Agreement, PriceChange } from "./agreement.ts";

export type Ending = NonNullable<Agreement["ended"]>;

/** The agreements this node is part of, in either role. */
export class Agreements {
  readonly #store: Store;
  readonly #agreements = new Map<string, Agreement>();
  readonly #ending = new Map<string, Promise<Agreement>>();
  readonly #onMade = new Set<(agreement: Agreement) => void>();
  readonly #onEnded = new Set<(agreement: Agreement) => void>();
  readonly #withMade = new Set<(made: Agreement) => Write[]>();
  readonly #changing = new Map<string, Promise<void>>();
  readonly #onPriceChanged = new Set<(agreement: Agreement) => void>();
  readonly #withEnd = new Set<(ended: Agreement) => Write[]>();

  private constructor(store: Store) {
    this.#store = store;
  }

  static async open(store: Store): Promise<Agreements> {
    const agreements = new Agreements(store);
    for (const { doc } of await store.list<Agreement>("agreement")) {
      agreements.#agreements.set(doc.id, doc);
    }
    return agreements;
  }

  /** In the order they were made. */
  list(): readonly Agreement[] {
    return [...this.#agreements.values()].sort((a, b) => a.signedAt.localeCompare(b.signedAt));
  }

  /** How many stand under which that participant receives. */
  standingWith(did: string): number {
    let count = 0;
    for (const { role, state, consumer } of this.#agreements.values()) {
      if (role === "provider" && state === "active" && consumer === did) count++;
    }
    return count;
  }

  get(id: string): Agreement | undefined {
    return this.#agreements.get(id);
  }

  need(id: string): Agreement {
    const agreement = this.#agreements.get(id);
    if (!agreement) throw new ComityError("NOT_FOUND", { what: "agreement", id });
    return agreement;
  }

  /** Keeps a new agreement, with what must be durable together with it. */
  async add(
    agreement: Agreement,
    also: readonly Write[] = [],
    onDurable: () => void = () => {},
  ): Promise<void> {
    const follows = [...this.#withMade].flatMap((writes) => writes(agreement));
    await this.#store.commit([
      { op: "add", kind: "agreement", id: agreement.id, doc: agreement },
      ...also,
      ...follows,
    ]);
    this.#agreements.set(agreement.id, agreement);
    onDurable();
    for (const listener of this.#onMade) listener(agreement);
  }

  /** Ends it, once: a second ending returns the first. Listeners hear of it when it is durable. */
  async end(id: string, ending: Ending, also: readonly Write[] = []): Promise<Agreement> {
    const under = this.#ending.get(id);
    if (under) return under;
    const { state } = this.need(id);
    if (state === "ended") return this.need(id);
    const work = this.#commitEnd(id, ending, also);
    this.#ending.set(id, work);
    try {
      return await work;
    } finally {
      this.#ending.delete(id);
    }
  }

  /** Both have signed another price; in force from when it says. A second time changes nothing. */
  async changePrice(id: string, change: PriceChange, also: readonly Write[] = []): Promise<void> {
    await this.#ending.get(id);
    const agreement = this.need(id);
    const { changes = [] } = agreement;
    if (changes.some(({ number }) => number === change.number)) return;
    const changed: Agreement = { ...agreement, changes: [...changes, change] };
    const work = this.#store.commit([{ op: "put", kind: "agreement", id, doc: changed }, ...also]);
    this.#changing.set(id, work);
    try {
      await work;
      this.#agreements.set(id, changed);
    } finally {
      this.#changing.delete(id);
    }
    for (const listener of this.#onPriceChanged) listener(changed);
  }

  /** The signed record of an ending that was known without one. */
  async witness(id: string, ending: Ending): Promise<void> {
    await this.#ending.get(id);
    const agreement = this.need(id);
    if (agreement.state !== "ended" || agreement.ended?.record !== undefined) return;
    const witnessed: Agreement = { ...agreement, ended: ending };
    await this.#store.commit([{ op: "put", kind: "agreement", id, doc: witnessed }]);
    this.#agreements.set(id, witnessed);
  }

  async #commitEnd(id: string, ending: Ending, also: readonly Write[]): Promise<Agreement> {
    await this.#changing.get(id)?.catch(() => {}); // its price may be changing
    const ended: Agreement = { ...this.need(id), state: "ended", ended: ending };
    const follows = [...this.#withEnd].flatMap((writes) => writes(ended));
    await this.#store.commit([
      { op: "put", kind: "agreement", id: ended.id, doc: ended },
      ...also,
      ...follows,
    ]);
    this.#agreements.set(ended.id, ended);
    for (const listener of this.#onEnded) listener(ended);
    return ended;
  }

  /** What begins with an agreement, durable in the same commit. */
  withMade(writes: (made: Agreement) => Write[]): void {
    this.#withMade.add(writes);
  }

  /** What begins with an agreement's end, durable in the same commit. */
  withEnd(writes: (ended: Agreement) => Write[]): void {
    this.#withEnd.add(writes);
  }

  /** They return the function that stops listening. */
  onMade(listener: (agreement: Agreement) => void): () => void {
    this.#onMade.add(listener);
    return () => this.#onMade.delete(listener);
  }

  onPriceChanged(listener: (agreement: Agreement) => void): () => void {
    this.#onPriceChanged.add(listener);
    return () => this.#onPriceChanged.delete(listener);
  }

  onEnded(listener: (agreement: Agreement) => void): () => void {
    this.#onEnded.add(listener);
    return () => this.#onEnded.delete(listener);
  }
}
