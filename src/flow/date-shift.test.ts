import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { dayShiftsOf, shiftedDate } from "./date-shift.ts";

const secret = Buffer.alloc(32, 7);
const text = (value: string, days: number): string | undefined => {
  const shifted = shiftedDate(JSON.stringify(value), "string", days);
  return shifted && (JSON.parse(shifted) as string);
};

test("date shift - days are drawn by HMAC-SHA-256 under a key of the agreement's own", () => {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "comity date shifts urn:a", 32));
  const drawn = createHmac("sha256", key).update("Patient/7").digest().readUIntBE(0, 6) % 730;
  const expected = drawn < 365 ? drawn - 365 : drawn - 364;
  assert.equal(dayShiftsOf(secret, "urn:a")("Patient/7", 365), expected);
});

test("date shift - every number of days is drawn but none, each as often as another", () => {
  const drawn = new Map<number, number>();
  const shift = dayShiftsOf(secret, "urn:a");
  for (let i = 0; i < 12_000; i++) {
    const days = shift(`Patient/${i}`, 3);
    drawn.set(days, (drawn.get(days) ?? 0) + 1);
  }
  assert.deepEqual(
    [...drawn.keys()].toSorted((a, b) => a - b),
    [-3, -2, -1, 1, 2, 3],
  );
  // 2,000 each; five standard deviations of a binomial are 204
  for (const [days, count] of drawn) assert.ok(Math.abs(count - 2000) < 204, `${days}: ${count}`);
  const other = dayShiftsOf(secret, "urn:b");
  const same = Array.from({ length: 1000 }, (_, i) => String(i)).filter(
    (subject) => shift(subject, 365) === other(subject, 365),
  );
  assert.ok(same.length < 15, `${same.length} of 1,000 moved alike under two agreements`);
});

test("date shift - a text keeps its form, its time of day and its zone", () => {
  const moved: readonly (readonly [string, number, string])[] = [
    ["2024-02-28", 1, "2024-02-29"],
    ["2024-02-28", 2, "2024-03-01"],
    ["2023-12-31T23:59:60Z", 1, "2024-01-01T23:59:60Z"],
    ["2024-03-31T02:30:00.123456+01:00", -31, "2024-02-29T02:30:00.123456+01:00"],
    ["2024-03-01t10:00z", -1, "2024-02-29t10:00z"],
    ["2024-03-01 10:00:00", 365, "2025-03-01 10:00:00"],
    ["2024-03", 10, "2024-03"],
    ["2024-03", 17, "2024-04"],
    ["2024", -200, "2023"],
    ["2024", 100, "2024"],
    ["0001-01-02", -1, "0001-01-01"],
    ["2704-05-04T11:23:18.529Z", 1, "2704-05-05T11:23:18.529Z"],
    ["2016-11-30T07:00:00Z/2016-12-01T07:00:00Z", 1, "2016-12-01T07:00:00Z/2016-12-02T07:00:00Z"],
  ];
  for (const [before, days, after] of moved) assert.equal(text(before, days), after, before);
});

test("date shift - numbers keep their unit and their digits", () => {
  const number = (value: string, days: number) => shiftedDate(value, "number", days);
  assert.equal(number("1700000000", 1), "1700086400");
  assert.equal(number("1700000000.1230", -1), "1699913600.1230");
  assert.equal(number("1700000000123", 1), "1700086400123");
  assert.equal(number("1700000000123456", 1), "1700086400123456");
  assert.equal(number("1700000000123456789", 1), "1700086400123456789");
});

test("date shift - what is no date that can be told is none", () => {
  const none = [
    ...["2023-02-29", "2024-13-01", "2024-00-10", "0000-01-01", "9999-12-31", "24-01-01"],
    ...["10:00:00", "1700000000", "2024-01-01T25:00Z", "2024-01-01T", "2024-01-01T10:00:00+1"],
    ...["", "yesterday", "2024-W01", "20240101", "2024-01-01/P1D", "2024/2025/2026", " 2024"],
  ];
  for (const value of none) assert.equal(text(value, 1), undefined, value);
  for (const value of ["7", "-1700000000", "1.7e9", "99999999", "1e400", "99999999999"]) {
    assert.equal(shiftedDate(value, "number", 1), undefined, value);
  }
  assert.equal(shiftedDate("true", "boolean", 1), undefined);
  assert.equal(shiftedDate('{"start":"2024"}', "object", 1), undefined);
});

test("date shift - what lies between two dates stays, and the way back leads back", () => {
  const at = fc.date({
    min: new Date("0200-01-01"),
    max: new Date("9800-01-01"),
    noInvalidDate: true,
  });
  const days = fc.integer({ min: -36_525, max: 36_525 });
  fc.assert(
    fc.property(at, at, days, (a, b, moved) => {
      const [first, second] = [a, b].map((one) => text(one.toISOString(), moved)!);
      assert.equal(Date.parse(second!) - Date.parse(first!), b.getTime() - a.getTime());
      assert.equal(text(first!, -moved), a.toISOString());
    }),
    { numRuns: 500 },
  );
});
