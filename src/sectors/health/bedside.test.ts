import assert from "node:assert/strict";
import { test } from "node:test";
import { readObservation } from "../../wire/fhir/observation.ts";
import { Bedside } from "./bedside.ts";

const minute = 60_000;
const day = 86_400_000;
const begin = Date.UTC(2026, 10, 23, 4);

function opened() {
  let passed = 0;
  const bedside = new Bedside({ now: () => begin + passed, monotonic: () => passed });
  return {
    bedside,
    pass: (ms: number) => (passed += ms),
    take: (value: number, at: number, status = "final") => {
      const read = readObservation({
        ...{ resourceType: "Observation", status, effectiveDateTime: new Date(at).toISOString() },
        code: { coding: [{ system: "http://loinc.org", code: "8867-4" }] },
        valueQuantity: { value, system: "http://unitsofmeasure.org", code: "/min" },
      });
      assert.ok(typeof read !== "string");
      return bedside.take(read.observation);
    },
    pulse: () => bedside.values().get("8867-4"),
  };
}

test("bedside - one clock gone wrong by more than a day is not believed, ahead or back", () => {
  for (const leap of [7 * day, -7 * day]) {
    const { take, pulse } = opened();
    assert.equal(take(70, begin), "taken");
    assert.equal(take(190, begin + leap), "clock");
    assert.equal(pulse(), 70);
    assert.equal(take(71, begin + minute), "taken");
    // another one alone, with a right one in between, is as wrong as the first
    assert.equal(take(190, begin + leap), "clock");
    assert.equal(pulse(), 71);
  }
});

test("bedside - two that agree are a clock that was set, and what was before says nothing more", () => {
  for (const leap of [7 * day, -7 * day]) {
    const { bedside, take, pulse } = opened();
    take(70, begin);
    assert.equal(take(80, begin + leap), "clock");
    assert.equal(take(81, begin + leap + minute), "taken");
    assert.equal(bedside.latestAt, begin + leap + minute);
    assert.equal(pulse(), 81);
    assert.equal(take(72, begin), "clock");
  }
});

test("bedside - what is late, withdrawn or no pulse changes nothing; silence ages", () => {
  const { take, pass, pulse } = opened();
  take(70, begin);
  assert.equal(take(60, begin - minute), "late");
  assert.equal(take(60, begin + minute, "entered-in-error"), "status");
  assert.equal(take(0, begin + minute), "value");
  assert.equal(pulse(), 70);
  pass(13 * minute);
  assert.equal(pulse(), 70);
  pass(2 * minute);
  assert.equal(pulse(), undefined);
});
