import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../random.ts";
import { circadian, nextBeat, startVitals } from "./vitals.ts";
import type { Beat } from "./vitals.ts";

const patient = { heartRate: 72, breathRate: 15, saturation: 97, variability: 32 };

function beats(count: number, hour: number, seed = 8): { beats: Beat[]; breath: number[] } {
  const random = seededRandom(seed);
  let state = startVitals(patient, random);
  const all: Beat[] = [];
  const breath: number[] = [];
  for (let i = 0; i < count; i++) {
    breath.push(state.breath);
    const next = nextBeat(state, patient, hour, random);
    all.push(next.beat);
    state = next.state;
  }
  return { beats: all, breath };
}

const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

test("vitals - the heart keeps its mean rate and varies as a healthy one does", () => {
  const intervals = beats(2000, 10).beats.map((b) => b.interval * 1000);
  const average = mean(intervals);
  assert.ok(Math.abs(60_000 / average - 72) < 3, `${60_000 / average} a minute`);
  const sdnn = Math.sqrt(mean(intervals.map((i) => (i - average) ** 2)));
  assert.ok(sdnn > 20 && sdnn < 80, `SDNN ${sdnn} ms`);
});

test("vitals - breathing in shortens the interval", () => {
  const run = beats(3000, 10);
  const during = (low: number, high: number): number =>
    mean(
      run.beats
        .filter((_, i) => run.breath[i]! > low && run.breath[i]! < high)
        .map((b) => b.interval),
    );
  assert.ok(during(0.6, 2.5) < during(3.8, 5.7) - 0.02);
});

test("vitals - the heart is slower at four in the morning than at four in the afternoon", () => {
  const rate = (hour: number): number => mean(beats(800, hour).beats.map((b) => b.heartRate));
  assert.ok(rate(16) - rate(4) > 6);
  assert.equal(circadian(4), -1);
});

test("vitals - saturation, pressure and temperature stay where a resting patient's are", () => {
  for (const beat of beats(2000, 14).beats) {
    assert.ok(beat.saturation > 93 && beat.saturation <= 100);
    assert.ok(beat.systolic > 100 && beat.systolic < 140 && beat.diastolic < beat.systolic);
    assert.ok(beat.temperature > 36 && beat.temperature < 37.6);
  }
});
