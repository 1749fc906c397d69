import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../random.ts";
import { busLimits, legOf, planCharge, startBus, stepBus } from "./bus.ts";
import type { BusLine, BusState } from "./bus.ts";
import { buildRoads } from "./roads.ts";
import type { Segment } from "./roads.ts";

const roads = buildRoads({
  junctions: { a: [51.92, 4.46], b: [51.92, 4.468], c: [51.927, 4.468] },
  segments: [
    { from: "a", to: "b", freeKmh: 50, peakLoss: 0.5 },
    { from: "b", to: "c", freeKmh: 30, peakLoss: 0.5 },
  ],
});
const segment = (id: string): Segment => roads.segments.get(id) as Segment;
const line: BusLine = {
  out: [segment("a-b"), segment("b-c")],
  back: [segment("c-b"), segment("b-a")],
};
const free = (s: Segment): number => s.freeKmh;

function drive(state: BusState, seconds: number, dt = 0.5): BusState[] {
  const random = seededRandom(7);
  const states = [state];
  for (let t = 0; t < seconds; t += dt) {
    states.push(stepBus(states.at(-1) as BusState, line, dt, free, random));
  }
  return states;
}

test("bus - keeps to the limits of speed, acceleration and braking", () => {
  for (const state of drive(startBus(line, 0, 0.9), 1800)) {
    assert.ok(state.speed <= 50 / 3.6 + 1e-9, `speed ${state.speed}`);
    assert.ok(state.acceleration <= busLimits.accelerate + 1e-9);
    assert.ok(state.acceleration >= -busLimits.brake * 1.3 - 1e-9);
    assert.ok(state.along <= legOf(line, state).metres + 3, "never runs past its stop");
  }
});

test("bus - takes the time that its kinematics say from stop to stop", () => {
  const metres = segment("a-b").metres;
  const v = 50 / 3.6;
  // Speeding up and braking each take v/a; the rest is driven at v.
  const expected =
    v / busLimits.accelerate +
    v / busLimits.brake +
    (metres - v ** 2 / (2 * busLimits.accelerate) - v ** 2 / (2 * busLimits.brake)) / v;
  const states = drive(startBus(line, 0, 0.9), 200, 0.1);
  const arrived = states.findIndex((s) => s.dwell > 0) * 0.1;
  assert.ok(Math.abs(arrived - expected) < 4, `${arrived} s, expected ${expected} s`);
});

test("bus - stands at stops with its doors open, turns at the end and comes back", () => {
  const states = drive(startBus(line, 0, 0.9), 1800);
  assert.ok(states.some((s) => s.direction === "back"));
  assert.ok(states.some((s, i) => s.direction === "out" && states[i - 1]?.direction === "back"));
  assert.ok(states.filter((s) => s.dwell > 0).every((s) => s.speed === 0));
  assert.ok(states.every((s) => s.passengers >= 0 && s.passengers <= busLimits.passengersMax));
});

test("bus - uses energy by the kilometre and charges at the end of the line when low", () => {
  const states = drive(startBus(line, 0, 0.65), 1200);
  const first = states.findIndex((s) => s.chargingKw > 0);
  assert.ok(first > 0);
  assert.ok((states[first]?.charge ?? 1) < 0.65);
  const later = states.slice(first).find((s) => s.chargingKw === 0);
  assert.ok(Math.abs((later?.charge ?? 0) - busLimits.chargeTo) < 0.01);
});

test("bus - held, it stops and stays", () => {
  const random = seededRandom(1);
  let state = drive(startBus(line, 0, 0.9), 20).at(-1) as BusState;
  assert.ok(state.speed > 5);
  for (let t = 0; t < 15; t += 0.5) state = stepBus(state, line, 0.5, free, random, true);
  assert.equal(state.speed, 0);
});

test("bus - announces its next charging within a minute and a half of the truth", () => {
  const states = drive(startBus(line, 0, 0.65), 1200);
  const plan = planCharge(states[0] as BusState, line, free);
  const real = states.findIndex((s) => s.chargingKw > 0) * 0.5;
  assert.ok(Math.abs(plan.inSeconds - real) < 90, `${plan.inSeconds} against ${real}`);
  assert.ok(plan.forSeconds > 600);
});
