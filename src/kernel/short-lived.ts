import type { Clock } from "./clock.ts";

interface Kept<T> {
  readonly value: T;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/** Values kept for a short while under names nobody can guess; the oldest makes room. */
export class ShortLived<T> {
  readonly #clock: Clock;
  readonly #lifeMs: number;
  readonly #valuesMax: number;
  /** In the order they were put, which is that of their ends. */
  readonly #kept = new Map<string, Kept<T>>();

  constructor(options: {
    readonly clock: Clock;
    readonly lifeMs: number;
    readonly valuesMax: number;
  }) {
    this.#clock = options.clock;
    this.#lifeMs = options.lifeMs;
    this.#valuesMax = options.valuesMax;
  }

  put(name: string, value: T): void {
    const now = this.#clock.monotonic();
    for (const [other, { until }] of this.#kept) {
      if (until > now && this.#kept.size < this.#valuesMax) break;
      this.#kept.delete(other);
    }
    this.#kept.set(name, { value, until: now + this.#lifeMs });
  }

  get(name: string): T | undefined {
    const kept = this.#kept.get(name);
    return kept !== undefined && kept.until > this.#clock.monotonic() ? kept.value : undefined;
  }

  /** Good for one use. */
  take(name: string): T | undefined {
    const value = this.get(name);
    this.#kept.delete(name);
    return value;
  }
}
