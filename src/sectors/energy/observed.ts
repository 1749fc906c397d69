import { isObject, type JsonObject } from "../../kernel/json-object.ts";
import { isoTime } from "../../kernel/time.ts";
import type { IndicatorOutside } from "../sector.ts";
import type { Plant } from "./forecast.ts";

/** Power somebody measured. */
export interface ObservedPower {
  /** Of the plant or the meter. */
  readonly id: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Watts. */
  readonly power: number;
  /** On the panels, W/m², where it was measured. */
  readonly irradiance?: number;
}

/** A plant as its owner describes it. */
export interface DescribedPlant extends Plant {
  readonly id: string;
  /** Watts under standard test conditions. */
  readonly nominalPower?: number;
}

const idLengthMax = 200;
const aheadMsMax = 60_000;

/** Of a PhotovoltaicMeasurement; a name of what is wrong with it, undefined where it is none. */
export function readPhotovoltaic(said: JsonObject): ObservedPower | string | undefined {
  if (said["type"] !== "PhotovoltaicMeasurement") return undefined;
  const kilowatts = said["activePower"];
  const id = said["refPhotovoltaicDevice"] ?? said["id"];
  const irradiance = said["planeOfArrayIrradiance"];
  if (!isNumber(kilowatts)) return "activePower";
  const power = kilowatts * 1000;
  return observed(id, said, { power, ...(isNumber(irradiance) && { irradiance }) });
}

/** Of a ThreePhaseAcMeasurement: all phases, or their sum. */
export function readLoad(said: JsonObject): ObservedPower | string | undefined {
  if (said["type"] !== "ThreePhaseAcMeasurement") return undefined;
  const { totalActivePower, activePower } = said as Readonly<Record<string, unknown>>;
  if (isNumber(totalActivePower)) return observed(said["id"], said, { power: totalActivePower });
  // a meter that tells energy alone is no fault
  if (!isObject(activePower)) return undefined;
  const lines = ["L1", "L2", "L3"].flatMap((line) => activePower[line] ?? []);
  if (lines.length === 0 || !lines.every(isNumber)) return "activePower";
  return observed(said["id"], said, { power: lines.reduce((sum, one) => sum + one, 0) });
}

/** Of a PhotovoltaicDevice; a name of what is wrong with it, undefined where it is none. */
export function readPlant(said: JsonObject): DescribedPlant | string | undefined {
  if (said["type"] !== "PhotovoltaicDevice") return undefined;
  const { id, location, mounting, NominalPower } = said as Readonly<Record<string, unknown>>;
  if (!isId(id)) return "id";
  const coordinates = isObject(location) ? location["coordinates"] : undefined;
  const [longitude, latitude] = Array.isArray(coordinates) ? (coordinates as unknown[]) : [];
  if (!isWithin(latitude, -90, 90) || !isWithin(longitude, -180, 180)) return "location";
  const { tilt, azimuth } = isObject(mounting) ? (mounting as Record<string, unknown>) : {};
  if (!isWithin(tilt, 0, 90) || !isWithin(azimuth, 0, 360)) return "mounting";
  if (NominalPower !== undefined && !isWithin(NominalPower, 1, 1e11)) return "NominalPower";
  return {
    ...{ id, latitude, longitude, mounting: { tilt, azimuth } },
    ...(NominalPower !== undefined && { nominalPower: NominalPower }),
  };
}

/** A reading, where the message is one that can be used; what is wrong with it is a fault. */
export function checked(
  read: (said: JsonObject) => ObservedPower | string | undefined,
  said: JsonObject,
  outside: IndicatorOutside,
): ObservedPower | undefined {
  const reading = read(said);
  if (reading === undefined) return undefined;
  if (typeof reading === "string") {
    outside.fault({ code: "value", text: `${String(said["id"])}: ${reading}` });
    return undefined;
  }
  // it would hold up all that is measured until then
  if (reading.at > outside.clock.now() + aheadMsMax) {
    outside.fault({ code: "clock", text: `${reading.id} is ahead of time` });
    return undefined;
  }
  return reading;
}

function observed(
  id: unknown,
  { dateObserved }: JsonObject,
  measured: { readonly power: number; readonly irradiance?: number },
): ObservedPower | string {
  if (!isId(id)) return "id";
  const at = typeof dateObserved === "string" ? isoTime(dateObserved) : undefined;
  return at === undefined ? "dateObserved" : { id, at, ...measured };
}

function isId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= idLengthMax;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return isNumber(value) && value >= least && value <= most;
}
