/**
 * Measurements as Sensor.Community's API tells them (`/airrohr/v1/…`, `/static/v1/data.json`): an
 * array of objects whose numbers are texts and whose times are UTC without saying so. Documented at
 * https://github.com/opendata-stuttgart/meta/wiki/EN-APIs.
 */
import { isObject, objectAt } from "../../kernel/json-object.ts";
import { type AirQualityObserved, idPrefix, type MeasuredMember } from "./air-quality-observed.ts";

interface ValueType {
  readonly name: string;
  readonly member: MeasuredMember;
  /** From the API's unit to the model's: humidity comes in per cent, pressure in Pa. */
  readonly factor: number;
  readonly minimum: number;
  readonly maximum: number;
  /** How many decimals the API writes. */
  readonly decimals: number;
}

const particles = { factor: 1, minimum: 0, maximum: 10_000, decimals: 2 };

const valueTypes: readonly ValueType[] = [
  { name: "P0", member: "pm1", ...particles },
  { name: "P2", member: "pm25", ...particles },
  { name: "P1", member: "pm10", ...particles },
  {
    ...{ name: "temperature", member: "temperature" },
    ...{ factor: 1, minimum: -70, maximum: 70, decimals: 2 },
  },
  {
    ...{ name: "humidity", member: "relativeHumidity" },
    ...{ factor: 0.01, minimum: 0, maximum: 1, decimals: 2 },
  },
  {
    ...{ name: "pressure", member: "atmosphericPressure" },
    ...{ factor: 0.01, minimum: 300, maximum: 1100, decimals: 2 },
  },
];

const typeOf = new Map(valueTypes.map((one) => [one.name, one]));
const sensorTypeLengthMax = 64;

export interface ReadMeasurement {
  readonly sensor: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly observed: AirQualityObserved;
  /** Values that cannot be, as `pm10 is -3`. */
  readonly impossible: readonly string[];
}

/** A measurement in the model's words and units, or what it is that is none. */
export function readMeasurement(value: unknown): ReadMeasurement | string {
  if (!isObject(value)) return "no object";
  const sensor = objectAt(value["sensor"]);
  const id = sensor["id"];
  if (!Number.isSafeInteger(id)) return "without a sensor's number";
  const at = timeOf(value["timestamp"]);
  if (at === undefined) return `of sensor ${String(id)} without a time`;
  const location = locationOf(objectAt(value["location"]));
  if (location === undefined) return `of sensor ${String(id)} without a place`;
  const values = value["sensordatavalues"];
  const { measured, impossible } = measuredOf(Array.isArray(values) ? values : []);
  const { name } = objectAt(sensor["sensor_type"]);
  return {
    sensor: String(id),
    at,
    impossible,
    observed: {
      type: "AirQualityObserved",
      id: `${idPrefix}sensor-community-${String(id)}`,
      dateObserved: new Date(at).toISOString(),
      ...location,
      refDevice: `urn:ngsi-ld:Device:sensor-community-${String(id)}`,
      ...(typeof name === "string" && { sensorType: name.slice(0, sensorTypeLengthMax) }),
      ...measured,
    },
  };
}

/** As the API would tell it; ids of measurements and places are the API's alone, and absent. */
export function writeMeasurement(observed: AirQualityObserved): object {
  const [longitude, latitude, altitude] = observed.location.coordinates;
  return {
    timestamp: observed.dateObserved.slice(0, 19).replace("T", " "),
    location: {
      latitude: String(latitude),
      longitude: String(longitude),
      ...(altitude !== undefined && { altitude: String(altitude) }),
      indoor: observed.typeofLocation === "indoor" ? 1 : 0,
    },
    sensor: {
      id: Number(/(\d+)$/.exec(observed.id)?.[1] ?? Number.NaN),
      ...(observed.sensorType !== undefined && { sensor_type: { name: observed.sensorType } }),
    },
    sensordatavalues: valueTypes.flatMap(({ name, member, factor, decimals }) => {
      const value = observed[member];
      if (typeof value !== "number") return [];
      return [{ value: (value / factor).toFixed(decimals), value_type: name }];
    }),
  };
}

function measuredOf(values: readonly unknown[]) {
  const measured: Partial<Record<MeasuredMember, number>> = {};
  const impossible: string[] = [];
  for (const one of values) {
    const { value, value_type: name } = objectAt(one);
    const type = typeOf.get(String(name));
    if (type === undefined) continue;
    const { member, factor, minimum, maximum } = type;
    const number = numberOf(value) * factor;
    if (number >= minimum && number <= maximum) measured[member] = Number(number.toPrecision(9));
    else impossible.push(`${member} is ${String(value).slice(0, 40)}`);
  }
  return { measured, impossible };
}

function locationOf(said: Readonly<Record<string, unknown>>) {
  const [latitude, longitude, altitude] = [said["latitude"], said["longitude"], said["altitude"]];
  const [lat, lon, metres] = [latitude, longitude, altitude].map(numberOf) as [
    number,
    number,
    number,
  ];
  if (!(Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) return undefined;
  return {
    location: {
      type: "Point" as const,
      coordinates: [lon, lat, ...(Number.isFinite(metres) ? [metres] : [])],
    },
    typeofLocation: said["indoor"] === 1 ? ("indoor" as const) : ("outdoor" as const),
  };
}

/** A number, or a text that is one; NaN else. */
function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
}

/** `2026-11-23 06:15:04`, UTC. */
function timeOf(value: unknown): number | undefined {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?$/.test(value)) {
    return undefined;
  }
  const at = Date.parse(`${value.slice(0, 10)}T${value.slice(11, 19)}Z`);
  return Number.isNaN(at) ? undefined : at;
}
