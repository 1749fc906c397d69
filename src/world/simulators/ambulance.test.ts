import assert from "node:assert/strict";
import { test } from "node:test";
import { emergencyKmh, placeOfAmbulance, stepAmbulance } from "./ambulance.ts";
import type { AmbulanceState } from "./ambulance.ts";
import { metresBetween } from "../../kernel/place.ts";
import { buildRoads, secondsOn } from "./roads.ts";

const roads = buildRoads({
  junctions: { a: [51.92, 4.46], b: [51.92, 4.48], c: [51.93, 4.48] },
  segments: [
    { from: "a", to: "b", freeKmh: 30, peakLoss: 0 },
    { from: "b", to: "c", freeKmh: 50, peakLoss: 0 },
  ],
});

test("ambulance - drives its route in the time its speeds say, and is then free at its end", () => {
  let state: AmbulanceState = {
    phase: "driving",
    route: ["a-b", "b-c"],
    leg: 0,
    along: 0,
    speed: 0,
    driven: 0,
  };
  let seconds = 0;
  while (state.phase === "driving" && seconds < 1000) {
    state = stepAmbulance(state, roads, 1, (s) => s.freeKmh);
    seconds += 1;
  }
  const expected = [...["a-b", "b-c"]]
    .map((id) => roads.segments.get(id)!)
    .reduce((sum, s) => sum + secondsOn(s, emergencyKmh(s.freeKmh)), 0);
  assert.ok(Math.abs(seconds - expected) < 8, `${seconds} s, expected ${expected} s`);
  assert.deepEqual(state, { phase: "free", at: "c", secondsLeft: 240 });
  assert.ok(metresBetween(placeOfAmbulance(state, roads), roads.junctions.get("c")!) < 1);
});

test("ambulance - waits where it is until it has a route", () => {
  const called: AmbulanceState = { phase: "called", at: "a", to: "c", waited: 0 };
  assert.deepEqual(
    stepAmbulance(called, roads, 5, () => 30),
    { ...called, waited: 5 },
  );
  const free: AmbulanceState = { phase: "free", at: "a", secondsLeft: 3 };
  assert.deepEqual(
    stepAmbulance(free, roads, 5, () => 30),
    { ...free, secondsLeft: 0 },
  );
});
