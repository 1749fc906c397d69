import type { Clock } from "./clock.ts";

/** So much a second may pass, and at once as much as in `burstSeconds` in which nothing did. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #most: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, burstSeconds: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#most = perSecond * burstSeconds;
    this.#tokens = this.#most;
    this.#at = clock.monotonic();
  }

  /** What leaves in one piece may be more than is left; the debt is waited for. */
  take(amount: number): void {
    this.#fill();
    this.#tokens -= amount;
  }

  /** Takes the whole amount, or nothing where less is left. */
  tryTake(amount: number): boolean {
    this.#fill();
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }

  /** How long until something may pass; 0: now. */
  waitMs(): number {
    this.#fill();
    return this.#tokens > 0 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond);
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    const earned = ((now - this.#at) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#most, this.#tokens + earned);
    this.#at = now;
  }
}
