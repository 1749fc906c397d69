import { isUtf8 } from "node:buffer";

/**
 * Names under which messages say when they were observed, in the order they are believed: SOSA,
 * Smart Data Models and the plain ones that devices use.
 */
const names = [
  "observedAt",
  "dateObserved",
  "resultTime",
  "timestamp",
  "time",
  "ts",
  "dateTime",
] as const;

const payloadBytesMax = 65_536;
/** 2001-09-09 in seconds and in milliseconds: smaller numbers are no dates of ours. */
const secondsMin = 1_000_000_000;
const millisecondsMin = 1_000_000_000_000;
const millisecondsMax = 100_000_000_000_000;
/** ISO 8601 with its zone: what has none is another time in every place. */
const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

/**
 * The message's own time, milliseconds since the Unix epoch: of a JSON object that has one of
 * `names` as ISO 8601 with a zone, or as seconds or milliseconds since the epoch. Undefined where
 * it says none.
 */
export function ownTimeIn(payload: Uint8Array): number | undefined {
  if (payload.length > payloadBytesMax || payload[0] !== openBrace || !isUtf8(payload)) {
    return undefined;
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString());
  } catch {
    return undefined;
  }
  return ownTimeOf(value as Readonly<Record<string, unknown>>);
}

function ownTimeOf(message: Readonly<Record<string, unknown>>): number | undefined {
  for (const name of names) {
    const at = timeOf(Object.hasOwn(message, name) ? message[name] : undefined);
    if (at !== undefined) return at;
  }
  return undefined;
}

function timeOf(value: unknown): number | undefined {
  if (typeof value === "number") {
    if (value >= millisecondsMin && value < millisecondsMax) return value;
    return value >= secondsMin && value < millisecondsMax / 1000 ? value * 1000 : undefined;
  }
  if (typeof value !== "string" || !zoned.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : at;
}

const openBrace = 0x7b;
