import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../random.ts";
import {
  measuredVibration,
  motorEfficiency,
  operatingPoint,
  steadyVibration,
  stepBearing,
  vibrationLimits,
} from "./pump.ts";

const spec = {
  rpm: 2950,
  shutoff: 62,
  curve: 0.0011,
  bestFlow: 150,
  bestEfficiency: 0.81,
  lift: 0,
  friction: 0.0016,
  motorKw: 30,
};

test("pump - follows the affinity laws where nothing is lifted", () => {
  const full = operatingPoint(spec, 1);
  const half = operatingPoint(spec, 0.5);
  assert.ok(Math.abs(half.flow / full.flow - 0.5) < 1e-12);
  assert.ok(Math.abs(half.head / full.head - 0.25) < 1e-12);
  assert.ok(Math.abs(half.shaftKw / full.shaftKw - 0.125) < 1e-12);
});

test("pump - power is ρ·g·Q·H over the efficiency", () => {
  const { flow, head, efficiency, shaftKw, electricKw } = operatingPoint(spec, 1);
  const hydraulic = (998.2 * 9.80665 * (flow / 3600) * head) / 1000;
  assert.ok(Math.abs(shaftKw * efficiency - hydraulic) < 1e-9);
  assert.ok(electricKw > shaftKw && electricKw < shaftKw / 0.8);
});

test("pump - gives nothing below the speed that lifts the water", () => {
  const lifting = { ...spec, lift: 30 };
  assert.equal(operatingPoint(lifting, 0.6).flow, 0);
  assert.ok(operatingPoint(lifting, 0.75).flow > 0);
  assert.ok(operatingPoint(lifting, 1).flow < operatingPoint(spec, 1).flow);
});

test("pump - the motor is best near full load", () => {
  assert.ok(motorEfficiency(spec, 28) > 0.87 && motorEfficiency(spec, 28) < 0.95);
  assert.ok(motorEfficiency(spec, 2) < motorEfficiency(spec, 15));
});

test("pump - vibration grows with wear until it trips, and the overhaul makes it new", () => {
  const point = operatingPoint(spec, 1);
  let bearing = { wear: 0.5, tripped: false, repair: 0 };
  let last = 0;
  while (!bearing.tripped) {
    const now = steadyVibration(bearing.wear, point, spec, 1);
    assert.ok(now >= last);
    last = now;
    bearing = stepBearing(bearing, point, spec, 1, 5, 2000, 12);
  }
  assert.ok(Math.abs(last - vibrationLimits.trip) < 0.2);
  for (let h = 0; h < 3; h++) bearing = stepBearing(bearing, point, spec, 1, 5, 2000, 12);
  assert.deepEqual([bearing.tripped, bearing.wear], [false, 0.02]);
});

test("pump - the sensor scatters by three parts in a hundred", () => {
  const random = seededRandom(2);
  const point = operatingPoint(spec, 1);
  const steady = steadyVibration(0.4, point, spec, 1);
  let squares = 0;
  for (let i = 0; i < 4000; i++) {
    squares += (measuredVibration(0.4, point, spec, 1, random) / steady - 1) ** 2;
  }
  assert.ok(Math.abs(Math.sqrt(squares / 4000) - 0.03) < 0.003);
});
