import type { Quality } from "../kernel/quality.ts";

/** All that the path of a message touches. */
export interface Passing {
  messages: number;
}

/** One hour of one product, as it is kept. */
export interface HourDoc {
  /** The product's first message, milliseconds since the Unix epoch. */
  readonly since: number;
  readonly lastAt: number;
  /** Of the silences that ended in this hour. */
  readonly longestGapMs: number;
  /** Messages, minute by minute. */
  readonly counts: readonly number[];
}

interface Hour {
  longestGapMs: number;
  readonly counts: number[];
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
const minutesMax = 1_440;
const hoursMax = 25;

/** One product's last day, minute by minute: at most 25 hours of 60 counts. */
export class Measured implements Passing {
  messages = 0;
  #seen = 0;
  #since = Number.NaN;
  #lastAt = Number.NaN;
  readonly #hours = new Map<number, Hour>();
  readonly #changed = new Set<number>();

  restore(hour: number, { since, lastAt, longestGapMs, counts }: HourDoc): void {
    this.#hours.set(hour, { longestGapMs, counts: [...counts] });
    this.#since = since;
    this.#lastAt = Number.isNaN(this.#lastAt) ? lastAt : Math.max(lastAt, this.#lastAt);
  }

  hours(): readonly number[] {
    return [...this.#hours.keys()];
  }

  sample(now: number): void {
    const came = this.messages - this.#seen;
    if (came === 0) return;
    this.#seen = this.messages;
    if (Number.isNaN(this.#since)) this.#since = now;
    const gapMs = Number.isNaN(this.#lastAt) ? 0 : Math.max(0, now - this.#lastAt);
    this.#lastAt = now;
    const at = Math.floor(now / hourMs);
    let hour = this.#hours.get(at);
    if (hour === undefined) {
      hour = { longestGapMs: 0, counts: Array.from({ length: 60 }, () => 0) };
      this.#hours.set(at, hour);
    }
    hour.counts[Math.floor(now / minuteMs) % 60]! += came;
    hour.longestGapMs = Math.max(hour.longestGapMs, gapMs);
    this.#changed.add(at);
  }

  /** Over the whole minutes of the day before `now`. */
  quality(now: number): Quality | undefined {
    const end = Math.floor(now / minuteMs);
    const start = Math.max(Math.floor(this.#since / minuteMs), end - minutesMax);
    // Nothing came yet, or no minute since is whole.
    if (!(start < end)) return undefined;
    const counts: number[] = [];
    for (let minute = start; minute < end; minute++) {
      counts.push(this.#hours.get(Math.floor(minute / 60))?.counts[minute % 60] ?? 0);
    }
    const lasting = Math.max(0, now - this.#lastAt);
    const gaps = [...this.#hours]
      .filter(([hour]) => hour >= Math.floor(start / 60))
      .map(([, { longestGapMs }]) => longestGapMs);
    return {
      minutes: counts.length,
      messages: counts.reduce((sum, count) => sum + count, 0),
      perMinuteMedian: medianOf(counts),
      minutesWithData: counts.filter((count) => count > 0).length / counts.length,
      longestGapSeconds: Math.round(Math.max(lasting, ...gaps) / 1000),
      lastAt: new Date(this.#lastAt).toISOString().replace(/\.\d+/, ""),
    };
  }

  /** What is to be written and what to be removed since it was last asked. */
  takeChanges(now: number): {
    readonly changed: readonly (readonly [number, HourDoc])[];
    readonly gone: readonly number[];
  } {
    const [since, lastAt] = [this.#since, this.#lastAt];
    const changed = [...this.#changed].map(
      (hour) => [hour, { since, lastAt, ...this.#hours.get(hour)! }] as const,
    );
    this.#changed.clear();
    // The newest stays, however old: it says when something last came.
    const newest = Math.max(...this.#hours.keys());
    const oldest = Math.floor(now / hourMs) - hoursMax;
    const gone = this.hours().filter((hour) => hour < oldest && hour !== newest);
    for (const hour of gone) this.#hours.delete(hour);
    return { changed, gone };
  }
}

function medianOf(counts: readonly number[]): number {
  const sorted = Float64Array.from(counts).sort();
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}
