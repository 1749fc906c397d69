import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";

const firstWaitMs = 50;
const waitMsMax = 2_000;
const waitersMax = 100;
const addressesMax = 10_000;
const forgetMs = 60_000;

interface Misses {
  count: number;
  at: number;
}

/** Makes each further wrong token from an address wait longer; good tokens never wait. */
export class SlowDown {
  readonly #misses = new Map<string, Misses>();
  readonly #clock: Clock;
  #waiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** LIMIT_REACHED at once where too many wait already. */
  async wait(address: string): Promise<void> {
    const waitMs = this.#miss(address);
    if (this.#waiting >= waitersMax) {
      throw new ComityError("LIMIT_REACHED", {
        limit: waitersMax,
        what: "callers with bad tokens",
      });
    }
    this.#waiting++;
    try {
      await sleep(waitMs);
    } finally {
      this.#waiting--;
    }
  }

  #miss(address: string): number {
    const now = this.#clock.monotonic();
    const known = this.#misses.get(address);
    const count = known && now - known.at < forgetMs ? known.count + 1 : 0;
    this.#misses.delete(address); // back in as the youngest
    this.#misses.set(address, { count, at: now });
    const oldest = this.#misses.keys().next().value;
    if (this.#misses.size > addressesMax && oldest !== undefined) this.#misses.delete(oldest);
    return Math.min(waitMsMax, firstWaitMs * 2 ** Math.min(count, 10));
  }
}
