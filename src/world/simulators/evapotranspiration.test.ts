import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dayLight,
  psychrometric,
  referenceOfDay,
  referenceOfHour,
  saturation,
  slope,
  solarFromSunshine,
  windAt2m,
} from "./evapotranspiration.ts";

const near = (value: number, expected: number, within: number): void =>
  assert.ok(Math.abs(value - expected) <= within, `${value}, expected ${expected} ± ${within}`);

test("evapotranspiration - FAO-56 example 18: Uccle, 6 July, 3.9 mm a day", () => {
  const light = dayLight(187, 50.8);
  near(light.extraterrestrial, 41.09, 0.05);
  near(light.hours, 16.1, 0.05);
  const solar = solarFromSunshine(9.25, light);
  near(solar, 22.07, 0.05);
  const wind = windAt2m(10 / 3.6, 10);
  near(wind, 2.078, 0.005);
  const weather = { tMax: 21.5, tMin: 12.3, rhMax: 84, rhMin: 63, wind, solar };
  near(referenceOfDay(weather, 187, 50.8, 100), 3.88, 0.02);
});

test("evapotranspiration - FAO-56 example 19: N'Diaye, 0.63 mm an hour by day, none by night", () => {
  const day = { t: 38, rh: 52, wind: 3.3, solar: 2.45, extraterrestrial: 3.543 };
  near(referenceOfHour(day, 8), 0.63, 0.01);
  const night = { t: 28, rh: 90, wind: 1.9, solar: 0, extraterrestrial: 0 };
  near(referenceOfHour(night, 8), 0, 0.01);
});

test("evapotranspiration - FAO-56 annex 2: vapour pressure, slope and psychrometric constant", () => {
  near(saturation(20), 2.338, 0.001);
  near(saturation(35), 5.623, 0.001);
  near(slope(25), 0.1888, 0.0005);
  near(psychrometric(1800), 0.054, 0.0005);
});
