/** `"2026-11-23T02:00:00Z"` and with milliseconds: as JSON has them, quotes included. */
export const isoSecondsLength = 22;
const isoLength = 26;

const dayMs = 86_400_000;
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** What stands at each place; `0` is any digit. */
const form = '"0000-00-00T00:00:00';

/** Milliseconds since 1970; NaN where the bytes are no such time, such as the 30th of February. */
export function isoTimeAt(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length !== isoSecondsLength && length !== isoLength) return Number.NaN;
  for (let i = 0; i < form.length; i++) {
    const wanted = form.charCodeAt(i);
    const code = bytes[start + i]!;
    if (wanted === zero ? code < zero || code > zero + 9 : code !== wanted) return Number.NaN;
  }
  const hasMs = length === isoLength;
  if (bytes[end - 2] !== 0x5a || bytes[end - 1] !== 0x22) return Number.NaN; // Z and a quote
  if (hasMs && bytes[start + 20] !== 0x2e) return Number.NaN; // a point
  const ms = hasMs ? numberAt(bytes, start + 21, 3) : 0;
  const year = numberAt(bytes, start + 1, 4);
  const month = numberAt(bytes, start + 6, 2);
  const day = numberAt(bytes, start + 9, 2);
  const hour = numberAt(bytes, start + 12, 2);
  const minute = numberAt(bytes, start + 15, 2);
  const second = numberAt(bytes, start + 18, 2);
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 && isLeap ? 29 : (monthDays[month - 1] ?? 0);
  const isReal = day >= 1 && day <= days && hour <= 23 && minute <= 59 && second <= 59;
  if (!isReal || Number.isNaN(ms)) return Number.NaN;
  return (
    daysBefore(year, month, day) * dayMs + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms
  );
}

const zero = 0x30;

/** NaN where one is no digit. */
function numberAt(bytes: Buffer, start: number, length: number): number {
  let value = 0;
  for (let i = start; i < start + length; i++) {
    const digit = bytes[i]! - zero;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

let knownDay = Number.NaN;
let knownStart = 0;

/** Days since 1970 in the Gregorian calendar; that of the last call is remembered. */
function daysBefore(year: number, month: number, day: number): number {
  const key = year * 16 + month;
  if (key !== knownDay) {
    const date = new Date(0);
    date.setUTCFullYear(year, month - 1, 1); // Date.UTC takes the years 0 to 99 for 1900 to 1999
    knownStart = Math.floor(date.getTime() / dayMs);
    knownDay = key;
  }
  return knownStart + day - 1;
}

let shownDay = Number.NaN;
let shownText = "";

/** The text that `isoTimeAt` read. */
export function isoText(time: number, hasMs: boolean): string {
  const day = Math.floor(time / dayMs);
  if (day !== shownDay) {
    shownText = `"${new Date(day * dayMs).toISOString().slice(0, 11)}`;
    shownDay = day;
  }
  const inDay = time - day * dayMs;
  const seconds = Math.floor(inDay / 1000);
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}`;
  const text = `${shownText}${clock}:${two(seconds % 60)}`;
  return hasMs ? `${text}.${String(inDay % 1000).padStart(3, "0")}Z"` : `${text}Z"`;
}

const twos = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, "0"));

function two(value: number): string {
  return twos[value]!;
}
