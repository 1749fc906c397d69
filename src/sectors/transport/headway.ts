import type { Indicator, IndicatorKind, IndicatorOutside } from "../sector.ts";
import type { PredictedTrip } from "./predicted-trips.ts";
import { TripsIndicator } from "./trips-indicator.ts";

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
  open: (outside) => overGaps(outside, ({ median }) => median),
};

export const bunching: IndicatorKind = {
  title: "Share of a route's predicted arrivals that come bunched",
  unit: "%",
  formula:
    `100 × (gaps shorter than ${bunchedShare} × the median gap) / (all gaps); ${method}. ` +
    "The median stands for the scheduled headway, which a feed does not tell",
  source: "https://gtfs.org/documentation/realtime/reference/#message-tripupdate",
  open: (outside) => overGaps(outside, ({ bunched, gaps }) => (100 * bunched) / gaps),
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

function overGaps(outside: IndicatorOutside, valueOf: (gaps: Gaps) => number): Indicator {
  return new TripsIndicator(outside, { value: null, gaps: 0 }, (trips, now) => {
    const gaps = gapsOf(trips, now);
    if (gaps === undefined) return undefined;
    const { median, ...rest } = gaps;
    return { value: Math.round(valueOf(gaps) * 100) / 100, medianSeconds: median, ...rest };
  });
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
