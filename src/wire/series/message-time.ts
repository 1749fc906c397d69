import { Cutter, holeAt, OfSkeletons } from "./payload.ts";

/**
 * Members that tell when something was observed, the first one that is there counts: NGSI-LD and
 * Smart Data Models, SOSA, FHIR, GTFS-Realtime and what devices write.
 */
const timeMembers = [
  "observedAt",
  "dateObserved",
  "phenomenonTime",
  "resultTime",
  "effectiveDateTime",
  "measuredAt",
  "sampledAt",
  "recordedAt",
  "timestamp",
  "dateTime",
  "datetime",
  "time",
  "ts",
] as const;

export function isTimeMember(name: string): boolean {
  return timeMembers.some((member) => member === name);
}

/** 1990 … 2100: a number outside is a count of something else, or a clock that was never set. */
const earliest = Date.UTC(1990, 0, 1);
const latest = Date.UTC(2100, 0, 1);
/** RFC 8428 §4.5.3: a time below it counts from now. */
const relativeBelow = 2 ** 28;

interface Plan {
  /** Holes of members that may tell the time, in order. */
  readonly members: readonly number[];
  /** SenML: base time and time of the first record (RFC 8428 §4.1, §4.2). */
  readonly base: number | undefined;
  readonly time: number | undefined;
}

/** Reads messages' own times; how a skeleton tells it is found out once. */
export class MessageTimes {
  readonly #cutter = new Cutter();
  readonly #plans = new OfSkeletons(planOf);

  /** Undefined where the payload tells none. */
  ownOf(payload: Buffer): number | undefined {
    const time = this.of(payload, 0, payload.length, Number.NaN);
    return Number.isNaN(time) ? undefined : time;
  }

  /** Milliseconds since the Unix epoch, `arrival` where the message tells none. */
  of(bytes: Buffer, start: number, end: number, arrival: number): number {
    const { skeleton, places } = this.#cutter.cut(bytes, start, end);
    const plan = skeleton === undefined ? undefined : this.#plans.of(skeleton);
    if (plan === undefined) return arrival;
    const textOf = (hole: number): string =>
      bytes.toString("latin1", places[hole * 2], places[hole * 2 + 1]);
    for (const hole of plan.members) {
      const time = timeIn(textOf(hole));
      if (time !== undefined) return time;
    }
    if (plan.base === undefined && plan.time === undefined) return arrival;
    const number = (hole: number | undefined): number =>
      hole === undefined ? 0 : Number(textOf(hole));
    return senmlTime(number(plan.base) + number(plan.time), arrival) ?? arrival;
  }
}

function planOf(value: unknown): Plan | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) {
    const base = holeAt(value, "0.bt");
    const time = holeAt(value, "0.t");
    if (base === undefined && time === undefined) return undefined;
    return { members: [], base, time };
  }
  const members = timeMembers.flatMap((name) => holeAt(value, name) ?? []);
  return members.length === 0 ? undefined : { members, base: undefined, time: undefined };
}

/** A value's text as JSON has it: an ISO 8601 string with its zone, or a number since 1970. */
function timeIn(text: string): number | undefined {
  const first = text.charCodeAt(0);
  if (first === 0x22) {
    const iso = text.slice(1, -1);
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/.test(iso)) {
      return undefined;
    }
    return plausible(Date.parse(iso.replace(",", ".")));
  }
  const number = Number(text);
  if (!Number.isFinite(number)) return undefined;
  const [perMs] = unitsPerMs.find(([, below]) => number < below) ?? [1e6];
  return plausible(number / perMs);
}

/** Seconds, milliseconds, microseconds and nanoseconds since 1970 have no overlap in our time. */
const unitsPerMs = [
  [1e-3, 1e11],
  [1, 1e14],
  [1e3, 1e17],
] as const;

function senmlTime(seconds: number, arrival: number): number | undefined {
  if (!Number.isFinite(seconds)) return undefined;
  return plausible(seconds < relativeBelow ? arrival + seconds * 1000 : seconds * 1000);
}

function plausible(time: number): number | undefined {
  return time >= earliest && time < latest ? Math.round(time) : undefined;
}
