import type { Quality } from "../kernel/quality.ts";
import { MessageTimes } from "../wire/series/message-time.ts";
import { Lags } from "./lags.ts";
import type { Run } from "./run.ts";

/** Of a product's measure, all that the path of a message touches. */
export interface ProductCounter {
  messages: number;
  /** True now and then: the run's last message is then looked at. */
  wantsSample: boolean;
  take(run: Run): void;
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
  /** How late those that were looked at came; absent: none says its time. */
  readonly lags?: readonly number[];
}

interface Hour {
  longestGapMs: number;
  readonly lags: Lags;
  readonly counts: number[];
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
const minutesMax = 1_440;
const hoursMax = 25;
/** Reading a payload costs a thousand times what counting one does. */
const lookEverySeconds = 10;

/** One product's last day, minute by minute: at most 25 hours of 60 counts. */
export class Measured implements ProductCounter {
  messages = 0;
  wantsSample = true;
  #lagMs: number | undefined;
  #samples = 0;
  #seen = 0;
  #since = Number.NaN;
  #lastAt = Number.NaN;
  readonly #hours = new Map<number, Hour>();
  readonly #changed = new Set<number>();
  readonly #times = new MessageTimes();

  restore(hour: number, { since, lastAt, longestGapMs, counts, lags }: HourDoc): void {
    this.#hours.set(hour, { longestGapMs, counts: [...counts], lags: new Lags(lags) });
    this.#since = since;
    this.#lastAt = Number.isNaN(this.#lastAt) ? lastAt : Math.max(lastAt, this.#lastAt);
  }

  hours(): readonly number[] {
    return [...this.#hours.keys()];
  }

  /** Looks at one message: how late it came by its own account. */
  take(run: Run): void {
    this.wantsSample = false;
    const at = this.#times.ownOf(run.lastPayload());
    if (at !== undefined && run.at !== undefined) this.#lagMs = run.at - at;
  }

  /** Called once a second. */
  sample(now: number): void {
    if (++this.#samples % lookEverySeconds === 0) this.wantsSample = true;
    const came = this.messages - this.#seen;
    if (came === 0) return;
    this.#seen = this.messages;
    if (Number.isNaN(this.#since)) this.#since = now;
    const gapMs = Number.isNaN(this.#lastAt) ? 0 : Math.max(0, now - this.#lastAt);
    this.#lastAt = now;
    const at = Math.floor(now / hourMs);
    let hour = this.#hours.get(at);
    if (hour === undefined) {
      const counts = Array.from({ length: 60 }, () => 0);
      hour = { longestGapMs: 0, counts, lags: new Lags() };
      this.#hours.set(at, hour);
    }
    hour.counts[Math.floor(now / minuteMs) % 60]! += came;
    hour.longestGapMs = Math.max(hour.longestGapMs, gapMs);
    if (this.#lagMs !== undefined) hour.lags.add(this.#lagMs);
    this.#lagMs = undefined;
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
    const hours = [...this.#hours].filter(([hour]) => hour >= Math.floor(start / 60));
    const gaps = hours.map(([, { longestGapMs }]) => longestGapMs);
    const lags = new Lags();
    for (const [, hour] of hours) lags.addAll(hour.lags);
    const completeness = completenessOf(counts);
    const lag = lagOf(lags);
    return {
      minutes: counts.length,
      messages: counts.reduce((sum, count) => sum + count, 0),
      perMinuteMedian: medianOf(counts),
      minutesWithData: counts.filter((count) => count > 0).length / counts.length,
      longestGapSeconds: Math.round(Math.max(lasting, ...gaps) / 1000),
      ...(completeness === undefined ? {} : { completeness }),
      ...(lag === undefined ? {} : { lag }),
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
      (hour) => [hour, { since, lastAt, ...keptOf(this.#hours.get(hour)!) }] as const,
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

function keptOf({ longestGapMs, counts, lags }: Hour): Omit<HourDoc, "since" | "lastAt"> {
  return { longestGapMs, counts, ...(lags.counts.length === 0 ? {} : { lags: lags.counts }) };
}

function lagOf(lags: Lags): Quality["lag"] {
  const [half, most] = [lags.quantile(0.5), lags.quantile(0.95)];
  if (half === undefined || most === undefined) return undefined;
  const seconds = (ms: number): number => Number((ms / 1000).toPrecision(2));
  return { medianSeconds: seconds(half), p95Seconds: seconds(most) };
}

/** What came, measured by what usually comes: a burst makes up for no silence. */
function completenessOf(minutes: readonly number[]): number | undefined {
  return shareOfUsual(minutes) ?? shareOfUsual(hourly(minutes));
}

function shareOfUsual(counts: readonly number[]): number | undefined {
  const usual = counts.length === 0 ? 0 : medianOf(counts);
  if (usual === 0) return undefined;
  const came = counts.reduce((sum, count) => sum + Math.min(count, usual), 0);
  return Number((came / (usual * counts.length)).toFixed(4));
}

/** Whole hours, the newest last. */
function hourly(minutes: readonly number[]): number[] {
  const hours: number[] = [];
  for (let end = minutes.length; end >= 60; end -= 60) {
    hours.unshift(minutes.slice(end - 60, end).reduce((sum, count) => sum + count, 0));
  }
  return hours;
}

function medianOf(counts: readonly number[]): number {
  const sorted = Float64Array.from(counts).sort();
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}
