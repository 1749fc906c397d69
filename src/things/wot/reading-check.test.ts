import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { objectAt } from "../../kernel/json-object.ts";
import { convert, ucumUnit } from "../../wire/units/unit.ts";
import { readingCheck } from "./reading-check.ts";

const flag = (reading: string, schema: Record<string, unknown>) =>
  readingCheck(schema)(Buffer.from(reading))?.flag;

test("readings - one unit written in four ways is one", () => {
  const temperature = { type: "number", unit: "Cel" };
  assert.equal(flag('{"value":21,"unit":"CEL"}', temperature), undefined, "UN/CEFACT");
  assert.equal(flag('{"value":21,"unitCode":"CEL"}', temperature), undefined, "NGSI-LD");
  assert.equal(flag('{"v":21,"u":"Cel"}', temperature), undefined, "SenML");
  assert.equal(flag('{"value":21,"unit":"°C"}', temperature), undefined, "a person");
  assert.equal(flag('{"v":40,"u":"%RH"}', { type: "number", unit: "P1" }), undefined);
});

test("readings - the member beside a value tells whose list its unit is of", () => {
  const stored = { type: "number", unit: "By" };
  assert.equal(flag('{"v":1,"u":"B"}', stored), undefined, "SenML's byte");
  assert.equal(flag('{"value":1,"unitCode":"GJ"}', { type: "number", unit: "g/mL" }), undefined);
  assert.equal(flag('{"value":1,"unit":"GJ"}', { type: "number", unit: "g/mL" }), "dimension");
});

test("readings - another unit of the dimension is flagged, and bounds hold for what it means", () => {
  const room = { type: "number", unit: "Cel", minimum: 0, maximum: 40 };
  assert.equal(flag('{"value":70,"unit":"FAH"}', room), "unit", "21.1 °C");
  assert.equal(flag('{"value":20,"unit":"FAH"}', room), "bounds", "-6.7 °C");
  assert.equal(
    flag('{"value":-500,"unit":"FAH"}', { ...room, "@type": "saref:Temperature" }),
    "physical",
  );
  assert.equal(flag('{"value":21,"unit":"kPa"}', room), "dimension");
  assert.equal(flag('{"v":40,"u":"W.h"}', { type: "number", unit: "KWH" }), "unit");
  assert.equal(flag('{"value":90,"unit":"min"}', { type: "integer", unit: "h" }), "unit", "1.5 h");
});

test("readings - a unit that nobody knows is compared as it is written", () => {
  const odd = { type: "number", unit: "complicatedTemperatureUnit" };
  assert.equal(flag('{"value":1,"unit":"complicatedTemperatureUnit"}', odd), undefined);
  assert.equal(flag('{"value":1,"unit":"Cel"}', odd), "unit");
  assert.equal(flag('{"value":1,"unit":"furlongs"}', { type: "number", unit: "m" }), "unit");
  assert.equal(
    flag('{"value":99,"unit":"furlongs"}', { type: "number", unit: "m", maximum: 9 }),
    "bounds",
  );
});

test("readings - what cannot be is flagged in whatever unit it is told", () => {
  const cases: readonly [string, string, number, number][] = [
    ["saref:Temperature", "Cel", -273.15, -273.16],
    ["iot:TemperatureData", "[degF]", -459.67, -459.68],
    ["http://qudt.org/vocab/quantitykind/ThermodynamicTemperature", "mK", 0, -1],
    ["quantitykind:RelativeHumidity", "1", 1, 1.01],
    ["saref:Humidity", "%", 100, 100.1],
    ["iot:HeartRate", "Hz", 6.6, 6.7],
    ["qudt:Latitude", "deg", -90, -90.1],
    ["geo:Longitude", "rad", 3.14, 3.15],
    ["om:Speed", "km/h", 1.07e9, 1.08e9],
    ["sosa:PM2.5", "ug/m3", 0, -1],
    ["iot:CO2", "[ppm]", 1e6, 1.1e6],
    ["s4ener:PowerFactor", "%", -100, -101],
  ];
  for (const [type, unit, within, beyond] of cases) {
    const schema = { type: "number", "@type": ["iot:Something", type], unit };
    assert.equal(flag(String(within), schema), undefined, `${type} ${within} ${unit}`);
    assert.equal(flag(String(beyond), schema), "physical", `${type} ${beyond} ${unit}`);
  }
  const byKind = { type: "number", "qudt:hasQuantityKind": { "@id": "quantitykind:Temperature" } };
  assert.equal(flag('{"value":-1,"unit":"K"}', byKind), "physical", "the unit is the reading's");
  assert.equal(flag('{"value":1,"unit":"Pa"}', byKind), "dimension");
  assert.equal(flag("-1", { type: "number", unit: "pH" }), undefined);
  assert.equal(
    flag("-3", { type: "number", unit: "pH" }),
    "physical",
    "SenML's unit says what it is",
  );
  assert.equal(
    flag("-300", { type: "number", unit: "K" }),
    undefined,
    "a difference, for all we know",
  );
});

