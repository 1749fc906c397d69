import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { forecastOf, type SpentBy } from "./forecast.ts";

const dayMs = 86_400_000;
const noon = Date.UTC(2026, 10, 20, 12);
const ends = Date.UTC(2026, 11, 1);

/** Sums by days up to noon of the 20th, from what each day cost. */
function sums(...days: readonly number[]): SpentBy[] {
  let micro = 0n;
  const from = noon - days.length * dayMs;
  const rest = days.map((cost, i) => ({
    at: from + (i + 1) * dayMs,
    micro: (micro += BigInt(cost)),
  }));
  return [{ at: from, micro: 0n }, ...rest];
}

test("forecast - what is left of the month goes on as the last days did", () => {
  // Ten and a half days are left.
  assert.deepEqual(forecastOf(500n, sums(10, 10, 10, 10, 10, 10, 10), { now: noon, ends }), {
    expected: 605n,
    least: 605n,
    most: 605n,
  });
  const uneven = forecastOf(500n, sums(0, 0, 30, 10, 10, 20, 0), { now: noon, ends });
  assert.deepEqual(uneven, { expected: 605n, least: 500n, most: 815n });
});

test("forecast - a node that has seen half a day goes by that, and one that has seen nothing by nothing", () => {
  const half = [
    { at: noon - dayMs / 2, micro: 0n },
    { at: noon, micro: 50n },
  ];
  assert.equal(forecastOf(50n, half, { now: noon, ends }).expected, 1100n);
  assert.deepEqual(forecastOf(7n, [], { now: noon, ends }), { expected: 7n, least: 7n, most: 7n });
});

test("forecast - never below what is spent, exact when the month ends, and its range holds it", () => {
  const days = fc.array(fc.nat({ max: 2 ** 40 }), { minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(days, fc.bigInt({ min: 0n, max: 2n ** 63n }), (costs, spent) => {
      const recent = sums(...costs);
      const { expected, least, most } = forecastOf(spent, recent, { now: noon, ends });
      assert.ok(spent <= least && least <= expected && expected <= most);
      const over = forecastOf(spent, recent, { now: ends, ends });
      assert.deepEqual(over, { expected: spent, least: spent, most: spent });
      const later = forecastOf(spent, recent, { now: noon + dayMs, ends });
      assert.ok(later.expected <= expected, "less is left of the month, and as much is spent");
    }),
  );
});
