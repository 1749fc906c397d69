import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describeSeconds,
  isoDuration,
  secondsOf,
  secondsOfIso,
  shortDuration,
} from "./duration.ts";

test("duration - every way of writing it is read back", () => {
  for (const seconds of [1, 59, 60, 61, 3_600, 5_400, 86_400, 90_061, 2_592_000, 3_155_760_000]) {
    assert.equal(secondsOfIso(isoDuration(seconds)), seconds);
    assert.equal(secondsOf(shortDuration(seconds)), seconds);
  }
});

test("duration - an xsd:duration in any of its parts is read, months and fractions are not", () => {
  assert.equal(secondsOfIso("P1DT2H3M4S"), 93_784);
  assert.equal(secondsOfIso("PT90M"), 5_400);
  for (const text of ["P1M", "P1Y", "PT1.5S", "P", "PT", "P1DT", "1D", "-P1D", "P1D "]) {
    assert.equal(secondsOfIso(text), undefined, text);
  }
  for (const text of ["", "d", "1.5h", "-1s", "1w", "1 d"])
    assert.equal(secondsOf(text), undefined);
});

test("duration - is told in words", () => {
  assert.equal(describeSeconds(1), "1 second");
  assert.equal(describeSeconds(2_592_000), "30 days");
  assert.equal(describeSeconds(5_400), "1 hour and 30 minutes");
  assert.equal(describeSeconds(93_784), "1 day, 2 hours, 3 minutes and 4 seconds");
  assert.equal(describeSeconds(86_400_000), "1,000 days");
});
