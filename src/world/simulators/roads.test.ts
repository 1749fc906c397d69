import assert from "node:assert/strict";
import { test } from "node:test";
import { metresBetween } from "../../kernel/place.ts";
import { seededRandom } from "../random.ts";
import {
  bearing,
  buildRoads,
  flowKmh,
  pointAlong,
  quickestWay,
  rushAt,
  stepIncidents,
} from "./roads.ts";

const spec = {
  junctions: { a: [51.92, 4.46], b: [51.92, 4.48], c: [51.93, 4.47], d: [51.95, 4.6] },
  segments: [
    { from: "a", to: "b", freeKmh: 40, peakLoss: 0.8 },
    { from: "a", to: "c", freeKmh: 40, peakLoss: 0.1 },
    { from: "c", to: "b", via: [[51.925, 4.475]], freeKmh: 40, peakLoss: 0.1 },
  ],
} as const;
const roads = buildRoads(spec);

test("roads - distance and bearing agree with known places", () => {
  const rotterdam = { lat: 51.9225, lon: 4.47917 };
  const amsterdam = { lat: 52.37403, lon: 4.88969 };
  assert.ok(Math.abs(metresBetween(rotterdam, amsterdam) - 57_600) < 500);
  assert.ok(Math.abs(bearing({ lat: 0, lon: 0 }, { lat: 0, lon: 1 }) - 90) < 1e-9);
  assert.ok(Math.abs(bearing({ lat: 0, lon: 0 }, { lat: -1, lon: 0 }) - 180) < 1e-9);
});

test("roads - a point along a polyline lies on it, also past its end", () => {
  const segment = roads.segments.get("c-b");
  assert.ok(segment);
  assert.deepEqual(
    { ...pointAlong(segment.points, 0), bearing: 0 },
    { ...roads.junctions.get("c"), bearing: 0 },
  );
  const end = pointAlong(segment.points, segment.metres + 50);
  assert.ok(metresBetween(end, { lat: 51.92, lon: 4.48 }) < 0.5);
  const half = pointAlong(segment.points, segment.metres / 2);
  const sum = metresBetween(half, { lat: 51.93, lon: 4.47 }) + metresBetween(half, end);
  assert.ok(Math.abs(sum - segment.metres) < 2);
});

test("roads - the quickest way is the short one by night and goes round in the rush hour", () => {
  const way = (hour: number) => quickestWay(roads, "a", "b", (s) => flowKmh(s, hour, new Map()));
  assert.deepEqual(way(3)?.segments, ["a-b"]);
  assert.deepEqual(way(17.2)?.segments, ["a-c", "c-b"]);
  assert.equal(
    quickestWay(roads, "a", "d", () => 30),
    undefined,
  );
});

test("roads - both rush hours are busier than noon, and the night is empty", () => {
  assert.ok(rushAt(8.3) > 0.9 && rushAt(17.2) > 0.9);
  assert.ok(rushAt(12.5) < 0.5 && rushAt(3) < 0.05);
});

test("roads - incidents come at their rate and pass", () => {
  const random = seededRandom(4);
  let incidents: ReturnType<typeof stepIncidents> = new Map();
  let began = 0;
  for (let s = 0; s < 100 * 3600; s += 10) {
    const next = stepIncidents(incidents, roads, 10, 2, random);
    for (const [id, one] of next) {
      if (one.secondsLeft > (incidents.get(id)?.secondsLeft ?? 0)) began++;
    }
    incidents = next;
  }
  assert.ok(began > 150 && began < 250, `${began} incidents in 100 h at 2/h`);
  assert.ok(incidents.size <= 6);
});

test("roads - a segment that ends nowhere is refused", () => {
  const broken = { ...spec, segments: [{ from: "a", to: "z", freeKmh: 30, peakLoss: 0 }] };
  assert.throws(() => buildRoads(broken), /a-z/);
});
