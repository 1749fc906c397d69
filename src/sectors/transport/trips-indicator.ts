import type { Figure, FollowedMessage, Indicator, IndicatorOutside } from "../sector.ts";
import { type PredictedTrip, PredictedTrips } from "./predicted-trips.ts";

/** A figure of a route and direction's predicted trips; undefined where they tell none. */
type TripsFigure = (trips: readonly PredictedTrip[], now: number) => Figure | undefined;

/** Says a figure per route and direction, in the feed's own time, and once where it ceases. */
export class TripsIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #none: Figure;
  readonly #figureOf: TripsFigure;
  readonly #trips = new PredictedTrips();
  #said: ReadonlySet<string> = new Set();

  /** `none` is said where there was a figure before and there is none any more. */
  constructor(outside: IndicatorOutside, none: Figure, figureOf: TripsFigure) {
    this.#outside = outside;
    this.#none = none;
    this.#figureOf = figureOf;
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
      const figure = this.#figureOf(trips, now);
      if (figure === undefined) continue;
      said.add(key);
      this.#outside.publish(key, { ...figure, ...about, asOf });
    }
    for (const key of this.#said) {
      if (!said.has(key)) this.#outside.publish(key, { ...this.#none, asOf });
    }
    this.#said = said;
  }
}
