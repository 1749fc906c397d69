const windowSamples = 5;

/** Messages a second of anything that counts up, over the last few seconds. */
export class Rates {
  readonly #samples = new Map<string, { at: number; count: number }[]>();

  /** Called about once a second with each count as it stands. */
  sample(at: number, counts: Iterable<readonly [key: string, count: number]>): void {
    for (const [key, count] of counts) {
      const list = this.#samples.get(key) ?? [];
      list.push({ at, count });
      if (list.length > windowSamples) list.shift();
      this.#samples.set(key, list);
    }
  }

  perSecond(key: string): number {
    const list = this.#samples.get(key) ?? [];
    const [first] = list;
    const last = list.at(-1);
    if (first === undefined || last === undefined || last.at <= first.at) return 0;
    return Math.max(0, ((last.count - first.count) * 1000) / (last.at - first.at));
  }
}
