import type { Clock } from "../kernel/clock.ts";

const burstMs = 1000;

/** How many bytes a second may pass, and at once as many as in one second that nothing did. */
export class TokenBucket {
  readonly bytesPerSecond: number;
  readonly #clock: Clock;
  #tokens: number;
  #at: number;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
    this.#tokens = this.#most;
    this.#at = clock.monotonic();
  }

  /** What leaves in one piece may be more than is left; the debt is waited for. */
  take(bytes: number): void {
    this.#fill();
    this.#tokens -= bytes;
  }

  /** How long until something may pass; 0: now. */
  waitMs(): number {
    this.#fill();
    return this.#tokens > 0 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.bytesPerSecond);
  }

  get #most(): number {
    return (this.bytesPerSecond * burstMs) / 1000;
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    const earned = ((now - this.#at) * this.bytesPerSecond) / 1000;
    this.#tokens = Math.min(this.#most, this.#tokens + earned);
    this.#at = now;
  }
}
