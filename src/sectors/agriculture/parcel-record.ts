import { messageIn } from "../message.ts";
import { numberIn, type Uplink } from "./lorawan.ts";

/**
 * A parcel's conditions as AgriParcelRecord of the Smart Data Models (dataModel.Agrifood) has them,
 * in key-values form. Absent members were not measured.
 */
export interface AgriParcelRecord {
  readonly type: "AgriParcelRecord";
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly observedAt: string;
  readonly hasDevice: string;
  readonly hasAgriParcel?: string;
  /** RFC 7946. */
  readonly location?: { readonly type: "Point"; readonly coordinates: readonly [number, number] };
  /** Volumetric water content, 0 to 1. */
  readonly soilMoistureVwc?: number;
  /** Electrical conductivity, mS/cm. */
  readonly soilMoistureEc?: number;
  /** Celsius. */
  readonly soilTemperature?: number;
  readonly airTemperature?: number;
  readonly leafTemperature?: number;
  /** 0 to 1. */
  readonly relativeHumidity?: number;
  readonly leafWetness?: number;
  /** W/m². */
  readonly solarRadiation?: number;
  /** hPa. */
  readonly atmosphericPressure?: number;
}

export type Measured = keyof typeof members;

/** What cannot be: such a value is left out and told. */
interface Member {
  /** As decoders of common probes name it, in lower case without what is no letter. */
  readonly names: readonly string[];
  /** From the decoder's unit to the model's. */
  readonly factor: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** Decoders write water content and humidity in per cent, conductivity in µS/cm. */
const members = {
  soilMoistureVwc: {
    names: ["soilmoisturevwc", "soilmoisture", "watersoil", "vwc", "moisture", "soilvwc"],
    ...{ factor: 0.01, minimum: 0, maximum: 1 },
  },
  soilMoistureEc: {
    names: ["soilmoistureec", "conductsoil", "soilec", "ec", "conductivity"],
    ...{ factor: 0.001, minimum: 0, maximum: 20 },
  },
  soilTemperature: {
    names: ["soiltemperature", "tempsoil", "soiltemp"],
    ...{ factor: 1, minimum: -40, maximum: 80 },
  },
  airTemperature: {
    names: ["airtemperature", "temperature", "temp", "tempcsht", "airtemp"],
    ...{ factor: 1, minimum: -60, maximum: 60 },
  },
  relativeHumidity: {
    names: ["relativehumidity", "humidity", "humsht", "airhumidity"],
    ...{ factor: 0.01, minimum: 0, maximum: 1 },
  },
  leafWetness: {
    names: ["leafwetness", "leafmoisture"],
    ...{ factor: 0.01, minimum: 0, maximum: 1 },
  },
  leafTemperature: {
    names: ["leaftemperature", "leaftemp"],
    ...{ factor: 1, minimum: -60, maximum: 80 },
  },
  solarRadiation: {
    names: ["solarradiation", "irradiance", "radiation"],
    ...{ factor: 1, minimum: 0, maximum: 1500 },
  },
  atmosphericPressure: {
    names: ["atmosphericpressure", "pressure", "barometricpressure"],
    ...{ factor: 1, minimum: 300, maximum: 1100 },
  },
} as const satisfies Readonly<Record<string, Member>>;

const memberOf = new Map<string, Measured>(
  Object.entries(members).flatMap(([member, { names }]) =>
    names.map((name) => [name, member as Measured] as const),
  ),
);

export interface RecordRead {
  /** Undefined where the uplink measured nothing that a parcel's record has. */
  readonly record: AgriParcelRecord | undefined;
  /** Members whose value cannot be, as `soilTemperature is 185`. */
  readonly impossible: readonly string[];
}

/** What a device's decoder said, in the model's words and units. */
export function recordOf(uplink: Uplink): RecordRead {
  const measured: Partial<Record<Measured, number>> = {};
  const impossible: string[] = [];
  for (const [name, value] of Object.entries(uplink.decoded)) {
    const member = memberOf.get(name.toLowerCase().replaceAll(/[^a-z]/g, ""));
    const number = member === undefined ? undefined : numberIn(value);
    if (member === undefined || number === undefined) continue;
    const { factor, minimum, maximum } = members[member];
    const scaled = Number((number * factor).toPrecision(9));
    if (scaled < minimum || scaled > maximum) impossible.push(`${member} is ${scaled}`);
    else measured[member] ??= scaled;
  }
  if (Object.keys(measured).length === 0) return { record: undefined, impossible };
  const { devEui, location } = uplink;
  const record: AgriParcelRecord = {
    type: "AgriParcelRecord",
    id: `urn:ngsi-ld:AgriParcelRecord:${devEui}`,
    observedAt: new Date(uplink.at).toISOString(),
    hasDevice: `urn:ngsi-ld:Device:${devEui}`,
    ...(location === undefined
      ? {}
      : {
          location: { type: "Point", coordinates: [location.longitude, location.latitude] },
        }),
    ...measured,
  };
  return { record, impossible };
}

/** A message that is one, or undefined. */
export function readRecord(payload: Uint8Array): AgriParcelRecord | undefined {
  const value = messageIn(payload);
  if (value?.["type"] !== "AgriParcelRecord") return undefined;
  const { id, observedAt } = value;
  if (typeof id !== "string" || typeof observedAt !== "string") return undefined;
  return Number.isNaN(Date.parse(observedAt)) ? undefined : (value as unknown as AgriParcelRecord);
}
