import type { FollowedMessage, Indicator, IndicatorKind, IndicatorOutside } from "../sector.ts";
import { type PredictedTrip, PredictedTrips } from "./predicted-trips.ts";

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
  open: (outside) => new PunctualityIndicator(outside),
};

class PunctualityIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #trips = new PredictedTrips();
  #said: ReadonlySet<string> = new Set();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
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
      const delays = trips.flatMap((trip) => delayOf(trip, now) ?? []);
      if (delays.length === 0) continue;
      said.add(key);
      const onTime = delays.filter((one) => one >= -earlySecondsMax && one <= lateSecondsMax);
      const value = Math.round((10_000 * onTime.length) / delays.length) / 100;
      const late = delays.filter((one) => one > lateSecondsMax).length;
      const early = delays.filter((one) => one < -earlySecondsMax).length;
      this.#outside.publish(key, { value, ...about, trips: delays.length, late, early, asOf });
    }
    for (const key of this.#said) {
      if (!said.has(key)) this.#outside.publish(key, { value: null, trips: 0, asOf });
    }
    this.#said = said;
  }
}

/** At the next stop, else the trip's own: the stop's takes precedence (TripUpdate.delay). */
function delayOf({ stops, delay }: PredictedTrip, now: number): number | undefined {
  const next = stops.find(({ time }) => time >= now);
  return next === undefined ? undefined : (next.delay ?? delay);
}
