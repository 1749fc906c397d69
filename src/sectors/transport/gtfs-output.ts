import type { Clock } from "../../kernel/clock.ts";
import { positionIn } from "../../flow/position.ts";
import { isoTime } from "../../kernel/time.ts";
import {
  type Alert,
  encodeFeed,
  type FeedEntity,
  type TripUpdate,
} from "../../wire/gtfs-realtime/feed.ts";
import { ProtobufError } from "../../wire/protobuf/message.ts";
import type { Composer, FollowedMessage } from "../sector.ts";
import { type VehicleStatus, vehiclePositionOf } from "./vehicle-status.ts";

const entitiesMax = 100_000;
/** "Data … should not be older than 90 seconds" (GTFS-Realtime best practices) plus a late one. */
const vehicleMs = 300_000;
const tripMs = 300_000;
/** Alerts are told when they change, not again and again. */
const alertMs = 86_400_000;

interface Kept {
  readonly entity: FeedEntity;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/** What a message may say; all of it is somebody else's word. */
type Said = Partial<VehicleStatus> & {
  readonly timestamp?: unknown;
  readonly time?: unknown;
};

/**
 * GTFS-Realtime out: a full dataset of what came lately. Vehicles come from any JSON that says
 * where it is, with what else it says in the names of FleetVehicleStatus; trips and alerts from
 * messages as this sector's source makes them.
 */
export class GtfsRealtimeComposer implements Composer {
  readonly #clock: Clock;
  /** By entity id, the longest unheard of first. */
  readonly #kept = new Map<string, Kept>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  take({ topic, payload }: FollowedMessage): void {
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString("utf8");
    const said = JSON.parse(text) as Said & { type?: string; id?: unknown };
    if (typeof said !== "object" || said === null) return;
    const id = typeof said.id === "string" ? said.id : (topic.split("/").at(-1) ?? topic);
    if ((said.type as string) === "TripUpdate") {
      this.#keep({ id, tripUpdate: tripUpdateOf(said as never) }, tripMs);
    } else if ((said.type as string) === "Alert") {
      this.#keep({ id, alert: alertOf(said as never) }, alertMs);
    } else this.#takeVehicle(text, said, id);
  }

  compose(): Uint8Array {
    const now = this.#clock.monotonic();
    for (const [id, { until }] of this.#kept) if (until < now) this.#kept.delete(id);
    return encodeFeed({
      header: {
        gtfsRealtimeVersion: "2.0",
        incrementality: "FULL_DATASET",
        timestamp: BigInt(Math.floor(this.#clock.now() / 1000)),
      },
      entity: [...this.#kept.values()].map(({ entity }) => entity),
    });
  }

  #takeVehicle(text: string, said: Said, id: string): void {
    const position = positionIn(text);
    if (position === undefined) return;
    const seconds = secondsOf(said) ?? Math.floor(this.#clock.now() / 1000);
    const entityId = said.gtfs?.entityId;
    const vehicle = vehiclePositionOf(said, { ...position, seconds }, id);
    this.#keep({ id: typeof entityId === "string" ? entityId : id, vehicle }, vehicleMs);
  }

  /** An entity that cannot be encoded is refused here, so that it spoils no whole feed. */
  #keep(entity: FeedEntity, lifeMs: number): void {
    try {
      encodeFeed({ header: { gtfsRealtimeVersion: "2.0" }, entity: [entity] });
    } catch (thrown) {
      if (thrown instanceof ProtobufError) return;
      throw thrown;
    }
    this.#kept.delete(entity.id);
    this.#kept.set(entity.id, { entity, until: this.#clock.monotonic() + lifeMs });
    if (this.#kept.size > entitiesMax) this.#kept.delete(this.#kept.keys().next().value!);
  }
}

/** A vehicle's own time, where it says one; POSIX seconds. */
function secondsOf({ lastKnownPositionUpdatedAt, timestamp, time }: Said): number | undefined {
  for (const said of [lastKnownPositionUpdatedAt, timestamp, time]) {
    if (typeof said === "string") {
      const at = isoTime(said);
      if (at !== undefined) return Math.floor(at / 1000);
    }
  }
  return undefined;
}

type TripSaid = Omit<TripUpdate, "timestamp"> & { readonly timestamp?: number };

function tripUpdateOf({ trip, vehicle, stopTimeUpdate, timestamp, delay }: TripSaid): TripUpdate {
  return {
    trip,
    stopTimeUpdate,
    ...(vehicle !== undefined && { vehicle }),
    ...(timestamp !== undefined && { timestamp: BigInt(timestamp) }),
    ...(delay !== undefined && { delay }),
  };
}

function alertOf(said: Alert & { readonly type: string; readonly id: string }): Alert {
  const { type: _type, id: _id, ...alert } = said;
  return alert;
}
