import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../random.ts";
import { dispatch, lifeCycle, loadShape, stepGrid } from "./grid.ts";

const spec = { peakMw: 1000, windMw: 200, hydroMw: 60, gasMw: 400, coalFloorMw: 120 };
const calm = { windMood: 0, loadMood: 0 };

test("grid - what is made equals what is used, whatever the weather", () => {
  const random = seededRandom(11);
  let state = calm;
  for (let i = 0; i < 2000; i++) {
    state = stepGrid(state, 900, random);
    const d = dispatch(spec, state, (i / 4) % 24, 900 * random());
    const made = d.solarMw + d.windMw + d.hydroMw + d.gasMw + d.coalMw;
    assert.ok(Math.abs(made - d.loadMw) < 1e-6 * d.loadMw);
    assert.ok(Math.min(d.solarMw, d.windMw, d.hydroMw, d.gasMw, d.coalMw) >= 0);
    assert.ok(d.carbonIntensity > lifeCycle.wind && d.carbonIntensity < lifeCycle.coal);
  }
});

test("grid - more sun means less carbon, and too much sun is curtailed", () => {
  const none = dispatch(spec, calm, 12, 0);
  const some = dispatch(spec, calm, 12, 300);
  const flood = dispatch(spec, calm, 12, 5000);
  assert.ok(some.carbonIntensity < none.carbonIntensity - 100);
  assert.ok(flood.carbonIntensity < some.carbonIntensity);
  assert.ok(flood.curtailedMw > 4000 && flood.gasMw === 0);
  assert.equal(none.solarShare, 0);
});

test("grid - load peaks in the evening and is lowest before dawn", () => {
  const hours = Array.from({ length: 24 }, (_, h) => loadShape(h));
  assert.equal(hours.indexOf(Math.max(...hours)), 21);
  assert.ok(hours.indexOf(Math.min(...hours)) >= 3 && hours.indexOf(Math.min(...hours)) <= 6);
});
