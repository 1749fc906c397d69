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

/** `2026-11` for a time in milliseconds: the month a statement covers, in UTC. */
export function monthOf(at: number): string {
  return new Date(at).toISOString().slice(0, 7);
}
