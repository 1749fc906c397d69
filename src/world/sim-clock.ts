import type { Clock } from "../kernel/clock.ts";

/** A clock that may run faster than the wall's: `pace` simulated seconds for each real one. */
export interface SimClock {
  /** Simulated time, milliseconds since the Unix epoch. */
  now(): number;
  readonly pace: number;
  /** Simulated time is at its start again: the world has taken its time to be set up. */
  begin(): void;
  /** When it really was, for a simulated time; milliseconds since the Unix epoch. */
  realTime(simulated: number): number;
}

/** Starts at `startAt` (the wall's own time where undefined). */
export function startSimClock(clock: Clock, pace: number, startAt?: number): SimClock {
  const origin = startAt ?? clock.now();
  let began = clock.monotonic();
  let beganAt = clock.now();
  return {
    pace,
    now: () => origin + (clock.monotonic() - began) * pace,
    begin() {
      began = clock.monotonic();
      beganAt = clock.now();
    },
    realTime: (simulated) => beganAt + (simulated - origin) / pace,
  };
}

/** Hour of the day by the sun at a longitude (degrees east), 0–24. */
export function solarHour(at: number, lon: number): number {
  const hours = (at / 3_600_000 + lon / 15) % 24;
  return hours < 0 ? hours + 24 : hours;
}
