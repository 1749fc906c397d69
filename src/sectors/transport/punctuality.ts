import type { Figure, IndicatorKind } from "../sector.ts";
import type { PredictedTrip } from "./predicted-trips.ts";
import { TripsIndicator } from "./trips-indicator.ts";

/** Up to one minute early and up to five late is on time (TCQSM, 3rd edition, chapter 5). */
const earlySecondsMax = 60;
const lateSecondsMax = 300;

export const punctuality: IndicatorKind = {
  title: "Share of a route's running trips that are on time",
  unit: "%",
  formula:
    "100 × (trips at most 1 minute early and 5 minutes late) / (trips with a known delay), by " +
    "the predicted delay at the next stop, else the trip's; predictions at most 10 minutes old",
  source: "Transit Capacity and Quality of Service Manual, 3rd edition, TCRP Report 165",
  open: (outside) => new TripsIndicator(outside, { value: null, trips: 0 }, figureOf),
};

/** Undefined where no trip has a known delay. */
function figureOf(trips: readonly PredictedTrip[], now: number): Figure | undefined {
  const delays = trips.flatMap((trip) => delayOf(trip, now) ?? []);
  if (delays.length === 0) return undefined;
  const onTime = delays.filter((one) => one >= -earlySecondsMax && one <= lateSecondsMax);
  const value = Math.round((10_000 * onTime.length) / delays.length) / 100;
  const late = delays.filter((one) => one > lateSecondsMax).length;
  const early = delays.filter((one) => one < -earlySecondsMax).length;
  return { value, trips: delays.length, late, early };
}

/** At the next stop, else the trip's own: the stop's takes precedence (TripUpdate.delay). */
function delayOf({ stops, delay }: PredictedTrip, now: number): number | undefined {
  const next = stops.find(({ time }) => time >= now);
  return next === undefined ? undefined : (next.delay ?? delay);
}
