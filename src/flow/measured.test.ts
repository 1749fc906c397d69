import assert from "node:assert/strict";
import { test } from "node:test";
import { Measured } from "./measured.ts";

const start = Date.UTC(2026, 0, 5, 10);
const minute = 60_000;
const day = 1_440 * minute;

function passed(one: Measured, at: number, messages: number): void {
  one.messages += messages;
  one.sample(at);
}

test("quality - rate, median, silence and age are those of what passed", () => {
  const one = new Measured();
  assert.equal(one.quality(start), undefined);
  passed(one, start, 4);
  assert.equal(one.quality(start), undefined, "no minute is whole yet");
  passed(one, start + minute, 6);
  passed(one, start + 4 * minute, 2);
  one.sample(start + 4 * minute + 1000);
  assert.deepEqual(one.quality(start + 6 * minute), {
    minutes: 6,
    messages: 12,
    perMinuteMedian: 1,
    minutesWithData: 0.5,
    longestGapSeconds: 180,
    lastAt: "2026-01-05T10:04:00Z",
  });
  assert.equal(one.quality(start + 20 * minute)?.longestGapSeconds, 960, "a silence that lasts");
});

test("quality - a day is looked at, and no more is held", () => {
  const one = new Measured();
  for (let at = start; at < start + 3 * day; at += 30 * minute) passed(one, at, 1);
  const now = start + 3 * day;
  const { gone } = one.takeChanges(now);
  assert.equal(gone.length, 3 * 24 - 25);
  assert.equal(one.hours().length, 25);
  const { minutes, messages, longestGapSeconds } = one.quality(now)!;
  assert.deepEqual([minutes, messages, longestGapSeconds], [1_440, 48, 1_800]);
});

test("quality - what was kept goes on, with the silence between", () => {
  const one = new Measured();
  passed(one, start, 3);
  const again = new Measured();
  for (const [hour, doc] of one.takeChanges(start).changed) again.restore(hour, doc);
  assert.deepEqual(again.quality(start + 10 * minute), one.quality(start + 10 * minute));
  passed(again, start + 90 * minute, 1);
  const { messages, longestGapSeconds, minutes } = again.quality(start + 91 * minute)!;
  assert.deepEqual([messages, longestGapSeconds, minutes], [4, 5_400, 91]);
});

test("quality - one that fell silent for days still says when it last spoke", () => {
  const one = new Measured();
  passed(one, start, 3);
  const now = start + 5 * day;
  assert.deepEqual(one.takeChanges(now).gone, []);
  const { messages, minutes, lastAt } = one.quality(now)!;
  assert.deepEqual([messages, minutes, lastAt], [0, 1_440, "2026-01-05T10:00:00Z"]);
});
