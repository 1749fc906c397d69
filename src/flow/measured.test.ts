import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { Measured } from "./measured.ts";
import { layout5, Run } from "./run.ts";

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
    completeness: 0.5,
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

test("quality - complete is what the usual minute brings, and a burst makes up for no silence", () => {
  const one = new Measured();
  for (let at = 0; at < 10; at++)
    if (at !== 3) passed(one, start + at * minute, at === 4 ? 900 : 60);
  assert.equal(one.quality(start + 10 * minute)?.completeness, 0.9);
});

test("quality - a stream too sparse for minutes is measured by its hours", () => {
  const one = new Measured();
  const hours = [...Array(10).keys()].filter((hour) => hour !== 7);
  for (const hour of hours) passed(one, start + hour * 60 * minute, 2);
  assert.equal(one.quality(start + 10 * 60 * minute)?.completeness, 0.9);
  const once = new Measured();
  passed(once, start, 1);
  assert.equal(once.quality(start + 30 * minute)?.completeness, undefined, "nothing is usual yet");
});

function arrived(one: Measured, at: number, message: object): void {
  const payload = Buffer.from(JSON.stringify(message));
  const fields = { topic: "t", qos: 0, layout: layout5, count: 1 } as const;
  const packets = encodePublish(5, { topic: "t", payload });
  const run = new Run({ ...fields, packets, payloadBytes: payload.length });
  run.at = at;
  if (one.wantsSample) one.take(run);
  passed(one, at, 1);
}

test("quality - lag is from the message's own time to its arrival, and is kept", () => {
  const one = new Measured();
  for (let at = start; at < start + 100 * 10_000; at += 1_000) {
    const ms = at < start + 90 * 10_000 ? 2_000 : 60_000;
    arrived(one, at, { observedAt: new Date(at - ms).toISOString() });
  }
  const { lag } = one.quality(start + 20 * minute)!;
  const near = (seconds: number, real: number) => Math.abs(seconds / real - 1) < 0.1;
  assert.ok(near(lag!.medianSeconds, 2), `${lag?.medianSeconds} s`);
  assert.ok(near(lag!.p95Seconds, 60), `${lag?.p95Seconds} s`);
  const again = new Measured();
  for (const [hour, doc] of one.takeChanges(start).changed) again.restore(hour, doc);
  assert.deepEqual(again.quality(start + 20 * minute)?.lag, lag);
});

test("quality - a clock a little ahead is no lag, one far ahead and no time say nothing", () => {
  const one = new Measured();
  arrived(one, start, { time: start + 30_000 });
  assert.deepEqual(one.quality(start + minute)?.lag, { medianSeconds: 0, p95Seconds: 0 });
  const wrong = new Measured();
  arrived(wrong, start, { time: start + 3_600_000 });
  arrived(wrong, start + 10_000, { speed: 3 });
  assert.equal(wrong.quality(start + minute)?.lag, undefined);
});
