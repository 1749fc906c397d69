/** Four steps to a doubling: a step's middle is off by a tenth at most. */
const stepsPerDoubling = 4;
/** Up to twelve days; what is later is counted as that. */
const stepsMax = 120;
/** A device's clock may be ahead by so much: its messages came at once. More says nothing. */
const aheadMsMax = 60_000;

/** How late messages came, as counts of steps that double every four. */
export class Lags {
  readonly #counts: number[];

  constructor(counts: readonly number[] = []) {
    this.#counts = [...counts];
  }

  get counts(): readonly number[] {
    return this.#counts;
  }

  /** `ms` from the message's own time to its arrival. */
  add(ms: number): void {
    if (ms < -aheadMsMax) return;
    const step = ms <= 1 ? 0 : Math.round(stepsPerDoubling * Math.log2(ms));
    const at = Math.min(step, stepsMax);
    while (this.#counts.length <= at) this.#counts.push(0);
    this.#counts[at]!++;
  }

  addAll(other: Lags): void {
    for (const [step, count] of other.#counts.entries()) {
      while (this.#counts.length <= step) this.#counts.push(0);
      this.#counts[step]! += count;
    }
  }

  /** Milliseconds that this share of them, 0 to 1, is within; undefined where there are none. */
  quantile(share: number): number | undefined {
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    if (total === 0) return undefined;
    let left = Math.ceil(total * share);
    const step = this.#counts.findIndex((count) => (left -= count) <= 0);
    return step === 0 ? 0 : 2 ** (step / stepsPerDoubling);
  }
}
