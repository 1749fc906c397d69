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

/** `2026-11` for `2026-12`. */
export function monthBefore(month: string): string {
  return monthOf(Date.parse(`${month}-01`) - 1);
}

/** `2026-11` for a time in milliseconds: the month a statement covers, in UTC. */
export function monthOf(at: number): string {
  return new Date(at).toISOString().slice(0, 7);
}
