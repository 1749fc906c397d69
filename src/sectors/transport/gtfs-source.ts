import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/clock.ts";
import { decodeFeed, type FeedEntity, type FeedMessage } from "../../wire/gtfs-realtime/feed.ts";
import type { Position } from "../../wire/gtfs-realtime/feed.ts";
import { type Fault, levelOf, type SectorMessage, type SourceReader } from "../sector.ts";
import type { SourceInput, SourceReading } from "../sector.ts";
import { Tracks } from "./tracks.ts";
import { statusOf } from "./vehicle-status.ts";

/** Clocks may differ by so much. */
const skewSecondsMax = 60;
/** 540 km/h: faster than any vehicle of a transit feed. */
const metresASecondMax = 150;
const entitiesMax = 100_000;

/**
 * GTFS-Realtime in: one message for each vehicle, trip and alert that is new or has changed.
 * Topics below the source's: `vehicles/<route>/<vehicle>`, `trips/<route>/<trip>`, `alerts/<id>`.
 */
export class GtfsRealtimeReader implements SourceReader {
  readonly #clock: Clock;
  /** When each vehicle and trip was seen last, in the feed's time; the oldest is forgotten. */
  readonly #seen = new Map<string, number>();
  readonly #tracks = new Tracks(metresASecondMax);
  /** Alerts have no time of their own: their content tells whether they changed. */
  readonly #alerts = new Map<string, string>();
  #headerSeconds = 0;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  read({ bytes }: SourceInput): SourceReading {
    const feed = decoded(bytes);
    const nowSeconds = Math.floor(this.#clock.now() / 1000);
    const at = Number(feed.header.timestamp ?? BigInt(nowSeconds));
    if (at > nowSeconds + skewSecondsMax) {
      throw invalid(`it says it is of ${at - nowSeconds} s from now; compare both clocks`);
    }
    if (at < this.#headerSeconds) {
      const text = `a feed ${this.#headerSeconds - at} s older than the one before was left out`;
      return { messages: [], faults: [{ code: "clock", text }] };
    }
    this.#headerSeconds = at;
    const messages: SectorMessage[] = [];
    const faults: Fault[] = [];
    const ids = new Set<string>();
    for (const entity of feed.entity) {
      if (ids.has(entity.id)) {
        // "The id should be unique within a FeedMessage" (FeedEntity.id)
        faults.push({ code: "id", text: `entity ${entity.id} stands twice` });
        continue;
      }
      ids.add(entity.id);
      const made = this.#messageOf(entity, at, faults);
      if (made !== undefined) messages.push(made);
    }
    return { messages, faults };
  }

  #messageOf(entity: FeedEntity, at: number, faults: Fault[]): SectorMessage | undefined {
    if (entity.isDeleted === true) return undefined;
    if (entity.vehicle !== undefined) return this.#vehicle(entity, at, faults);
    if (entity.tripUpdate !== undefined) return this.#trip(entity, at, faults);
    return entity.alert === undefined ? undefined : this.#alert(entity);
  }

  #vehicle({ id: entityId, vehicle }: FeedEntity, at: number, faults: Fault[]) {
    const { position, trip, timestamp } = vehicle!;
    if (position === undefined) return undefined;
    const id = vehicle!.vehicle?.id ?? entityId;
    const seconds = Number(timestamp ?? BigInt(at));
    const problem = positionProblem(position);
    if (problem !== undefined) {
      faults.push({ code: "position", text: `vehicle ${id} ${problem}` });
      return undefined;
    }
    const name = `vehicle ${id}`;
    if (!this.#isNew(name, seconds, at, faults)) return undefined;
    const jump = this.#tracks.problem(name, placeOf(position), seconds);
    if (jump !== undefined) {
      faults.push({ code: "position", text: jump });
      return undefined;
    }
    const payload = statusOf(id, entityId, { ...vehicle, position }, seconds);
    return { topic: `vehicles/${levelOf(trip?.routeId)}/${levelOf(id)}`, payload };
  }

  #trip({ id, tripUpdate }: FeedEntity, at: number, faults: Fault[]): SectorMessage | undefined {
    const { trip, timestamp } = tripUpdate!;
    const seconds = Number(timestamp ?? BigInt(at));
    if (!this.#isNew(`trip ${id}`, seconds, at, faults)) return undefined;
    const topic = `trips/${levelOf(trip.routeId)}/${levelOf(trip.tripId ?? id)}`;
    return {
      topic,
      payload: { type: "TripUpdate", id, ...plain({ ...tripUpdate, timestamp: seconds }) },
    };
  }

  #alert({ id, alert }: FeedEntity): SectorMessage | undefined {
    const payload = { type: "Alert", id, ...plain(alert!) };
    const text = JSON.stringify(payload);
    if (this.#alerts.get(id) === text) return undefined;
    remember(this.#alerts, id, text);
    return { topic: `alerts/${levelOf(id)}`, payload };
  }

  /** Later than what was seen of it, and in a time that can be. */
  #isNew(name: string, seconds: number, at: number, faults: Fault[]): boolean {
    const before = this.#seen.get(name);
    if (seconds > at + skewSecondsMax) {
      faults.push({ code: "clock", text: `${name} is ${seconds - at} s ahead of its feed` });
      return false;
    }
    if (before === undefined || seconds > before) {
      remember(this.#seen, name, seconds);
      return true;
    }
    if (seconds < before) {
      faults.push({ code: "clock", text: `${name} went back ${before - seconds} s` });
    }
    return false;
  }
}

function decoded(bytes: Uint8Array): FeedMessage {
  try {
    return decodeFeed(bytes);
  } catch (thrown) {
    throw invalid(`it is no GTFS-Realtime feed (${problemOf(thrown)})`);
  }
}

function invalid(problem: string): ComityError {
  return new ComityError("SOURCE_INVALID", { problem });
}

function positionProblem({ latitude, longitude }: Position): string | undefined {
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) {
    return `says it is at ${latitude}, ${longitude}, which is no place on Earth`;
  }
  // what receivers say that have no fix
  return latitude === 0 && longitude === 0 ? "says it is at 0, 0" : undefined;
}

function placeOf({ latitude: lat, longitude: lon }: Position) {
  return { lat, lon };
}

/** 64-bit numbers as JSON has them: POSIX seconds fit. */
function plain(value: object): object {
  return JSON.parse(
    JSON.stringify(value, (_key, one: unknown) => (typeof one === "bigint" ? Number(one) : one)),
  ) as object;
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > entitiesMax) map.delete(map.keys().next().value!);
}
