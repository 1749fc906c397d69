import type { Clock } from "./clock.ts";
import { ComityError } from "./errors.ts";
import { TokenBucket } from "./token-bucket.ts";

const callersMax = 10_000;

export interface RequestRateOptions {
  readonly clock: Clock;
  readonly perSecondMax: number;
  /** Seconds of its rate that a caller may use at once. */
  readonly burstSeconds: number;
  /** Who calls, for people: `peer`. */
  readonly caller: string;
  /** What is told of the limit, where it is none of requests in a second. */
  readonly told?: { readonly limit: number; readonly what: string };
}

/** A token bucket for each caller: so many requests a second, and a burst after a rest. */
export class RequestRate {
  readonly #options: RequestRateOptions;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(options: RequestRateOptions) {
    this.#options = options;
  }

  /** LIMIT_REACHED (429) when it asks too often; what was refused costs nothing. */
  take(name: string): void {
    const { clock, perSecondMax, burstSeconds, caller, told } = this.#options;
    const bucket = this.#buckets.get(name) ?? new TokenBucket(perSecondMax, burstSeconds, clock);
    // who asked last stands last, so that the oldest is forgotten first
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    if (this.#buckets.size > callersMax) this.#forgetOldest();
    if (bucket.tryTake(1)) return;
    const what = `requests of one ${caller} in a second`;
    throw new ComityError("LIMIT_REACHED", told ?? { limit: perSecondMax, what });
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
