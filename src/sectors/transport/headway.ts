import type { Figure, FollowedMessage, Indicator, IndicatorKind } from "../sector.ts";
import type { IndicatorOutside } from "../sector.ts";
import { type PredictedTrip, PredictedTrips } from "./predicted-trips.ts";

/** Arrivals that are looked at. */
const horizonSeconds = 3_600;
/** Of the usual headway: below it two vehicles come as one. */
const bunchedShare = 0.25;

const method =
  "gaps between consecutive predicted arrivals at each stop of a route and direction, " +
  "of the next 60 minutes, over predictions at most 10 minutes old";

export const headway: IndicatorKind = {
  title: "Predicted headway of a route and direction",
  unit: "s",
  formula: `median of the ${method}`,
  source: "https://gtfs.org/documentation/realtime/reference/#message-tripupdate",
  open: (outside) => new HeadwayIndicator(outside, ({ median }) => median),
};

export const bunching: IndicatorKind = {
  title: "Share of a route's predicted arrivals that come bunched",
  unit: "%",
  formula:
    `100 × (gaps shorter than ${bunchedShare} × the median gap) / (all gaps); ${method}. ` +
    "The median stands for the scheduled headway, which a feed does not tell",
  source: "https://gtfs.org/documentation/realtime/reference/#message-tripupdate",
  open: (outside) => new HeadwayIndicator(outside, ({ bunched, gaps }) => (100 * bunched) / gaps),
};

interface Gaps {
  /** Seconds. */
  readonly median: number;
  readonly gaps: number;
  readonly bunched: number;
  readonly stops: number;
  /** The shortest gap and where it is. */
  readonly shortest: { readonly stop: string; readonly seconds: number };
}

class HeadwayIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #valueOf: (gaps: Gaps) => number;
  readonly #trips = new PredictedTrips();
  #said: ReadonlySet<string> = new Set();

  constructor(outside: IndicatorOutside, valueOf: (gaps: Gaps) => number) {
    this.#outside = outside;
    this.#valueOf = valueOf;
  }

  take(message: FollowedMessage): void {
    this.#trips.take(message);
  }

  beat(): void {
    const groups = this.#trips.groups();
    if (groups === undefined) return;
    const { now } = this.#trips;
    const asOf = new Date(now * 1000).toISOString();
    const said = new Set<string>();
    for (const { key, about, trips } of groups) {
      const gaps = gapsOf(trips, now);
      if (gaps === undefined) continue;
      said.add(key);
      this.#outside.publish(key, { ...figureOf(gaps, this.#valueOf(gaps)), ...about, asOf });
    }
    for (const key of this.#said) {
      if (!said.has(key)) this.#outside.publish(key, { value: null, gaps: 0, asOf });
    }
    this.#said = said;
  }
}

function figureOf(gaps: Gaps, value: number): Figure {
  const { median, ...rest } = gaps;
  return { value: Math.round(value * 100) / 100, medianSeconds: median, ...rest };
}

/** Undefined where no stop has two arrivals. */
function gapsOf(trips: readonly PredictedTrip[], now: number): Gaps | undefined {
  const times = new Map<string, number[]>();
  for (const { stops } of trips) {
    for (const { stop, time } of stops) {
      if (time < now || time > now + horizonSeconds) continue;
      const known = times.get(stop);
      if (known === undefined) times.set(stop, [time]);
      else known.push(time);
    }
  }
  const gaps: number[] = [];
  let stops = 0;
  let shortest = { stop: "", seconds: Infinity };
  for (const [stop, arrivals] of times) {
    arrivals.sort((a, b) => a - b);
    if (arrivals.length > 1) stops++;
    for (let i = 1; i < arrivals.length; i++) {
      const seconds = arrivals[i]! - arrivals[i - 1]!;
      gaps.push(seconds);
      if (seconds < shortest.seconds) shortest = { stop, seconds };
    }
  }
  if (gaps.length === 0) return undefined;
  const median = medianOf(gaps);
  const bunched = gaps.filter((gap) => gap < bunchedShare * median).length;
  return { median, gaps: gaps.length, bunched, stops, shortest };
}

function medianOf(values: number[]): number {
  values.sort((a, b) => a - b);
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
}
