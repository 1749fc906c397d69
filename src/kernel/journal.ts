/**
 * What just happened on this node, for people: a ring of the latest happenings and whoever
 * listens. It is no record (the store and its audit trail are): it forgets on restart.
 */
export interface Happening {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** A dotted subject, such as `agreement.finalized`, `link.up`, `receipt.signed`, `refused`. */
  readonly kind: string;
  /** One sentence. */
  readonly text: string;
  readonly agreement?: string;
}

export class Journal {
  readonly #keep: number;
  readonly #latest: Happening[] = [];
  readonly #listeners = new Set<(happening: Happening) => void>();

  constructor(keep = 200) {
    this.#keep = keep;
  }

  record(happening: Happening): void {
    this.#latest.push(happening);
    if (this.#latest.length > this.#keep) this.#latest.shift();
    for (const listener of this.#listeners) listener(happening);
  }

  /** Oldest first. */
  latest(): readonly Happening[] {
    return this.#latest;
  }

  /** Returns the function that stops listening. */
  listen(listener: (happening: Happening) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
