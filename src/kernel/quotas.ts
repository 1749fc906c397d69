/** How many of a thing each one has, so that none takes what is everybody's. */
export class Quotas {
  readonly #counts = new Map<string, number>();

  /** False where it has `most` already. */
  take(name: string, most: number): boolean {
    const count = this.#counts.get(name) ?? 0;
    if (count >= most) return false;
    this.#counts.set(name, count + 1);
    return true;
  }

  giveBack(name: string): void {
    const count = this.#counts.get(name) ?? 0;
    if (count > 1) this.#counts.set(name, count - 1);
    else this.#counts.delete(name);
  }
}
