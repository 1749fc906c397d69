/**
 * The kernel: what every room may use and that uses no room. Values in, values out: time and
 * randomness as arguments (`clock`, `id`), money (`amount`, `price`), topics, places, canonical
 * JSON, the errors' catalogue. It reads no file, opens no socket and keeps no state but the
 * journal's last lines.
 */
/** Where time comes from. Passed in, so that a test can hold it still. */
export interface Clock {
  /** Wall time, milliseconds since the Unix epoch, UTC. */
  now(): number;
  /** Monotonic time in milliseconds; only differences mean anything. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** A day of 24 hours: days are UTC, and have no other length. */
export const dayMs = 86_400_000;

/** `2026-11` for `2026-12`. */
export function monthBefore(month: string): string {
  return monthOf(monthStart(month) - 1);
}

/** `2026-12` for `2026-11`. */
export function monthAfter(month: string): string {
  return monthOf(monthEnd(month));
}

/** The first millisecond of a month such as `2026-11`, UTC. */
export function monthStart(month: string): number {
  return Date.parse(`${month}-01`);
}

/** The first millisecond of the month after it. */
export function monthEnd(month: string): number {
  const next = new Date(monthStart(month));
  return next.setUTCMonth(next.getUTCMonth() + 1);
}

/** Of a month such as `2026-11`. */
export const monthPattern = "^[0-9]{4}-(0[1-9]|1[0-2])$";

/** `2026-11` for a time in milliseconds: the month a statement covers, in UTC. */
export function monthOf(at: number): string {
  return new Date(at).toISOString().slice(0, 7);
}
