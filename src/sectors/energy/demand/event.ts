import { secondsOfIso } from "../../../kernel/duration.ts";
import { isObject, type JsonObject, objectAt, objectIn } from "../../../kernel/json-object.ts";
import type { Fault } from "../../sector.ts";

/** A call to take less, as OpenADR 3.0 has it (`event`); times in Unix milliseconds. */
export interface DemandEvent {
  readonly id: string;
  readonly programID: string;
  readonly eventName?: string;
  readonly modifiedAt: number;
  readonly isCancelled: boolean;
  /** In their order; at least one where it is not cancelled. */
  readonly intervals: readonly EventInterval[];
  readonly targets: readonly EventTarget[];
}

export interface EventInterval {
  readonly from: number;
  readonly until: number;
  /** IMPORT_CAPACITY_LIMIT. */
  readonly limitKw?: number;
  /** SIMPLE: 0 normal, 1 moderate, 2 high, 3 special. */
  readonly level?: number;
}

export interface EventTarget {
  readonly type: string;
  readonly values: readonly string[];
}

const intervalsMax = 288;
const secondsMax = 7 * 86_400;
const textMax = 128;
const targetsMax = 64;
/** How much later than now a call may begin. */
const aheadMsMax = 31 * 86_400_000;

type Read = { readonly event: DemandEvent } | { readonly fault: Fault };

/** An event, or the notification of one (`operation` DELETE: it is called off); else why not. */
export function eventIn(payload: Uint8Array, now: number): Read {
  const message = objectIn(payload);
  if (message === undefined) return problem("json", "it is no JSON object");
  const notified = isObject(message["object"]) ? message["object"] : undefined;
  const event = notified ?? message;
  if (message["objectType"] !== "EVENT") return problem("event", "its objectType is not EVENT");
  const id = textOf(event["id"]);
  if (id === undefined) return problem("event", "it has no id");
  const programID = textOf(event["programID"]);
  if (programID === undefined) return problem("event", `${id} names no programID`);
  const modified = event["modificationDateTime"] ?? event["createdDateTime"];
  const modifiedAt = modified === undefined ? now : timeOf(modified);
  if (modifiedAt === undefined) return problem("event", `${id}: modificationDateTime is no time`);
  const eventName = textOf(event["eventName"]);
  const isCancelled = notified !== undefined && message["operation"] === "DELETE";
  const targets = listOf(event["targets"]).slice(0, targetsMax).map(targetOf);
  const intervals = isCancelled ? [] : intervalsOf(event, now);
  if (typeof intervals === "string") return problem("interval", `${id}: ${intervals}`);
  return {
    event: {
      ...{ id, programID, modifiedAt, isCancelled, intervals, targets },
      ...(eventName !== undefined && { eventName }),
    },
  };
}

/** OpenADR 3.0, `intervalPeriod`: an event's holds for intervals without one, in sequence. */
function intervalsOf(event: JsonObject, now: number): readonly EventInterval[] | string {
  const listed = listOf(event["intervals"]);
  if (listed.length === 0) return "it has no intervals";
  if (listed.length > intervalsMax) return `it has more than ${intervalsMax} intervals`;
  const units = unitsOf(event);
  const whole = objectAt(event["intervalPeriod"]);
  let next = timeOf(whole["start"]);
  const intervals: EventInterval[] = [];
  for (const interval of listed.map(objectAt)) {
    const own = objectAt(interval["intervalPeriod"]);
    const from = timeOf(own["start"]) ?? next;
    const duration = own["duration"] ?? whole["duration"];
    const seconds = typeof duration === "string" ? secondsOfIso(duration) : undefined;
    if (from === undefined) return "an interval has no start";
    if (seconds === undefined || seconds === 0)
      return "an interval has no duration in days or less";
    if (seconds > secondsMax) return "an interval is longer than seven days";
    if (from > now + aheadMsMax) return "it begins in more than 31 days";
    const until = from + seconds * 1000;
    const asked = askedOf(interval, units);
    if (typeof asked === "string") return asked;
    intervals.push({ from, until, ...asked });
    next = until;
  }
  const isKnown = intervals.some((one) => one.limitKw !== undefined || one.level !== undefined);
  if (!isKnown) return "its payloads are neither IMPORT_CAPACITY_LIMIT nor SIMPLE";
  return intervals.sort((a, b) => a.from - b.from);
}

function askedOf(
  interval: JsonObject,
  units: ReadonlyMap<string, string>,
): Pick<EventInterval, "limitKw" | "level"> | string {
  let asked: Pick<EventInterval, "limitKw" | "level"> = {};
  for (const { type, values } of listOf(interval["payloads"]).map(objectAt)) {
    const [value] = listOf(values);
    if (type === "IMPORT_CAPACITY_LIMIT") {
      if (typeof value !== "number" || !(value >= 0)) return `a limit is ${JSON.stringify(value)}`;
      const unit = units.get(type) ?? "KW";
      if (unit !== "KW") return `a limit is told in ${unit}, not in KW`;
      asked = { ...asked, limitKw: value };
    } else if (type === "SIMPLE") {
      const isLevel = value === 0 || value === 1 || value === 2 || value === 3;
      if (!isLevel) return `a level is ${JSON.stringify(value)}, not 0 to 3`;
      asked = { ...asked, level: value };
    }
  }
  return asked;
}

function unitsOf(event: JsonObject): ReadonlyMap<string, string> {
  const descriptors = listOf(event["payloadDescriptors"]).map(objectAt);
  return new Map(
    descriptors.flatMap(({ payloadType, units }) => {
      return typeof units === "string" ? [[String(payloadType), units]] : [];
    }),
  );
}

function targetOf(value: unknown): EventTarget {
  const { type, values } = objectAt(value);
  return { type: String(type), values: listOf(values).map(String) };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string | undefined {
  const isText = typeof value === "string" && value.length > 0 && value.length <= textMax;
  return isText ? value : undefined;
}

function timeOf(value: unknown): number | undefined {
  const at = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : at;
}

function problem(code: string, text: string): Read {
  return { fault: { code, text } };
}
