import assert from "node:assert/strict";
import { test } from "node:test";
import { PassedTime } from "./passed-time.ts";

const day = 86_400_000;
const hour = 3_600_000;

function setClock(at: number) {
  const clock = {
    wall: at,
    steady: 0,
    now: () => clock.wall,
    monotonic: () => clock.steady,
    run(ms: number): void {
      clock.wall += ms;
      clock.steady += ms;
    },
  };
  return clock;
}

test("passed time - runs on, whatever the wall clock is set to", () => {
  const clock = setClock(1_000 * day);
  const time = new PassedTime(clock);
  const begin = time.passedMs;
  clock.run(hour);
  clock.wall += 365 * day;
  clock.run(hour);
  assert.equal(time.passedMs - begin, 2 * hour);
  clock.wall -= 800 * day;
  clock.run(hour);
  assert.equal(time.passedMs - begin, 3 * hour);
  assert.equal(time.latestMs, time.passedMs);
});

test("passed time - a short stop counts at once, a long one after an hour", () => {
  const clock = setClock(1_000 * day);
  const first = new PassedTime(clock);
  clock.run(hour);
  const kept = first.kept;
  clock.run(50_000);
  assert.equal(new PassedTime(clock, kept).passedMs, hour + 50_000);
  clock.run(3 * day);
  const stopMs = 3 * day + 50_000;
  const second = new PassedTime(clock, kept);
  assert.deepEqual([second.passedMs, second.latestMs], [hour, hour + stopMs]);
  assert.equal(second.kept, undefined);
  clock.run(hour - 1);
  assert.equal(second.passedMs, 2 * hour - 1);
  clock.run(1);
  assert.deepEqual([second.passedMs, second.latestMs], [2 * hour + stopMs, 2 * hour + stopMs]);
  assert.deepEqual(second.kept, { passedMs: 2 * hour + stopMs, at: clock.now() });
});

test("passed time - a clock that starts wrong and is set right makes nothing pass early", () => {
  const clock = setClock(1_000 * day);
  const { kept } = new PassedTime(clock);
  clock.wall += 9_000 * day; // as it starts
  const time = new PassedTime(clock, kept);
  clock.run(600_000);
  clock.wall -= 9_000 * day; // as it is set
  clock.run(10 * day);
  assert.equal(time.passedMs, 10 * day + 600_000);
});

test("passed time - a clock set back over a stop makes nothing pass twice or less", () => {
  const clock = setClock(1_000 * day);
  const first = new PassedTime(clock);
  clock.run(5 * day);
  const { kept } = first;
  clock.wall -= 400 * day;
  const time = new PassedTime(clock, kept);
  assert.equal(time.passedMs, 5 * day);
  clock.run(day);
  assert.equal(time.passedMs, 6 * day);
});
