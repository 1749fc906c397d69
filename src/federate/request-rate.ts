import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";

/** Seconds of its rate that a peer may use at once. */
const burstSeconds = 5;
const peersMax = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** A token bucket for each peer: so many requests a second, and a burst after a rest. */
export class RequestRate {
  readonly #clock: Clock;
  readonly #perSecondMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, perSecondMax: number) {
    this.#clock = clock;
    this.#perSecondMax = perSecondMax;
  }

  /** LIMIT_REACHED (429) when the peer asks too often; it may ask again later. */
  take(peer: string): void {
    const now = this.#clock.monotonic();
    const most = this.#perSecondMax * burstSeconds;
    const { tokens, at } = this.#buckets.get(peer) ?? { tokens: most, at: now };
    const filled = Math.min(most, tokens + ((now - at) / 1000) * this.#perSecondMax);
    // what was refused costs nothing, so that whoever asks on is heard again in its time
    const left = filled >= 1 ? filled - 1 : filled;
    // the peer that asked last stands last, so that the oldest is forgotten first
    this.#buckets.delete(peer);
    this.#buckets.set(peer, { tokens: left, at: now });
    if (this.#buckets.size > peersMax) this.#forgetOldest();
    if (filled >= 1) return;
    const what = "requests of one peer in a second";
    throw new ComityError("LIMIT_REACHED", { limit: this.#perSecondMax, what });
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
