import assert from "node:assert/strict";
import { test } from "node:test";
import { containsOf, type GeoPolygon } from "./polygon.ts";

function polygon(...coordinates: [number, number][][]): GeoPolygon {
  return { type: "Polygon", coordinates };
}

const square: [number, number][] = [
  [4, 51],
  [5, 51],
  [5, 52],
  [4, 52],
  [4, 51],
];
const hole: [number, number][] = [
  [4.4, 51.4],
  [4.4, 51.6],
  [4.6, 51.6],
  [4.6, 51.4],
  [4.4, 51.4],
];

test("polygon - holds what is inside, not what is outside on any side", () => {
  const contains = containsOf(polygon(square));
  assert.equal(contains(4.5, 51.5), true);
  for (const [lon, lat] of [
    [3.999, 51.5],
    [5.001, 51.5],
    [4.5, 50.999],
    [4.5, 52.001],
  ] as const) {
    assert.equal(contains(lon, lat), false, `${lon} ${lat}`);
  }
});

test("polygon - edges and corners belong to it, also slanting ones", () => {
  const contains = containsOf(polygon(square));
  for (const [lon, lat] of square) assert.equal(contains(lon, lat), true);
  assert.equal(contains(4.5, 51), true);
  assert.equal(contains(5, 51.25), true);
  const triangle = containsOf(
    polygon([
      [0, 0],
      [3, 1],
      [0, 1],
      [0, 0],
    ]),
  );
  assert.equal(triangle(0.3, 0.1), true);
  assert.equal(triangle(0.3, 0.0999999), false);
});

test("polygon - a hole does not belong to it, its edge does", () => {
  const contains = containsOf(polygon(square, hole));
  assert.equal(contains(4.5, 51.5), false);
  assert.equal(contains(4.4, 51.5), true);
  assert.equal(contains(4.39, 51.5), true);
});

test("polygon - dents, corners on the ray and either direction of the ring are counted right", () => {
  const ring: [number, number][] = [
    [0, 0],
    [4, 0],
    [4, 4],
    [2, 2],
    [0, 4],
    [0, 0],
  ];
  for (const one of [ring, ring.toReversed()]) {
    const contains = containsOf(polygon(one));
    assert.equal(contains(2, 3), false, "in the dent");
    assert.equal(contains(0.5, 2), true, "level with the dent's bottom");
    assert.equal(contains(3.5, 2), true);
    assert.equal(contains(-1, 2), false);
  }
});

test("polygon - what is no number is nowhere", () => {
  assert.equal(containsOf(polygon(square))(Number.NaN, 51.5), false);
  assert.equal(containsOf(polygon())(0, 0), false);
});
