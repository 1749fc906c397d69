import assert from "node:assert/strict";
import { test } from "node:test";
import { indexOf, nowCast, type Particles } from "./aqi.ts";

/** Appendix G, table 2, as it is printed: concentrations and what the index is at both ends. */
const printed: readonly (readonly [Particles, string])[] = [
  ["pm25", "0.0–9.0 9.1–35.4 35.5–55.4 55.5–125.4 125.5–225.4 225.5–325.4"],
  ["pm10", "0–54 55–154 155–254 255–354 355–424 425–604"],
];
const ends = "0–50 51–100 101–150 151–200 201–300 301–500".split(" ");

for (const [particles, rows] of printed) {
  test(`aqi - ${particles} has the index of the table at both ends of every row`, () => {
    for (const [at, row] of rows.split(" ").entries()) {
      const indices = row.split("–").map((end) => indexOf(particles, Number(end)).index);
      assert.equal(indices.join("–"), ends[at], row);
    }
  });
}

test("aqi - concentrations are cut, not rounded, and beyond the table its last line goes on", () => {
  assert.deepEqual(indexOf("pm25", 9.09), { index: 50, category: "Good" });
  assert.deepEqual(indexOf("pm10", 154.99), { index: 100, category: "Moderate" });
  // the document's own example of equation 1: 35.9 µg/m³
  assert.equal(indexOf("pm25", 35.9).index, 102);
  assert.deepEqual(indexOf("pm25", 425.3), { index: 699, category: "Hazardous" });
});

test("aqi - the NowCast weighs what is recent more, the more it changes", () => {
  const published = [13, 16, 10, 21, 74, 64, 53, 82, 90, 75, 80, 50];
  assert.equal(nowCast(published)?.toFixed(1), "17.4");
  assert.equal(nowCast(Array.from({ length: 12 }, () => 42)), 42);
  assert.equal(nowCast(Array.from({ length: 12 }, () => 0)), 0);
  // 3 hours, weight 0.75: (20 + 0.75 × 15 + 0.5625 × 15) / (1 + 0.75 + 0.5625)
  assert.equal(nowCast([20, 15, 15])?.toFixed(4), ((20 + 11.25 + 8.4375) / 2.3125).toFixed(4));
  // hours from the thirteenth on are not of it
  assert.equal(nowCast([...published, 9_000])?.toFixed(1), "17.4");
});

test("aqi - where two of the latest three hours are missing there is no NowCast", () => {
  assert.equal(nowCast([undefined, undefined, 5, 5, 5]), undefined);
  assert.equal(nowCast([7]), undefined);
  assert.equal(nowCast([]), undefined);
  // the missing hour has no weight: 1 and ¼ are left of 1, ½, ¼
  assert.equal(nowCast([4, undefined, 9])?.toFixed(4), ((4 + 9 / 4) / 1.25).toFixed(4));
});
