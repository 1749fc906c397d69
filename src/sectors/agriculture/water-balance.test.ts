import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  depletionAt,
  irrigationAdvice,
  nextDay,
  readyWater,
  type Soil,
  totalWater,
} from "./water-balance.ts";

/** Tomatoes on silt: FAO paper 56, tables 12, 19 and 22. */
const soil: Soil = {
  ...{ fieldCapacity: 0.32, wiltingPoint: 0.15, rootDepth: 0.8 },
  ...{ depletionShare: 0.4, cropCoefficient: 1.2 },
};

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}, not ${expected}`);
}

test("water balance - the paper's example 36: what tomatoes on silt may take up", () => {
  near(totalWater(soil), 136);
  // table 22's p holds where the crop demands 5 mm a day
  near(readyWater(soil, 5 / 1.2), 0.4 * 136);
});

test("water balance - p rises on mild days and falls on hot ones, within its bounds", () => {
  assert.ok(readyWater(soil, 2) > readyWater(soil, 7));
  near(readyWater(soil, 0) / 136, 0.6);
  near(readyWater({ ...soil, depletionShare: 0.15 }, 20) / 136, 0.1);
});

test("water balance - a crop that has taken up what is ready suffers, step by step", () => {
  const ready = readyWater(soil, 5);
  near(nextDay(soil, ready, { et0: 5, rain: 0, irrigation: 0 }).stress, 1);
  const half = (ready + totalWater(soil)) / 2;
  near(nextDay(soil, half, { et0: 5, rain: 0, irrigation: 0 }).stress, 0.5);
  near(nextDay(soil, totalWater(soil), { et0: 5, rain: 0, irrigation: 0 }).uptake, 0);
});

test("water balance - nothing is lost: what came is in the soil, taken up, or ran through", () => {
  const mm = fc.double({ min: 0, max: 80, noNaN: true });
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      mm,
      mm,
      mm,
      (share, et, rain, water) => {
        const before = share * totalWater(soil);
        const day = { et0: et / 8, rain, irrigation: water };
        const { depletion, uptake, percolation } = nextDay(soil, before, day);
        const left = before + uptake + percolation - rain - water - depletion;
        assert.ok(Math.abs(left) < 1e-9, `${left} mm`);
        assert.ok(depletion >= 0 && depletion <= totalWater(soil));
      },
    ),
  );
});

test("water balance - advice comes when what is ready is used up, and fills the root zone", () => {
  const ready = readyWater(soil, 5);
  assert.deepEqual(irrigationAdvice(soil, ready - 12, 5), {
    ...{ irrigate: false, amount: 0 },
    daysLeft: 2,
  });
  assert.deepEqual(irrigationAdvice(soil, ready, 5), {
    ...{ irrigate: true, amount: ready },
    daysLeft: 0,
  });
  assert.equal(irrigationAdvice(soil, 0, 0).daysLeft, undefined);
  near(depletionAt(soil, 0.27), 40);
  near(depletionAt(soil, 0.4), 0);
});
