/**
 * GTFS-Realtime 2.0 (gtfs.org/documentation/realtime): the feed message as bytes and as objects,
 * in the names of its own JSON form. What this file names is kept; extensions and fields that are
 * not named here are skipped. It never judges what a feed says.
 */
import { decode, encode, type EnumNames, type Table } from "../protobuf/message.ts";
import { optional, repeated, required, table } from "../protobuf/message.ts";

export interface FeedMessage {
  readonly header: FeedHeader;
  readonly entity: readonly FeedEntity[];
}

export interface FeedHeader {
  readonly gtfsRealtimeVersion: string;
  readonly incrementality?: string;
  /** POSIX seconds, as all times here. */
  readonly timestamp?: bigint;
}

export interface FeedEntity {
  readonly id: string;
  readonly isDeleted?: boolean;
  readonly tripUpdate?: TripUpdate;
  readonly vehicle?: VehiclePosition;
  readonly alert?: Alert;
}

export interface TripUpdate {
  readonly trip: TripDescriptor;
  readonly vehicle?: VehicleDescriptor;
  readonly stopTimeUpdate: readonly StopTimeUpdate[];
  readonly timestamp?: bigint;
  /** Seconds late. */
  readonly delay?: number;
}

export interface StopTimeUpdate {
  readonly stopSequence?: number;
  readonly stopId?: string;
  readonly arrival?: StopTimeEvent;
  readonly departure?: StopTimeEvent;
  readonly scheduleRelationship?: string;
}

export interface StopTimeEvent {
  readonly delay?: number;
  readonly time?: bigint;
  readonly uncertainty?: number;
}

export interface VehiclePosition {
  readonly trip?: TripDescriptor;
  readonly vehicle?: VehicleDescriptor;
  readonly position?: Position;
  readonly currentStopSequence?: number;
  readonly stopId?: string;
  readonly currentStatus?: string;
  readonly timestamp?: bigint;
  readonly congestionLevel?: string;
  readonly occupancyStatus?: string;
  readonly occupancyPercentage?: number;
}

/** WGS 84 degrees, metres, metres a second. */
export interface Position {
  readonly latitude: number;
  readonly longitude: number;
  readonly bearing?: number;
  readonly odometer?: number;
  readonly speed?: number;
}

export interface TripDescriptor {
  readonly tripId?: string;
  readonly routeId?: string;
  readonly directionId?: number;
  readonly startTime?: string;
  readonly startDate?: string;
  readonly scheduleRelationship?: string;
}

export interface VehicleDescriptor {
  readonly id?: string;
  readonly label?: string;
  readonly licensePlate?: string;
}

export interface Alert {
  readonly activePeriod: readonly TimeRange[];
  readonly informedEntity: readonly EntitySelector[];
  readonly cause?: string;
  readonly effect?: string;
  readonly url?: TranslatedString;
  readonly headerText?: TranslatedString;
  readonly descriptionText?: TranslatedString;
  readonly severityLevel?: string;
}

export interface TimeRange {
  readonly start?: bigint;
  readonly end?: bigint;
}

export interface EntitySelector {
  readonly agencyId?: string;
  readonly routeId?: string;
  readonly routeType?: number;
  readonly trip?: TripDescriptor;
  readonly stopId?: string;
  readonly directionId?: number;
}

export interface TranslatedString {
  readonly translation: readonly { readonly text: string; readonly language?: string }[];
}

const incrementality = { 0: "FULL_DATASET", 1: "DIFFERENTIAL" };
const stopRelationship = { 0: "SCHEDULED", 1: "SKIPPED", 2: "NO_DATA", 3: "UNSCHEDULED" };
const stopStatus = { 0: "INCOMING_AT", 1: "STOPPED_AT", 2: "IN_TRANSIT_TO" };
const severity = { 1: "UNKNOWN_SEVERITY", 2: "INFO", 3: "WARNING", 4: "SEVERE" };
const congestion: EnumNames = {
  0: "UNKNOWN_CONGESTION_LEVEL",
  1: "RUNNING_SMOOTHLY",
  2: "STOP_AND_GO",
  3: "CONGESTION",
  4: "SEVERE_CONGESTION",
};
const occupancy: EnumNames = {
  0: "EMPTY",
  1: "MANY_SEATS_AVAILABLE",
  2: "FEW_SEATS_AVAILABLE",
  3: "STANDING_ROOM_ONLY",
  4: "CRUSHED_STANDING_ROOM_ONLY",
  5: "FULL",
  6: "NOT_ACCEPTING_PASSENGERS",
  7: "NO_DATA_AVAILABLE",
  8: "NOT_BOARDABLE",
};
const tripRelationship: EnumNames = {
  0: "SCHEDULED",
  1: "ADDED",
  2: "UNSCHEDULED",
  3: "CANCELED",
  5: "REPLACEMENT",
  6: "DUPLICATED",
  7: "DELETED",
  8: "NEW",
};
const cause: EnumNames = {
  1: "UNKNOWN_CAUSE",
  2: "OTHER_CAUSE",
  3: "TECHNICAL_PROBLEM",
  4: "STRIKE",
  5: "DEMONSTRATION",
  6: "ACCIDENT",
  7: "HOLIDAY",
  8: "WEATHER",
  9: "MAINTENANCE",
  10: "CONSTRUCTION",
  11: "POLICE_ACTIVITY",
  12: "MEDICAL_EMERGENCY",
};
const effect: EnumNames = {
  1: "NO_SERVICE",
  2: "REDUCED_SERVICE",
  3: "SIGNIFICANT_DELAYS",
  4: "DETOUR",
  5: "ADDITIONAL_SERVICE",
  6: "MODIFIED_SERVICE",
  7: "OTHER_EFFECT",
  8: "UNKNOWN_EFFECT",
  9: "STOP_MOVED",
  10: "NO_EFFECT",
  11: "ACCESSIBILITY_ISSUE",
};

