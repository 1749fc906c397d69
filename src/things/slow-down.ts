import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";

const firstWaitMs = 50;
const waitMsMax = 2_000;
const waitersMax = 100;
/** Addresses, and names, that are remembered; the oldest makes room. */
const rememberedMax = 10_000;
const forgetMs = 60_000;

interface Misses {
  count: number;
  at: number;
}

/**
 * Makes each further wrong token wait longer: from one address, and under one name whatever the
 * addresses. Good tokens never wait. One for all doors of a node, so that none is the way around.
 */
export class SlowDown {
  readonly #addresses = new Map<string, Misses>();
  readonly #names = new Map<string, Misses>();
  readonly #clock: Clock;
  #waiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** LIMIT_REACHED at once where too many wait already. */
  async wait(address: string, name = ""): Promise<void> {
    const byAddress = this.#miss(this.#addresses, address);
    const byName = name === "" ? 0 : this.#miss(this.#names, name);
    const waitMs = Math.max(byAddress, byName);
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

  #miss(table: Map<string, Misses>, key: string): number {
    const now = this.#clock.monotonic();
    const known = table.get(key);
    const count = known && now - known.at < forgetMs ? known.count + 1 : 0;
    table.delete(key); // back in as the youngest
    table.set(key, { count, at: now });
    const oldest = table.keys().next().value;
    if (table.size > rememberedMax && oldest !== undefined) table.delete(oldest);
    return Math.min(waitMsMax, firstWaitMs * 2 ** Math.min(count, 10));
  }
}
