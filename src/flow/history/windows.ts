/** What a window of a series comes to. `last` picks a reading, the others make a number. */
export const historyFunctions = ["raw", "last", "min", "max", "mean", "count", "sum"] as const;
export type HistoryFunction = (typeof historyFunctions)[number];
export type Summary = Exclude<HistoryFunction, "raw" | "last">;

/** Numbers of one window as they come; sums keep what doubles would lose (Neumaier, 1974). */
export class Summing {
  #count = 0;
  #sum = 0;
  #lost = 0;
  #min = Infinity;
  #max = -Infinity;

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    this.#count++;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    const sum = this.#sum + value;
    this.#lost +=
      Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
  }

  /** NaN of nothing, but for its count and sum. */
  result(summary: Summary): number {
    const isNothing = this.#count === 0;
    switch (summary) {
      case "count":
        return this.#count;
      case "sum":
        return this.#total;
      case "mean":
        return this.#total / this.#count;
      case "min":
        return isNothing ? Number.NaN : this.#min;
      case "max":
        return isNothing ? Number.NaN : this.#max;
    }
  }

  /** Beyond what a double holds, what was lost is no number. */
  get #total(): number {
    return Number.isFinite(this.#sum) ? this.#sum + this.#lost : this.#sum;
  }
}

export interface Point {
  readonly time: number;
  readonly value: number;
}

/**
 * The least and the greatest of each of `points / 2` stretches of time, in order: a chart of these
 * looks like one of all, peaks included.
 */
export class MinMaxPoints {
  readonly #from: number;
  readonly #width: number;
  readonly #stretches: number;
  #stretch = -1;
  #least: Point | undefined;
  #greatest: Point | undefined;

  constructor(from: number, until: number, points: number) {
    this.#from = from;
    this.#stretches = Math.max(1, Math.floor(points / 2));
    this.#width = Math.max(1, (until - from) / this.#stretches);
  }

  /** In order of time. What the stretch before came to, when one ends. */
  add(point: Point): Point[] {
    const at = Math.floor((point.time - this.#from) / this.#width);
    const stretch = Math.min(at, this.#stretches - 1);
    const done = stretch === this.#stretch ? [] : this.end();
    this.#stretch = stretch;
    if (this.#least === undefined || point.value < this.#least.value) this.#least = point;
    if (this.#greatest === undefined || point.value > this.#greatest.value) this.#greatest = point;
    return done;
  }

  end(): Point[] {
    const [least, greatest] = [this.#least, this.#greatest];
    this.#least = undefined;
    this.#greatest = undefined;
    if (least === undefined || greatest === undefined) return [];
    if (least === greatest) return [least];
    return least.time <= greatest.time ? [least, greatest] : [greatest, least];
  }
}
