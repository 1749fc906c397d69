const brokenMs = [50, 100, 200, 500, 1000, 2000, 5000] as const;
const stuckMs = [1000, 2000, 5000, 15_000, 60_000] as const;

/**
 * How long to wait before the next try. Only progress starts it anew: a connection that opens and
 * brings nothing is no better than one that does not open.
 */
export class RetryPace {
  #broken = 0;
  #stuck = 0;

  /** `stuck`: the next try will end as this one did, unless somebody does something. */
  nextMs(stuck: boolean): number {
    const waits = stuck ? stuckMs : brokenMs;
    const tried = stuck ? this.#stuck++ : this.#broken++;
    return waits[Math.min(tried, waits.length - 1)]!;
  }

  progressed(): void {
    this.#broken = 0;
    this.#stuck = 0;
  }
}
