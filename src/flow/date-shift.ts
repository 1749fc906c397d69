import { createHmac, hkdfSync } from "node:crypto";
import type { JsonKind } from "../wire/payload-value.ts";

/** By how many whole days, `daysMax` at most, back or forth and never none. */
export type DayShift = (subject: string, daysMax: number) => number;

/** The same for one subject under one agreement, and foreseen by nobody without the secret. */
export function dayShiftsOf(secret: Uint8Array, agreement: string): DayShift {
  const key = Buffer.from(hkdfSync("sha256", secret, "", `comity date shifts ${agreement}`, 32));
  return (subject, daysMax) => {
    const drawn = createHmac("sha256", key).update(subject).digest().readUIntBE(0, 6);
    const days = (drawn % (2 * daysMax)) - daysMax;
    return days < 0 ? days : days + 1;
  };
}

/**
 * A JSON value's date, so many days later, in the form it had: ISO 8601 to the year, the month, the
 * day or the instant, with any zone, or two of these as an interval; or a number since 1970 in
 * seconds, milli-, micro- or nanoseconds. Undefined where it is none of these.
 */
export function shiftedDate(text: string, kind: JsonKind, days: number): string | undefined {
  if (kind === "number") return shiftedNumber(text, days);
  if (kind !== "string") return undefined;
  const ends = (JSON.parse(text) as string).split("/");
  if (ends.length > 2) return undefined;
  const shifted = ends.map((end) => shiftedText(end, days));
  return shifted.includes(undefined) ? undefined : `"${shifted.join("/")}"`;
}

/** RFC 3339 §5.6; FHIR R5 §dateTime: less of a date, down to its year. */
const written =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)([Tt ](?:[01]\d|2[0-4]):[0-5]\d(?::(?:[0-5]\d|60)(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?)?)?$/;

/** Of less than a date, its middle is moved. The time of day and its zone stay as they stand. */
function shiftedText(text: string, days: number): string | undefined {
  const [whole, year, month, day, time = ""] = written.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const middle = month === undefined ? 2 : 15;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month ?? 7) - 1, Number(day ?? middle));
  // 30 February is no date, nor is a 13th month
  if (day !== undefined && date.getUTCDate() !== Number(day)) return undefined;
  if (month !== undefined && date.getUTCMonth() !== Number(month) - 1) return undefined;
  date.setUTCDate(date.getUTCDate() + days);
  const shiftedYear = date.getUTCFullYear();
  if (year === "0000" || shiftedYear < 1 || shiftedYear > 9999) return undefined;
  return date.toISOString().slice(0, whole.length - time.length) + time;
}

/** From 1973 to 5138 the units have no overlap; a number outside is no date that can be told. */
const units = [
  { from: 10n ** 8n, below: 10n ** 11n, perSecond: 1n },
  { from: 10n ** 11n, below: 10n ** 14n, perSecond: 1_000n },
  { from: 10n ** 14n, below: 10n ** 17n, perSecond: 1_000_000n },
  { from: 10n ** 17n, below: 10n ** 20n, perSecond: 1_000_000_000n },
];

function shiftedNumber(text: string, days: number): string | undefined {
  const [whole, digits = "", fraction = ""] = /^(\d{9,20})(\.\d{1,18})?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const time = BigInt(digits);
  const unit = units.find(({ from, below }) => from <= time && time < below);
  if (unit === undefined) return undefined;
  const shifted = time + BigInt(days) * 86_400n * unit.perSecond;
  return unit.from <= shifted && shifted < unit.below ? `${shifted}${fraction}` : undefined;
}
