import assert from "node:assert/strict";
import { test } from "node:test";
import { unitOf } from "../../wire/units/codes.ts";
import { ucumUnit } from "../../wire/units/unit.ts";
import { kindOf, measureIn, titlesIn } from "./quantity-kinds.ts";

test("quantity kinds - a property's kind is read from whatever vocabulary says it", () => {
  const said: readonly [Record<string, unknown>, string][] = [
    [{ "@type": "saref:Temperature" }, "temperature"],
    [{ "@type": ["iot:Nothing", "iot:RelativeHumidityData"] }, "relative humidity"],
    [{ "qudt:hasQuantityKind": "quantitykind:ElectricPotential" }, "voltage"],
    [{ "qudt:hasQuantityKind": { "@id": "http://qudt.org/vocab/quantitykind/PH" } }, "pH"],
    [{ "sosa:observes": { "@id": "ex:air#PM2.5" } }, "concentration"],
    [{ "saref:relatesToProperty": ["saref:Power"] }, "power"],
    [{ unit: "%RH" }, "relative humidity"],
    [{ unit: "lat" }, "latitude"],
  ];
  for (const [schema, title] of said) assert.equal(kindOf(schema)?.title, title);
  const unsaid = [{}, { "@type": "iot:SomeKindOfAngle" }, { "@type": 3 }, { unit: "%" }];
  for (const schema of [...unsaid, { "@type": "constructor" }, { unit: "toString" }]) {
    assert.equal(kindOf(schema), undefined, JSON.stringify(schema));
  }
});

test("quantity kinds - each is told in units of UCUM, and in one of a dimension alone", () => {
  const codes = ["CEL", "P1", "kWh", "unit:M-PER-SEC", "°", "dB", "V.A", "mol/L", "[NTU]", "RPM"];
  for (const code of codes) assert.ok(titlesIn(unitOf(code)!.unit).length > 0, code);
  assert.deepEqual(titlesIn(ucumUnit("K")!), ["temperature"]);
  for (const type of ["Concentration", "Weight", "RotationalSpeed", "Noise", "Precipitation"]) {
    const { measures } = kindOf({ "@type": `x:${type}` }) ?? assert.fail(type);
    const dimensions = measures.map(({ unit }) => ucumUnit(unit)?.dimension ?? assert.fail(unit));
    assert.equal(new Set(dimensions).size, measures.length);
  }
  const kind = kindOf({ "@type": "saref:Humidity" }) ?? assert.fail();
  assert.equal(measureIn(kind, ucumUnit("mg/L")!)?.unit, "g/m3");
  assert.equal(measureIn(kind, ucumUnit("Cel")!), undefined);
});
