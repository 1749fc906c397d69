import type { Clock } from "../../../src/kernel/clock.ts";

/**
 * One clock for all: it stands on a day, on which time passes as it does outside, and is put to
 * the next. Monotonic time runs fifty times as fast, so that rates and pauses do not hold up a run.
 */
export class YearClock implements Clock {
  #day = Date.UTC(2027, 0, 1);
  #since = performance.now();

  now = (): number => this.#day + Math.floor(performance.now() - this.#since);

  monotonic = (): number => performance.now() * 50 + this.#day;

  /** `2027-03`. */
  get month(): string {
    return new Date(this.#day).toISOString().slice(0, 7);
  }

  get monthAfter(): string {
    const day = new Date(this.#day);
    return new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1))
      .toISOString()
      .slice(0, 7);
  }

  /** To a day of the same month, 1 to 28: every month has it. */
  goTo(day: number): void {
    const today = new Date(this.#day);
    if (day < today.getUTCDate() || day > 28) throw new Error(`day ${day} of a month`);
    this.#day = Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), day);
    this.#since = performance.now();
  }

  /** To the first day of the next month. */
  turn(): void {
    const day = new Date(this.#day);
    this.#day = Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1);
    this.#since = performance.now();
  }
}