const translated = table<TranslatedString>("TranslatedString", {
  translation: repeated(1, () => translation),
});
const translation = table<TranslatedString["translation"][number]>("Translation", {
  text: required(1, "string"),
  language: optional(2, "string"),
});
const range = table<TimeRange>("TimeRange", {
  start: optional(1, "uint64"),
  end: optional(2, "uint64"),
});
const tripDescriptor = table<TripDescriptor>("TripDescriptor", {
  tripId: optional(1, "string"),
  startTime: optional(2, "string"),
  startDate: optional(3, "string"),
  scheduleRelationship: optional(4, tripRelationship),
  routeId: optional(5, "string"),
  directionId: optional(6, "uint32"),
});
const vehicleDescriptor = table<VehicleDescriptor>("VehicleDescriptor", {
  id: optional(1, "string"),
  label: optional(2, "string"),
  licensePlate: optional(3, "string"),
});
const selector = table<EntitySelector>("EntitySelector", {
  agencyId: optional(1, "string"),
  routeId: optional(2, "string"),
  routeType: optional(3, "int32"),
  trip: optional(4, () => tripDescriptor),
  stopId: optional(5, "string"),
  directionId: optional(6, "uint32"),
});
const stopTimeEvent = table<StopTimeEvent>("StopTimeEvent", {
  delay: optional(1, "int32"),
  time: optional(2, "int64"),
  uncertainty: optional(3, "int32"),
});
const stopTimeUpdate = table<StopTimeUpdate>("StopTimeUpdate", {
  stopSequence: optional(1, "uint32"),
  arrival: optional(2, () => stopTimeEvent),
  departure: optional(3, () => stopTimeEvent),
  stopId: optional(4, "string"),
  scheduleRelationship: optional(5, stopRelationship),
});
const tripUpdate = table<TripUpdate>("TripUpdate", {
  trip: required(1, () => tripDescriptor),
  stopTimeUpdate: repeated(2, () => stopTimeUpdate),
  vehicle: optional(3, () => vehicleDescriptor),
  timestamp: optional(4, "uint64"),
  delay: optional(5, "int32"),
});
const position = table<Position>("Position", {
  latitude: required(1, "float"),
  longitude: required(2, "float"),
  bearing: optional(3, "float"),
  odometer: optional(4, "double"),
  speed: optional(5, "float"),
});
const vehiclePosition = table<VehiclePosition>("VehiclePosition", {
  trip: optional(1, () => tripDescriptor),
  position: optional(2, () => position),
  currentStopSequence: optional(3, "uint32"),
  currentStatus: optional(4, stopStatus),
  timestamp: optional(5, "uint64"),
  congestionLevel: optional(6, congestion),
  stopId: optional(7, "string"),
  vehicle: optional(8, () => vehicleDescriptor),
  occupancyStatus: optional(9, occupancy),
  occupancyPercentage: optional(10, "uint32"),
});
const alert = table<Alert>("Alert", {
  activePeriod: repeated(1, () => range),
  informedEntity: repeated(5, () => selector),
  cause: optional(6, cause),
  effect: optional(7, effect),
  url: optional(8, () => translated),
  headerText: optional(10, () => translated),
  descriptionText: optional(11, () => translated),
  severityLevel: optional(14, severity),
});
const header = table<FeedHeader>("FeedHeader", {
  gtfsRealtimeVersion: required(1, "string"),
  incrementality: optional(2, incrementality),
  timestamp: optional(3, "uint64"),
});
const entity = table<FeedEntity>("FeedEntity", {
  id: required(1, "string"),
  isDeleted: optional(2, "bool"),
  tripUpdate: optional(3, () => tripUpdate),
  vehicle: optional(4, () => vehiclePosition),
  alert: optional(5, () => alert),
});
const feed: Table<FeedMessage> = table<FeedMessage>("FeedMessage", {
  header: required(1, () => header),
  entity: repeated(2, () => entity),
});

/** Throws ProtobufError. */
export function decodeFeed(bytes: Uint8Array): FeedMessage {
  return decode(feed, bytes);
}

/** Throws ProtobufError, as where an enum has no such value. */
export function encodeFeed(message: FeedMessage): Uint8Array {
  return encode(feed, message);
}
