import type {
  Position,
  VehicleDescriptor,
  VehiclePosition,
} from "../../wire/gtfs-realtime/feed.ts";

/**
 * A vehicle's status as FleetVehicleStatus of the Smart Data Models (dataModel.Transportation),
 * with what only transit knows as in GTFS-Realtime's own JSON, under `gtfs`.
 */
export interface VehicleStatus {
  readonly type: "FleetVehicleStatus";
  readonly id: string;
  readonly name?: string;
  /** RFC 7946. */
  readonly location: { readonly type: "Point"; readonly coordinates: readonly [number, number] };
  /** ISO 8601, UTC. */
  readonly lastKnownPositionUpdatedAt: string;
  /** Degrees clockwise from North. */
  readonly bearing?: number;
  /** km/h. */
  readonly speed?: number;
  /** km. */
  readonly mileageFromOdometer?: number;
  readonly vehiclePlateIdentifier?: string;
  readonly gtfs?: TransitStatus;
}

/** Names and values of GTFS-Realtime's VehiclePosition. */
export type TransitStatus = Pick<
  VehiclePosition,
  | "trip"
  | "currentStopSequence"
  | "stopId"
  | "currentStatus"
  | "congestionLevel"
  | "occupancyStatus"
  | "occupancyPercentage"
> & { readonly entityId: string };

const kmhPerMetreASecond = 3.6;
/** More than a float has, so that a value survives the way there and back. */
const digits = 9;

export function statusOf(
  id: string,
  entityId: string,
  vehicle: VehiclePosition & { readonly position: Position },
  atSeconds: number,
): VehicleStatus {
  const { position, vehicle: descriptor = {} } = vehicle;
  const { label, licensePlate } = descriptor;
  const { bearing, speed, odometer } = position;
  return {
    type: "FleetVehicleStatus",
    id,
    ...(label !== undefined && { name: label }),
    location: { type: "Point", coordinates: [position.longitude, position.latitude] },
    lastKnownPositionUpdatedAt: new Date(atSeconds * 1000).toISOString(),
    ...(bearing !== undefined && { bearing }),
    ...(speed !== undefined && { speed: rounded(speed * kmhPerMetreASecond) }),
    ...(odometer !== undefined && { mileageFromOdometer: rounded(odometer / 1000) }),
    ...(licensePlate !== undefined && { vehiclePlateIdentifier: licensePlate }),
    gtfs: transitStatusOf(entityId, vehicle),
  };
}

function transitStatusOf(entityId: string, vehicle: VehiclePosition): TransitStatus {
  const { trip, stopId, currentStopSequence, currentStatus } = vehicle;
  const { congestionLevel, occupancyStatus, occupancyPercentage } = vehicle;
  const all = {
    ...{ entityId, trip, stopId, currentStopSequence, currentStatus },
    ...{ congestionLevel, occupancyStatus, occupancyPercentage },
  };
  const said = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said) as unknown as TransitStatus;
}

/** The way back; `at` is in seconds. */
export function vehiclePositionOf(
  status: Partial<VehicleStatus>,
  at: { readonly lat: number; readonly lon: number; readonly seconds: number },
  id: string,
): VehiclePosition {
  const { bearing, speed, mileageFromOdometer: km, name, vehiclePlateIdentifier: plate } = status;
  const { entityId: _own, ...transit } = status.gtfs ?? { entityId: id };
  const descriptor: VehicleDescriptor = {
    id,
    ...(typeof name === "string" && { label: name }),
    ...(typeof plate === "string" && { licensePlate: plate }),
  };
  return {
    ...transit,
    vehicle: descriptor,
    timestamp: BigInt(at.seconds),
    position: {
      latitude: at.lat,
      longitude: at.lon,
      ...(isNumber(bearing) && { bearing }),
      ...(isNumber(speed) && { speed: speed / kmhPerMetreASecond }),
      ...(isNumber(km) && { odometer: rounded(km * 1000) }),
    },
  };
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function rounded(value: number): number {
  return Number(value.toPrecision(digits));
}
