import assert from "node:assert/strict";
import { test } from "node:test";
import { flagOf } from "./reading-check.ts";

const flag = (reading: string, schema: Record<string, unknown>) =>
  flagOf(Buffer.from(reading), schema);

test("flagOf - one unit written in three ways is one, another is flagged", () => {
  const temperature = { type: "number", unit: "Cel" };
  assert.equal(flag('{"value":21,"unit":"CEL"}', temperature), undefined, "UN/CEFACT");
  assert.equal(flag('{"v":21,"u":"Cel"}', temperature), undefined, "SenML");
  assert.equal(flag('{"value":70,"unit":"FAH"}', temperature), "unit");
  assert.equal(flag('{"v":40,"u":"%RH"}', { type: "number", unit: "P1" }), undefined);
  assert.equal(flag('{"v":40,"u":"W.h"}', { type: "number", unit: "KWH" }), "unit");
});

test("flagOf - bounds hold within an object too, and an integer has no fraction", () => {
  const position = { type: "object", properties: { lat: { type: "number", maximum: 90 } } };
  assert.equal(flag('{"lat":90.1}', position), "bounds");
  assert.equal(flag('{"lat":90,"lon":500}', position), undefined);
  assert.equal(flag("1.5", { type: "integer" }), "type");
  assert.equal(flag("0", { type: "number", exclusiveMinimum: 0 }), "bounds");
});
