import type { Clock } from "../../kernel/clock.ts";
import { ComityError } from "../../kernel/errors.ts";

const addressesMax = 10_000;
const minuteMs = 60_000;

/** So many requests a minute from one address; what is beyond is refused until the next. */
export class RequestRate {
  readonly #perMinuteMax: number;
  readonly #clock: Clock;
  #minute = -1;
  readonly #taken = new Map<string, number>();

  constructor(perMinuteMax: number, clock: Clock) {
    this.#perMinuteMax = perMinuteMax;
    this.#clock = clock;
  }

  /** LIMIT_REACHED where it is one too many. */
  take(address: string): void {
    const minute = Math.floor(this.#clock.monotonic() / minuteMs);
    if (minute !== this.#minute) this.#taken.clear();
    this.#minute = minute;
    const taken = (this.#taken.get(address) ?? 0) + 1;
    const isFull = this.#taken.size >= addressesMax && !this.#taken.has(address);
    if (taken > this.#perMinuteMax || isFull) {
      const what = "requests a minute from one address";
      throw new ComityError("LIMIT_REACHED", { limit: this.#perMinuteMax, what });
    }
    this.#taken.set(address, taken);
  }
}
