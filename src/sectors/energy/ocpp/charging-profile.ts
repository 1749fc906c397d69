import type { JsonObject } from "../../../kernel/json-object.ts";
import type { Protocol } from "./charger.ts";

/** What a whole station may take at most, for a time. Times in Unix milliseconds. */
export interface Limit {
  readonly from: number;
  /** Exclusive; absent: until it is taken back. */
  readonly until?: number;
  readonly watts: number;
}

export type RateUnit = "W" | "A";

/** One call to a charger. */
export type Request = readonly [method: string, params: JsonObject];

const profileId = 1;
/** More than chargers must be able to keep; what comes later is sent later. */
const periodsMax = 24;
const voltsOfPhase = 230;
/** OCPP, ChargingSchedulePeriod: three where no number of phases is given. */
const phases = 3;

/**
 * The least of all limits, piece by piece, from the first that holds or will hold to the first
 * moment without any: a charging schedule has no word for "no limit". Empty: none.
 */
export function limitsTogether(limits: readonly Limit[], now: number): readonly Limit[] {
  const standing = limits.filter(({ until = Infinity }) => until > now);
  const edges = [...new Set(standing.flatMap(({ from, until = Infinity }) => [from, until]))];
  edges.sort((a, b) => a - b);
  const pieces: Limit[] = [];
  for (const [index, from] of edges.entries()) {
    const until = edges[index + 1];
    if (until === undefined) continue;
    const holding = standing.filter((one) => one.from <= from && (one.until ?? Infinity) > from);
    if (holding.length === 0) break;
    const watts = Math.min(...holding.map((one) => one.watts));
    const last = pieces.at(-1);
    if (last?.watts === watts) pieces.pop();
    const since = last?.watts === watts ? last.from : from;
    pieces.push({ from: since, watts, ...(until !== Infinity && { until }) });
  }
  return pieces.slice(0, periodsMax);
}

/** SetChargingProfile for the whole station: its maximum, whatever transactions want. */
export function setProfile(protocol: Protocol, pieces: readonly Limit[], unit: RateUnit): Request {
  const start = pieces[0]?.from ?? 0;
  const until = pieces.at(-1)?.until;
  const schedule = {
    startSchedule: new Date(start).toISOString(),
    ...(until !== undefined && { duration: Math.ceil((until - start) / 1000) }),
    chargingRateUnit: unit,
    chargingSchedulePeriod: pieces.map(({ from, watts }) => {
      return { startPeriod: Math.round((from - start) / 1000), limit: rateOf(watts, unit) };
    }),
  };
  const kind = { stackLevel: 0, chargingProfileKind: "Absolute" };
  if (protocol === "ocpp1.6") {
    const csChargingProfiles = {
      ...{ chargingProfileId: profileId, ...kind, chargingSchedule: schedule },
      chargingProfilePurpose: "ChargePointMaxProfile",
    };
    return ["SetChargingProfile", { connectorId: 0, csChargingProfiles }];
  }
  const chargingProfile = {
    ...{ id: profileId, ...kind, chargingSchedule: [{ id: profileId, ...schedule }] },
    chargingProfilePurpose: "ChargingStationMaxProfile",
  };
  return ["SetChargingProfile", { evseId: 0, chargingProfile }];
}

export function clearProfile(protocol: Protocol): Request {
  return [
    "ClearChargingProfile",
    protocol === "ocpp1.6" ? { id: profileId } : { chargingProfileId: profileId },
  ];
}

/** Down to a tenth, which is as fine as OCPP 1.6 has it. */
function rateOf(watts: number, unit: RateUnit): number {
  const rate = unit === "W" ? watts : watts / (voltsOfPhase * phases);
  return Math.floor(rate * 10) / 10;
}
