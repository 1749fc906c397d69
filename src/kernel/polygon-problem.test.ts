import assert from "node:assert/strict";
import { test } from "node:test";
import { polygonProblem } from "./polygon-problem.ts";

const box = (west: number, south: number, east: number, north: number) => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
];
const polygon = (...coordinates: unknown[]) => ({ type: "Polygon", coordinates });

test("polygon - a ring, one with holes, and the whole Earth are taken", () => {
  for (const good of [
    polygon(box(4, 51, 5, 52)),
    polygon(box(4, 51, 5, 52), box(4.2, 51.2, 4.4, 51.4), box(4.6, 51.6, 4.8, 51.8)),
    polygon(box(-90, -90, 90, 90)),
    polygon([
      [0, 0],
      [2, 1],
      [4, 0],
      [2, 4],
      [0, 0],
    ]),
    polygon([
      [0, 0],
      [1, 0],
      [2, 0],
      [2, 2],
      [0, 0],
    ]), // a point on a straight border
  ]) {
    assert.equal(polygonProblem(good), undefined);
  }
});

for (const [problem, bad] of [
  ["no GeoJSON", null],
  ["no GeoJSON", [1, 2]],
  ["no GeoJSON", { type: "MultiPolygon", coordinates: [[box(0, 0, 1, 1)]] }],
  ["member", { ...polygon(box(0, 0, 1, 1)), crs: "EPSG:28992" }],
  ["no rings", polygon()],
  ["no rings", { type: "Polygon" }],
  ["no list", polygon("box")],
  [
    "fewer than 4",
    polygon([
      [0, 0],
      [1, 1],
      [0, 0],
    ]),
  ],
  ["not end where it began", polygon(box(0, 0, 1, 1).slice(0, 4))],
  [
    "number 2",
    polygon([
      [0, 0],
      [Number.NaN, 1],
      [1, 1],
      [0, 0],
    ]),
  ],
  [
    "number 3",
    polygon([
      [0, 0],
      [1, 0],
      [1, Infinity],
      [0, 0],
    ]),
  ],
  [
    "number 1",
    polygon([
      [0, 0, 5],
      [1, 0, 5],
      [1, 1, 5],
      [0, 0, 5],
    ]),
  ],
  [
    "number 1",
    polygon([
      ["0", "0"],
      [1, 0],
      [1, 1],
      ["0", "0"],
    ]),
  ],
  [
    "number 2",
    polygon([
      [0, 0],
      [181, 0],
      [1, 1],
      [0, 0],
    ]),
  ],
  [
    "number 2",
    polygon([
      [0, 0],
      [2 ** 60, 0],
      [1, 1],
      [0, 0],
    ]),
  ],
  [
    "twice in a row",
    polygon([
      [0, 0],
      [1, 0],
      [1, 0],
      [1, 1],
      [0, 0],
    ]),
  ],
  [
    "antimeridian",
    polygon([
      [170, 0],
      [-170, 0],
      [-170, 9],
      [170, 9],
      [170, 0],
    ]),
  ],
  [
    "crosses",
    polygon([
      [0, 0],
      [2, 2],
      [2, 0],
      [0, 2],
      [0, 0],
    ]),
  ],
  [
    "touches",
    polygon([
      [0, 0],
      [4, 0],
      [4, 4],
      [2, 0],
      [0, 4],
      [0, 0],
    ]),
  ],
  [
    "runs back",
    polygon([
      [0, 0],
      [4, 0],
      [2, 0],
      [2, 4],
      [0, 0],
    ]),
  ],
  [
    "runs back",
    polygon([
      [0, 0],
      [4, 4],
      [8, 8],
      [4, 4],
      [0, 0],
    ]),
  ],
  ["crosses", polygon(box(0, 0, 4, 4), box(3, 3, 5, 5))],
  ["touches", polygon(box(0, 0, 4, 4), box(0, 1, 2, 2))],
] as const) {
  test(`polygon - is refused: ${problem} ${(JSON.stringify(bad) ?? "").slice(0, 60)}`, () => {
    assert.match(polygonProblem(bad) ?? "none", new RegExp(problem));
  });
}

test("polygon - the largest and worst that is taken is checked within a moment", () => {
  // teeth that all share their longitudes, so that every edge is compared with every other
  const teeth = Array.from({ length: 998 }, (_, i) => [i % 2, i / 100 - 4]);
  const comb = polygon([...teeth, [3, -6], teeth[0]]);
  const begun = performance.now();
  assert.equal(polygonProblem(comb), undefined);
  assert.ok(performance.now() - begun < 500);
  const more = polygon([...teeth, [3, -5], [3, -6], teeth[0]]);
  assert.match(polygonProblem(more) ?? "none", /more than 1000 points/);
});

test("polygon - a hole is inside the outer ring and in no other hole", () => {
  const outer = box(0, 0, 9, 9);
  const hole = box(2, 2, 5, 5);
  assert.equal(polygonProblem(polygon(outer, hole, box(6, 6, 7, 7))), undefined);
  assert.match(polygonProblem(polygon(outer, box(10, 2, 12, 5))) ?? "", /outside .* ring 2/);
  assert.match(polygonProblem(polygon(hole, outer)) ?? "", /outside .* ring 2/);
  for (const holes of [
    [hole, box(3, 3, 4, 4)],
    [box(3, 3, 4, 4), hole],
  ]) {
    assert.match(polygonProblem(polygon(outer, ...holes)) ?? "", /inside another hole/);
  }
});
