import assert from "node:assert/strict";
import { test } from "node:test";
import { dayLight } from "./evapotranspiration.ts";
import { sunPosition } from "./sun.ts";

const near = (value: number, expected: number, within: number): void =>
  assert.ok(Math.abs(value - expected) <= within, `${value}, expected ${expected} ± ${within}`);

test("sun - agrees with the worked example of NREL's Solar Position Algorithm", () => {
  // Reda and Andreas, NREL/TP-560-34302, table A5.1: zenith 50.11°, azimuth 194.34°.
  const sun = sunPosition(Date.parse("2003-10-17T12:30:30-07:00"), 39.742476, -105.1786);
  near(90 - sun.altitude, 50.11, 0.03);
  near(sun.azimuth, 194.34, 0.03);
});

test("sun - stands overhead on the tropics at noon of the solstices and on the equator between", () => {
  near(sunPosition(Date.parse("2026-06-21T12:02:00Z"), 23.44, 0).altitude, 90, 0.2);
  near(sunPosition(Date.parse("2026-12-21T11:58:00Z"), -23.44, 0).altitude, 90, 0.2);
  near(sunPosition(Date.parse("2026-03-20T12:07:00Z"), 0, 0).altitude, 90, 0.2);
});

test("sun - is up for as long as FAO-56 equation 34 says", () => {
  const dayOfYear = 326; // 22 November
  const minutes = Array.from({ length: 1440 }, (_, m) => Date.UTC(2026, 10, 22, 5) + m * 60_000);
  const up = minutes.filter((at) => sunPosition(at, -23.65, -70.4).altitude > 0).length / 60;
  near(up, dayLight(dayOfYear, -23.65).hours, 0.1);
});

test("sun - is below the horizon at midnight and in the north at noon in the south", () => {
  assert.ok(sunPosition(Date.parse("2026-06-21T00:00:00Z"), 0, 0).altitude < -60);
  const south = sunPosition(Date.parse("2026-06-21T12:02:00Z"), -35, 0);
  assert.ok(south.azimuth < 2 || south.azimuth > 358, `${south.azimuth}`);
});