test("readings - no finite number is none that was measured, and NaN is no JSON", () => {
  assert.equal(flag("1e400", { type: "number" }), "physical");
  assert.equal(flag("-1e400", { type: "integer" }), "physical");
  assert.equal(flag("NaN", { type: "number" }), "unreadable");
  assert.equal(flag("Infinity", { type: "number", unit: "Cel" }), "unreadable");
  assert.equal(flag('{"value":1e308,"unit":"km"}', { type: "number", unit: "mm" }), "physical");
});

test("readings - in an object the member that is odd is named", () => {
  const wind = { type: "object", properties: { speed: { type: "number", minimum: 0 } } };
  const check = readingCheck({ type: "object", properties: { at: { type: "string" }, wind } });
  const odd = (reading: unknown) => check(Buffer.from(JSON.stringify(reading)));
  assert.deepEqual(odd({ at: 3 }), { flag: "type", member: "at" });
  assert.deepEqual(odd({ wind: { speed: -1 } }), { flag: "bounds", member: "wind.speed" });
  assert.deepEqual(odd({ wind: 3 }), { flag: "type", member: "wind" });
  assert.deepEqual(odd([]), { flag: "type", member: "" });
  assert.equal(odd({ wind: { speed: 1 }, at: "noon" }), undefined);
});

test("readings - bounds hold within an object too, and an integer has no fraction", () => {
  const position = { type: "object", properties: { lat: { type: "number", maximum: 90 } } };
  assert.equal(flag('{"lat":90.1}', position), "bounds");
  assert.equal(flag('{"lat":90,"lon":500}', position), undefined);
  assert.equal(flag("[]", position), "type");
  assert.equal(flag("1.5", { type: "integer" }), "type");
  assert.equal(flag("0", { type: "number", exclusiveMinimum: 0 }), "bounds");
});

test("readings - bounds decide alike in every unit of a dimension", () => {
  const unit = fc.constantFrom("Cel", "[degF]", "K", "[degR]", "mK");
  const celsius = ucumUnit("Cel") ?? assert.fail();
  fc.assert(
    fc.property(unit, fc.integer({ min: -500, max: 500 }), (code, degrees) => {
      const value = convert(degrees, celsius, ucumUnit(code) ?? assert.fail());
      const schema = { type: "number", "@type": "saref:Temperature", unit: "Cel", maximum: 99.5 };
      const reading = JSON.stringify({ value, unit: code });
      const expected = degrees < -273.15 ? "physical" : degrees > 99.5 ? "bounds" : undefined;
      assert.equal(flag(reading, schema), expected ?? (code === "Cel" ? undefined : "unit"));
    }),
  );
});

test("readings - whatever a Description and a device say, a check ends with a flag or none", () => {
  const member = fc.constantFrom(
    ...["type", "unit", "@type", "minimum", "exclusiveMaximum", "properties", "value", "v"],
    ...["u", "unitCode", "qudt:hasQuantityKind", "@id", "__proto__", "constructor"],
  );
  const text = fc.constantFrom(
    ...["number", "integer", "object", "Cel", "FAH", "GB", "saref:Temperature", "°", "{}", "["],
  );
  const json = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(text, fc.string(), fc.double(), fc.constant(null), fc.boolean()),
      fc.array(tie("any"), { maxLength: 3 }),
      tie("object"),
    ),
    object: fc.dictionary(fc.oneof(member, fc.string()), tie("any"), { maxKeys: 6 }),
  }));
  const flags = ["unreadable", "type", "dimension", "physical", "bounds", "unit", undefined];
  fc.assert(
    fc.property(json.object, json.any, (schema, reading) => {
      const found = flag(JSON.stringify(reading), objectAt(schema));
      assert.ok(flags.includes(found));
    }),
    { numRuns: 500 },
  );
});
