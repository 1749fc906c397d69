import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { roundingTo } from "./rounding.ts";

test("rounding - to decimal steps without the noise of doubles", () => {
  for (const [step, value, expected] of [
    [0.1, "0.30000000000000004", "0.3"],
    [0.1, "0.3", "0.3"],
    [0.01, "51.923456", "51.92"],
    [0.01, "0.285", "0.29"],
    [0.25, "1.374", "1.25"],
    [0.25, "1.375", "1.5"],
    [5, "12.5", "15"],
    [5, "12.4999", "10"],
    [1e-7, "0.00000014", "0.0000001"],
    [100, "1.2345e3", "1200"],
    [1, "12345678901234567890", "12345678901234567890"],
    [0.1, "1e-9", "0"],
    [1000, "1e21", "1000000000000000000000"],
  ] as const) {
    assert.equal(roundingTo(step)(value), expected, `${value} to ${step}`);
  }
});

test("rounding - halves go away from zero, and a zero has no sign that would tell", () => {
  const round = roundingTo(0.1);
  assert.equal(round("-0.05"), "-0.1");
  assert.equal(round("0.05"), "0.1");
  assert.equal(round("-0.049"), "0");
  assert.equal(round("-0"), "0");
});

test("rounding - a number longer than any sensor's is not worked on, nor is a step that is none", () => {
  const round = roundingTo(0.1);
  assert.equal(round("1e401"), undefined);
  assert.equal(round("1e-401"), undefined);
  assert.equal(round(`1e${"9".repeat(50)}`), undefined);
  assert.equal(round("1".repeat(401)), undefined);
  for (const step of [0, -1, Number.NaN, Infinity])
    assert.throws(() => roundingTo(step), RangeError);
});

test("rounding - is a multiple of the step, at most half a step away", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 1, max: 999 }),
      fc.integer({ min: 0, max: 4 }),
      (digits, scale, stepDigits, stepScale) => {
        const step = Number(`${stepDigits}e-${stepScale}`);
        const text = roundingTo(step)(`${digits}e-${scale}`);
        // In units of 1e-9, where both are whole.
        const unit = BigInt(stepDigits) * 10n ** BigInt(9 - stepScale);
        const value = BigInt(digits) * 10n ** BigInt(9 - scale);
        const [whole = "", fraction = ""] = (text ?? "").replace("-", "").split(".");
        const size = BigInt(whole + fraction.padEnd(9, "0"));
        const rounded = text?.startsWith("-") === true ? -size : size;
        assert.equal(rounded % unit, 0n);
        const distance = rounded > value ? rounded - value : value - rounded;
        assert.ok(2n * distance <= unit);
      },
    ),
  );
});
