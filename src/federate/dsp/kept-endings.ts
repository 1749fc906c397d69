/**
 * Which processes that are over are still known, oldest first. Whoever may begin them could else
 * fill the store with endings, and every start of the node reads them all.
 */
export class KeptEndings {
  readonly #max: number;
  readonly #ids = new Set<string>();

  constructor(max = 10_000) {
    this.#max = max;
  }

  /** One more is over: those that are now too many, to be forgotten in the same commit. */
  add(id: string): readonly string[] {
    this.#ids.delete(id);
    this.#ids.add(id);
    const tooMany: string[] = [];
    for (const old of this.#ids) {
      if (this.#ids.size <= this.#max) break;
      this.#ids.delete(old);
      tooMany.push(old);
    }
    return tooMany;
  }
}
