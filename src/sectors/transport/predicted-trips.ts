import { levelOf, type FollowedMessage } from "../sector.ts";

/** A trip's predictions, as far as indicators need them. */
export interface PredictedTrip {
  readonly route: string;
  readonly direction: number | undefined;
  /** POSIX seconds, as all times here. */
  readonly asOf: number;
  readonly stops: readonly PredictedStop[];
  /** Of the trip as a whole, where it is said. */
  readonly delay: number | undefined;
}

export interface PredictedStop {
  readonly stop: string;
  readonly time: number;
  /** Seconds late; negative: early. */
  readonly delay: number | undefined;
}

/** The trips of a route in a direction. */
export interface TripGroup {
  /** Two levels of a topic. */
  readonly key: string;
  readonly about: { readonly route: string; readonly direction?: number };
  readonly trips: readonly PredictedTrip[];
}

const tripsMax = 20_000;
const stopsMax = 500;
/** A prediction nobody has made anew for so long is of a trip that is over, or lost. */
const predictionSecondsMax = 600;

interface EventSaid {
  readonly time?: unknown;
  readonly delay?: unknown;
}

interface TripSaid {
  readonly type?: unknown;
  readonly id?: unknown;
  readonly trip?: {
    readonly routeId?: unknown;
    readonly directionId?: unknown;
    readonly scheduleRelationship?: unknown;
  };
  readonly timestamp?: unknown;
  readonly delay?: unknown;
  readonly stopTimeUpdate?: readonly {
    readonly stopId?: unknown;
    readonly arrival?: EventSaid;
    readonly departure?: EventSaid;
    readonly scheduleRelationship?: unknown;
  }[];
}

/**
 * The latest prediction of each trip, from TripUpdate messages. Time is the feed's own (the latest
 * it has said), so that a recorded feed tells what it told when it was recorded.
 */
export class PredictedTrips {
  readonly #trips = new Map<string, PredictedTrip>();
  #now = 0;
  #changed = false;

  /** Other messages than trip updates are none of its business. */
  take({ payload }: FollowedMessage): void {
    const said = JSON.parse(Buffer.from(payload).toString("utf8")) as TripSaid;
    if (said.type !== "TripUpdate" || typeof said.id !== "string") return;
    const asOf = wholeNumber(said.timestamp);
    const route = said.trip?.routeId;
    if (asOf === undefined || typeof route !== "string") return;
    this.#now = Math.max(this.#now, asOf);
    this.#changed = true;
    this.#trips.delete(said.id);
    if (said.trip?.scheduleRelationship === "CANCELED") return;
    this.#trips.set(said.id, {
      route,
      direction: wholeNumber(said.trip?.directionId),
      asOf,
      stops: stopsOf(said),
      delay: wholeNumber(said.delay),
    });
    if (this.#trips.size > tripsMax) this.#trips.delete(this.#trips.keys().next().value!);
  }

  /** The feed's time. */
  get now(): number {
    return this.#now;
  }

  /** Trips by route and direction, once after each change; none where nothing changed. */
  groups(): readonly TripGroup[] | undefined {
    if (!this.#changed) return undefined;
    this.#changed = false;
    for (const [id, { asOf }] of this.#trips) {
      if (asOf < this.#now - predictionSecondsMax) this.#trips.delete(id);
    }
    const groups = Map.groupBy(this.#trips.values(), ({ route, direction }) => {
      return `${levelOf(route)}/${direction ?? "-"}`;
    });
    return [...groups].map(([key, trips]) => {
      const { route, direction } = trips[0]!;
      return { key, about: { route, ...(direction !== undefined && { direction }) }, trips };
    });
  }
}

function stopsOf({ stopTimeUpdate = [] }: TripSaid): PredictedStop[] {
  return stopTimeUpdate.slice(0, stopsMax).flatMap((update) => {
    const { stopId: stop, arrival, departure, scheduleRelationship } = update;
    const time = wholeNumber(arrival?.time) ?? wholeNumber(departure?.time);
    const isServed = scheduleRelationship !== "SKIPPED" && scheduleRelationship !== "NO_DATA";
    if (typeof stop !== "string" || time === undefined || !isServed) return [];
    const delay = wholeNumber(arrival?.delay) ?? wholeNumber(departure?.delay);
    return [{ stop, time, delay }];
  });
}

function wholeNumber(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}
