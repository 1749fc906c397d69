import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Backtest, LoadForecast, type PowerReading, SolarForecast } from "./forecast.ts";

const recorded = new URL(
  "../../../../shared/data/energy/pv-nrel/serf_east_15min_ac_power.csv",
  import.meta.url,
);
const hour = 3_600_000;
const quarter = hour / 4;
const plant = {
  ...{ latitude: 39.742, longitude: -105.1727 },
  mounting: { tilt: 45, azimuth: 158 },
};

test(
  "solar forecast - over a hundred recorded days it errs a third less than persistence an hour ahead",
  { skip: existsSync(recorded) ? false : "the recorded data (../shared) is not there" },
  () => {
    const readings: PowerReading[] = readFileSync(recorded, "utf8")
      .trim()
      .split("\n")
      .slice(1)
      .map((row) => row.split(","))
      .filter(([, power]) => power !== "")
      .map(([at, power]) => ({ at: Date.parse(at!.replace(" ", "T")), power: Number(power) }));
    const backtest = new Backtest(new SolarForecast(plant), [hour, 4 * hour, 24 * hour]);
    for (const reading of readings) backtest.observe(reading);
    const [oneHour, fourHours, oneDay] = backtest.errors();
    // the same persistence, computed over the whole file at once
    const powerAt = new Map(readings.map(({ at, power }) => [at, power]));
    const offs = readings.flatMap(({ at, power }) => {
      const later = powerAt.get(at + hour);
      return later === undefined ? [] : [Math.abs(later - power)];
    });
    const mean = offs.reduce((sum, one) => sum + one, 0) / offs.length;
    assert.ok(Math.abs(oneHour!.persistence / mean - 1) < 0.01);
    assert.ok(oneHour!.meanAbsolute < (oneHour!.persistence * 2) / 3);
    assert.ok(fourHours!.meanAbsolute < fourHours!.persistence / 3);
    assert.ok(oneDay!.meanAbsolute < oneDay!.persistence);
  },
);

test("load forecast - a week repeats, and what is above the usual fades", () => {
  const load = (at: number): number => {
    const inDay = (at % (24 * hour)) / hour;
    return 1_000 + 400 * Math.sin((inDay / 24) * 2 * Math.PI);
  };
  const model = new LoadForecast();
  const backtest = new Backtest(model, [hour]);
  let at = Date.UTC(2026, 0, 5);
  const end = at + 21 * 24 * hour;
  for (; at < end; at += quarter) backtest.observe({ at, power: load(at) });
  assert.ok(backtest.errors()[0]!.meanAbsolute < 1e-6);
  for (const until = at + hour; at < until; at += quarter) {
    backtest.observe({ at, power: load(at) + 100 });
  }
  const soon = model.predict(at)! - load(at);
  const later = model.predict(at + 12 * hour)! - load(at + 12 * hour);
  assert.ok(soon > 60 && soon <= 100, `${soon} W`);
  assert.ok(Math.abs(later) < 10, `${later} W`);
});

test("solar forecast - nothing at night, and nothing said before the first sunny hour", () => {
  const model = new SolarForecast(plant);
  assert.equal(model.predict(Date.UTC(2026, 5, 21, 7)), 0);
  assert.equal(model.predict(Date.UTC(2026, 5, 21, 19)), undefined);
  model.observe({ at: Date.UTC(2026, 5, 21, 18), power: 5_000 });
  const noon = model.predict(Date.UTC(2026, 5, 21, 19))!;
  assert.ok(noon > 4_500 && noon < 5_500, `${noon} W`);
});
