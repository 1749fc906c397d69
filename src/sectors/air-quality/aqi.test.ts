import assert from "node:assert/strict";
import { test } from "node:test";
import { indexOf, nowCast, ozoneIndex } from "./aqi.ts";

/** Appendix G, table 2, as it is printed: concentrations and what the index is at both ends. */
const printed = [
  ["pm25", 0, "0.0–9.0 9.1–35.4 35.5–55.4 55.5–125.4 125.5–225.4 225.5–325.4"],
  ["pm10", 0, "0–54 55–154 155–254 255–354 355–424 425–604"],
  ["o3EightHours", 0, "0.000–0.054 0.055–0.070 0.071–0.085 0.086–0.105 0.106–0.200"],
  ["o3Hour", 2, "0.125–0.164 0.165–0.204 0.205–0.404 0.405–0.604"],
] as const;
const ends = "0–50 51–100 101–150 151–200 201–300 301–500".split(" ");

for (const [table, first, rows] of printed) {
  test(`aqi - ${table} has the index of the table at both ends of every row`, () => {
    for (const [at, row] of rows.split(" ").entries()) {
      const indices = row.split("–").map((end) => indexOf(table, Number(end))?.index);
      assert.equal(indices.join("–"), ends[first + at], row);
    }
  });
}

test("aqi - concentrations are cut, not rounded, and beyond the table its last line goes on", () => {
  assert.deepEqual(indexOf("pm25", 9.09), { index: 50, category: "Good" });
  assert.deepEqual(indexOf("pm10", 154.99), { index: 100, category: "Moderate" });
  // the document's own example of equation 1: 35.9 µg/m³
  assert.equal(indexOf("pm25", 35.9)?.index, 102);
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

/** µg/m³ that are so many parts per million at 25 °C and one atmosphere: 1 ppm is 1,963.2 µg/m³. */
const ozone = (partsPerMillion: number): number => partsPerMillion * 1963.2;

test("aqi - ozone is the mean of eight hours, or the last hour where that is worse", () => {
  // the document's own example: 0.078 ppm over eight hours is 126
  const even = Array.from({ length: 8 }, () => ozone(0.07801));
  assert.deepEqual(
    [ozoneIndex(even)?.index, ozoneIndex(even)?.category],
    [126, "Unhealthy for Sensitive Groups"],
  );
  const peak = [ozone(0.16201), ...Array.from({ length: 7 }, () => ozone(0.03))];
  // by hand: 49/0.039 × (0.162 − 0.125) + 101 = 147.49; eight hours have 0.0465 ppm, an index of 43
  assert.equal(ozoneIndex(peak)?.index, 147);
  // 5 hours are no eight, and an hour below 0.125 ppm has no index of its own
  assert.equal(ozoneIndex(even.slice(0, 5)), undefined);
  assert.equal(ozoneIndex([undefined, undefined, ...even.slice(2)])?.index, 126);
  assert.equal(ozoneIndex([]), undefined);
});

test("aqi - beyond 0.200 ppm over eight hours the hour alone tells", () => {
  assert.equal(indexOf("o3EightHours", 0.201), undefined);
  const worse = Array.from({ length: 8 }, () => ozone(0.40401));
  assert.deepEqual(
    [ozoneIndex(worse)?.index, ozoneIndex(worse)?.category],
    [300, "Very Unhealthy"],
  );
});
