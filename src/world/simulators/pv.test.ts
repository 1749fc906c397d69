import assert from "node:assert/strict";
import { test } from "node:test";
import { planeOfArray, pvModule, pvOutput } from "./pv.ts";
import { irradiance } from "./sky.ts";
import { sunPosition } from "./sun.ts";

const plant = { peakMw: 120, inverterMw: 100, tilt: 20, facing: 0 };

test("pv - gives its peak power at standard conditions, less the inverter", () => {
  // 25 °C in the cell at 1,000 W/m² needs air of −6.25 °C with a nominal cell of 45 °C.
  const { powerMw, cellTemperature } = pvOutput({ ...plant, inverterMw: 500 }, 1000, -6.25);
  assert.ok(Math.abs(cellTemperature - 25) < 1e-9);
  assert.ok(Math.abs(powerMw - 120 * pvModule.inverter) < 1e-9);
});

test("pv - gives less when hot, nothing in the dark, and no more than its inverters", () => {
  const wide = { ...plant, inverterMw: 500 };
  assert.ok(pvOutput(wide, 800, 40).powerMw < pvOutput(wide, 800, 10).powerMw);
  assert.equal(pvOutput(plant, 0, 20).powerMw, 0);
  assert.equal(pvOutput(plant, 1200, 5).powerMw, 100);
});

test("pv - a plane that lies flat sees the global light, one that faces the sun more", () => {
  const sun = sunPosition(Date.parse("2026-06-21T16:45:00Z"), -23.6, -70.3);
  const light = irradiance(sun, { cover: 0, mood: 0 });
  assert.ok(Math.abs(planeOfArray({ ...plant, tilt: 0 }, sun, light) - light.global) < 1e-6);
  assert.ok(planeOfArray({ ...plant, tilt: 40 }, sun, light) > light.global * 1.2);
});

test("pv - a winter's noon gives more than a winter's morning", () => {
  const power = (time: string): number => {
    const sun = sunPosition(Date.parse(time), -23.6, -70.3);
    return pvOutput(plant, planeOfArray(plant, sun, irradiance(sun, { cover: 0, mood: 0 })), 15)
      .powerMw;
  };
  assert.ok(power("2026-06-21T16:40:00Z") > power("2026-06-21T12:30:00Z"));
  assert.equal(power("2026-06-21T05:00:00Z"), 0);
});
