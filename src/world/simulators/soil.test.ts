import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../random.ts";
import {
  readilyAvailable,
  startSoil,
  stepSoil,
  stress,
  totalAvailable,
  waterContent,
} from "./soil.ts";

const parcel = {
  hectares: 4,
  fieldCapacity: 0.32,
  wiltingPoint: 0.15,
  rootDepth: 0.8,
  cropCoefficient: 1.1,
  depletionFraction: 0.5,
};

test("soil - no water is made and none is lost", () => {
  const random = seededRandom(5);
  const start = 30;
  let soil = startSoil(start);
  for (let i = 0; i < 10_000; i++) {
    soil = stepSoil(
      soil,
      parcel,
      random() * 0.3,
      random() < 0.01 ? 12 : 0,
      random() < 0.02 ? 8 : 0,
    );
    assert.ok(soil.depletion >= 0 && soil.depletion <= totalAvailable(parcel) + 1e-9);
  }
  const balance = start + soil.evaporated + soil.drained - soil.rained - soil.irrigated;
  assert.ok(Math.abs(balance - soil.depletion) < 1e-6);
});

test("soil - the crop drinks less once the readily available water is gone", () => {
  assert.equal(totalAvailable(parcel), 136);
  assert.equal(stress(parcel, readilyAvailable(parcel)), 1);
  assert.ok(Math.abs(stress(parcel, 102) - 0.5) < 1e-12);
  assert.equal(stress(parcel, 136), 0);
});

test("soil - a dry week of 5 mm a day lowers the probe by what the crop drank", () => {
  let soil = startSoil(0);
  for (let day = 0; day < 7; day++) soil = stepSoil(soil, parcel, 5, 0, 0);
  assert.ok(Math.abs(soil.depletion - 38.5) < 1e-9);
  assert.ok(Math.abs(waterContent(soil, parcel) - (0.32 - 0.0385 / 0.8)) < 1e-12);
});

test("soil - what the root zone cannot hold drains below it", () => {
  const soil = stepSoil(startSoil(10), parcel, 0, 25, 0);
  assert.deepEqual([soil.depletion, soil.drained], [0, 15]);
});
