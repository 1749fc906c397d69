import { objectAt } from "../../kernel/json-object.ts";
import { messageIn } from "../message.ts";
import { isoTime } from "../../kernel/time.ts";

/**
 * What one sensor found, as AirQualityObserved of the Smart Data Models (dataModel.Environment) has
 * it, in key-values form. Absent members were not measured.
 */
export interface AirQualityObserved {
  readonly type: "AirQualityObserved";
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly dateObserved: string;
  /** RFC 7946; metres above the sea last, where they are known. */
  readonly location: { readonly type: "Point"; readonly coordinates: readonly number[] };
  readonly typeofLocation?: "indoor" | "outdoor";
  readonly refDevice?: string;
  /** µg/m³. */
  readonly pm1?: number;
  readonly pm25?: number;
  readonly pm10?: number;
  readonly o3?: number;
  /** Celsius. */
  readonly temperature?: number;
  /** 0 to 1. */
  readonly relativeHumidity?: number;
  /** hPa. */
  readonly atmosphericPressure?: number;
  readonly sensorType?: string;
}

export type MeasuredMember =
  | "pm1"
  | "pm25"
  | "pm10"
  | "temperature"
  | "relativeHumidity"
  | "atmosphericPressure";

export const idPrefix = "urn:ngsi-ld:AirQualityObserved:";

const idLengthMax = 200;

/** A message that is one; a name of what is wrong with it, undefined where it is something else. */
export function readAirQuality(payload: Uint8Array): AirQualityObserved | string | undefined {
  const said = messageIn(payload);
  if (said?.["type"] !== "AirQualityObserved") return undefined;
  const { id, dateObserved, location } = said;
  if (typeof id !== "string" || id === "" || id.length > idLengthMax) return "id";
  if (typeof dateObserved !== "string" || isoTime(dateObserved) === undefined) {
    return "dateObserved";
  }
  const { coordinates } = objectAt(location);
  if (!Array.isArray(coordinates) || !coordinates.every((one) => Number.isFinite(one))) {
    return "location";
  }
  return said as unknown as AirQualityObserved;
}
