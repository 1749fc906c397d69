/**
 * Ids of Descriptions in ascending order of their code points (WoT Discovery §7.2.2.1.5). They are
 * URIs, so ASCII, for which JavaScript's own order is the same.
 */
export class SortedIds {
  #ids: string[] = [];

  get size(): number {
    return this.#ids.length;
  }

  /** Takes in many at once. */
  addAll(ids: Iterable<string>): void {
    this.#ids = [...new Set([...this.#ids, ...ids])].sort(byText);
  }

  add(id: string): void {
    const at = this.#placeOf(id);
    if (this.#ids[at] !== id) this.#ids.splice(at, 0, id);
  }

  remove(id: string): void {
    const at = this.#placeOf(id);
    if (this.#ids[at] === id) this.#ids.splice(at, 1);
  }

  slice(from: number, to: number): readonly string[] {
    return this.#ids.slice(from, to);
  }

  /** Where it is, or would be. */
  #placeOf(id: string): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ids[middle] ?? "") < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
