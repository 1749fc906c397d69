import assert from "node:assert/strict";
import { test } from "node:test";
import { daysUntil, SoilProbe, type SoilReading } from "./soil-moisture.ts";

const hour = 3_600_000;
const start = Date.UTC(2022, 10, 15);

function observed(values: readonly number[], every = hour): SoilProbe {
  const probe = new SoilProbe();
  for (const [index, vwc] of values.entries()) probe.observe({ at: start + index * every, vwc });
  return probe;
}

function line(from: number, perHour: number, hours: number): number[] {
  return Array.from({ length: hours }, (_, index) => from + perHour * index);
}

test("soil - its drying is told a day, and when a water content will be reached", () => {
  const state = observed(line(30, -0.05, 49)).state!;
  assert.ok(Math.abs(state.dryingPerDay! - 1.2) < 1e-9);
  assert.ok(Math.abs(daysUntil(state, 24)! - (30 - 0.05 * 48 - 24) / 1.2) < 1e-9);
  assert.equal(daysUntil(state, 29), 0);
  assert.equal(state.wetting, undefined);
});

test("soil - stray readings and the day's warmth do not move the rate", () => {
  const clean = line(30, -0.05, 72);
  const stray = clean.map((vwc, index) => {
    const warmth = 0.3 * Math.sin((index / 24) * 2 * Math.PI);
    return vwc + warmth + (index === 40 ? -8 : 0);
  });
  const rate = observed(stray).state?.dryingPerDay;
  assert.ok(Math.abs(rate! - 1.2) < 0.1, `${rate} % a day`);
});

test("soil - a wetting goes from the driest reading to the peak, and ends when nothing higher came", () => {
  const values = [...line(20, -0.1, 10), 19.4, 22, 25, 24.8, 24.6];
  const during = observed(values).state!;
  assert.equal(during.isWetting, true);
  assert.equal(during.dryingPerDay, undefined);
  const after = observed([...values, 24.4, 24.2, 24, 23.8, 23.6, 23.4, 23.2]).state!;
  assert.equal(after.isWetting, false);
  assert.deepEqual(after.wetting, {
    from: { at: start + 9 * hour, vwc: 19.1 },
    to: { at: start + 12 * hour, vwc: 25 },
  });
  assert.ok(Math.abs(after.dryingPerDay! - 4.8) < 1e-6);
});

test("soil - a rise that takes days is none, nor what is no water content, nor what comes late", () => {
  const probe = observed(line(20, 0.1, 60));
  assert.equal(probe.state?.wetting, undefined);
  const { latest } = probe.state!;
  const wrong: SoilReading[] = [
    { at: latest.at + hour, vwc: 120 },
    { at: latest.at + hour, vwc: Number.NaN },
    { at: latest.at - hour, vwc: 20 },
    latest,
  ];
  for (const one of wrong) assert.equal(probe.observe(one), false);
  assert.deepEqual(probe.state?.latest, latest);
});

test("soil - months of drying take no more memory than days, and tell the same rate", () => {
  const probe = observed(line(60, -0.0004, 24 * 60 * 4), hour / 4);
  assert.ok(Math.abs(probe.state!.dryingPerDay! - 0.0004 * 96) < 1e-6);
});
