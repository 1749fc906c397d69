import type { Grant } from "../market/grant.ts";
import { contentKey } from "./checker.ts";
import type { Flow } from "./flow.ts";
import { Latest } from "./latest.ts";

/** Of the packets kept for all agreements together. */
const latestBytesMax = 268_435_456;

/**
 * The last messages of what agreements let through. Agreements of equal content share them, so
 * that many agreements on one product take the memory of one; those that keep their own, as with
 * pseudonyms, are forgotten in the order they were last asked for once all take too much.
 */
export class LatestMessages {
  readonly #flow: Flow;
  readonly #bytesMax: number;
  /** By content, who was asked last standing last. */
  readonly #kept = new Map<string, Latest>();
  /** Agreements of each content. */
  readonly #holders = new Map<string, Set<string>>();
  #bytes = 0;

  constructor(flow: Flow, bytesMax = latestBytesMax) {
    this.#flow = flow;
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Kept from now on, until the agreement is forgotten or the room is needed. */
  of(grant: Grant): Latest {
    const key = keyOf(grant);
    const latest = this.#kept.get(key) ?? this.#open(grant);
    this.#kept.delete(key);
    this.#kept.set(key, latest);
    const holders = this.#holders.get(key) ?? new Set();
    this.#holders.set(key, holders.add(grant.agreement));
    this.#makeRoom();
    return latest;
  }

  /** The agreement asks no more. */
  forget(grant: Grant): void {
    const key = keyOf(grant);
    const holders = this.#holders.get(key);
    if (holders?.delete(grant.agreement) !== true || holders.size > 0) return;
    this.#holders.delete(key);
    this.#drop(key);
  }

  close(): void {
    this.#holders.clear();
    for (const key of [...this.#kept.keys()]) this.#drop(key);
  }

  #open(grant: Grant): Latest {
    return new Latest(this.#flow, grant, (bytes) => {
      this.#bytes += bytes;
      this.#makeRoom();
    });
  }

  #makeRoom(): void {
    while (this.#bytes > this.#bytesMax && this.#kept.size > 1) {
      const [longestUnasked] = this.#kept.keys();
      if (longestUnasked !== undefined) this.#drop(longestUnasked);
    }
  }

  #drop(key: string): void {
    this.#kept.get(key)?.close();
    this.#kept.delete(key);
  }
}

/** What a rate lets through depends on where the agreement began. */
function keyOf(grant: Grant): string {
  const { agreement, product, log, rate } = grant;
  return JSON.stringify([product, log, rate && agreement, rate, contentKey(grant)]);
}
