import { messageIn } from "../message.ts";
import { numberIn } from "./lorawan.ts";
import type { Soil } from "./water-balance.ts";
import { placeOf } from "./weather-observed.ts";

/** A parcel that is looked after: AgriParcel of the Smart Data Models, with its soil and crop. */
export interface Parcel {
  readonly id: string;
  readonly soil: Soil;
  readonly latitude: number;
  readonly longitude: number;
  /** Ids of the devices whose probes stand in it. */
  readonly devices: readonly string[];
}

const devicesMax = 100;

/**
 * Published retained by whoever farms it. Undefined where the message is none, or what is wrong
 * with it. The soil's members are FAO paper 56's: `fieldCapacity`, `wiltingPoint` (m³/m³),
 * `rootDepth` (m), `depletionShare` (p) and `cropCoefficient` (Kc).
 */
export function readParcel(payload: Uint8Array): Parcel | string | undefined {
  const message = messageIn(payload);
  if (message?.["type"] !== "AgriParcel") return undefined;
  const { id, soil, location, hasDevices = [] } = message;
  if (typeof id !== "string") return "id";
  const place = placeOf(location);
  if (place === undefined) return "location";
  const read = soilOf(soil);
  if (typeof read === "string") return read;
  const devices = Array.isArray(hasDevices) ? hasDevices : [];
  return {
    ...{ id, soil: read, latitude: place.latitude, longitude: place.longitude },
    devices: devices.filter((one) => typeof one === "string").slice(0, devicesMax),
  };
}

function soilOf(value: unknown): Soil | string {
  const said = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const limits = {
    fieldCapacity: [0.02, 0.7],
    wiltingPoint: [0.01, 0.5],
    rootDepth: [0.05, 5],
    depletionShare: [0.1, 0.8],
    cropCoefficient: [0.05, 2],
  } as const;
  const soil: Record<string, number> = {};
  for (const [name, [min, max]] of Object.entries(limits)) {
    const number = numberIn(said[name]);
    if (number === undefined || number < min || number > max) return `soil.${name}`;
    soil[name] = number;
  }
  const read = soil as unknown as Soil;
  return read.fieldCapacity > read.wiltingPoint ? read : "soil.wiltingPoint";
}
