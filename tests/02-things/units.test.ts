import assert from "node:assert/strict";
import { test } from "node:test";
import { objectAt } from "../../src/kernel/json-object.ts";
import { sectors } from "../../src/sectors/list.ts";
import { measureWarnings } from "../../src/things/wot/measure-warnings.ts";
import { tableOf } from "../../src/wire/units/code-table.ts";
import { unitOf } from "../../src/wire/units/codes.ts";
import { unitByQudtName } from "../../src/wire/units/names.ts";
import { rec20 } from "../../src/wire/units/rec20.ts";
import { senml } from "../../src/wire/units/senml.ts";
import { convert, ucumUnit } from "../../src/wire/units/unit.ts";
import { rec20Factors } from "./rec20-factors.ts";
import { examplesIn, examplesMissing } from "./wot-examples.ts";

function codeOf(text: string): string | undefined {
  return unitOf(text)?.unit.code;
}

/** Where Recommendation 20 is misprinted, or rests on another definition than UCUM. */
const departures: Readonly<Record<string, string>> = {
  "2N": "holds for amplitudes alone; a decibel of power is half of it",
  HN: "its mercury is denser by 3 millionths than UCUM's",
  J89: "its mercury is denser by 3 millionths than UCUM's",
  F79: "its mercury is denser by 3 millionths than UCUM's",
  N72: "the Btu at 59 °F, rounded by another 4 millionths",
  "2X": "0,016 666 is cut, not rounded",
  P74: "0,016 666 is cut, not rounded",
  H85: "1,648 for 1,653 10⁻⁶",
  H49: "10⁻⁶ for 10⁻⁵",
  H67: "10⁻⁷ for 10⁻⁶",
  P71: "10⁻⁷ for 10⁻⁶",
  P72: "10⁻¹⁰ for 10⁻⁹",
  P73: "10⁻¹³ for 10⁻¹²",
  H66: "multiplied by the year where it is divided",
  H76: "10 for 1",
  J32: "10⁻⁶ for 10⁻⁷",
  APZ: "10⁻³ for 10⁻²",
  L21: "10⁹ for 10⁻⁹",
  M22: "is of the hour, not of the minute",
  N55: "the thermochemical Btu's figure",
  A38: "no brackets about A × s",
  L89: "no brackets about s × K",
  M45: "s for s²",
  C94: "s for s⁻¹",
};

test("units - every code of Recommendation 20 is what its factor to the SI says", () => {
  const factors = rec20Factors.trim().split(/;\s+/);
  const codes = tableOf(rec20);
  assert.equal(codes.size, 1410);
  assert.equal(factors.length, 1312, "the others have none: bytes, levels, the pH");
  const wrong = factors.flatMap((entry) => {
    const [code = "", told = "", unit = ""] = entry.split(" ");
    const [from, si] = [ucumUnit(codes.get(code) ?? ""), ucumUnit(unit)];
    assert.ok(from && si, entry);
    if (from === si && told === "1") return [];
    const factor =
      from.dimension === si.dimension ? si.fromBase(from.toBase(1) - from.toBase(0)) : 0;
    const decimals = /\.(\d+)/.exec(told)?.[1]?.length ?? 0;
    const lastDigit = 10 ** -decimals / Number(/^[\d.]+/.exec(told)?.[0]);
    // to a millionth, or to what was printed of it
    const tolerance = Math.max(1e-6, decimals === 0 ? 0 : 0.51 * lastDigit);
    return Math.abs(factor / Number(told) - 1) <= tolerance ? [] : [code];
  });
  assert.deepEqual(wrong, Object.keys(departures).toSorted());
});

test("units - every unit of every list and of every sector is one of UCUM", () => {
  for (const [code, unit] of [...tableOf(rec20), ...tableOf(senml)]) {
    assert.ok(ucumUnit(unit), `${code}: ${unit}`);
  }
  const used = Object.values(sectors).flatMap(({ vocabulary, template, indicators }) => [
    ...(template.product.units ?? []),
    ...Object.values(indicators).map(({ unit }) => unit),
    ...Object.values(vocabulary.messages).flatMap(({ members }) =>
      Object.values(members).flatMap(({ unit }) => unit ?? []),
    ),
  ]);
  assert.ok(used.length > 50);
  for (const unit of used) assert.ok(ucumUnit(unit), unit);
});

test("units - what devices, vocabularies and people write is UCUM inside", () => {
  const meant: Readonly<Record<string, string>> = {
    ...{ CEL: "Cel", "°C": "Cel", "unit:DEG_C": "Cel", "om:degree_Celsius": "Cel", Celsius: "Cel" },
    ...{ "http://qudt.org/vocab/unit/KiloW-HR": "kW.h", KWH: "kW.h", kWh: "kW.h", "kW.h": "kW.h" },
    ...{ "%RH": "%", P1: "%", percent: "%", "unit:PERCENT": "%", "59": "[ppm]", "µg/m³": "ug/m3" },
    ...{ "m^2": "m2", "W/m²": "W/m2", N·m: "N.m", mmHg: "mm[Hg]", rpm: "/min", "ucum:m/s": "m/s" },
    "http://www.ontology-of-units-of-measure.org/resource/om-2/degreeCelsius": "Cel",
  };
  for (const [text, unit] of Object.entries(meant)) assert.equal(codeOf(text), unit, text);
  for (const text of ["complicatedTemperatureUnit", "Celcius", "", "10 s", "constructor"]) {
    assert.equal(unitOf(text), undefined, text);
  }
});

test("units - a code of two lists is read by the one that is said, and by rule where none is", () => {
  assert.equal(codeOf("GJ"), "GJ", "UCUM before UN/CEFACT's gram per millilitre");
  assert.equal(unitOf("GJ", "rec20")?.unit.code, "g/mL");
  assert.equal(codeOf("C45"), "nm", "a bare power is UN/CEFACT's");
  assert.equal(unitOf("C45", "ucum")?.unit.code, "C45");
  assert.equal(codeOf("GB"), "GBy", "bytes are SenML's");
  assert.equal(unitOf("GB", "ucum")?.unit.code, "GB");
  assert.equal(unitOf("GB", "rec20")?.unit.code, "[gal_us]/d");
  assert.equal(
    unitOf("kWh", "ucum")?.unit.code,
    "kW.h",
    "what the list said has not is looked for",
  );
});

test("units - dBm is a level of the milliwatt, which UCUM has none of", () => {
  const [dBm, watt] = [unitOf("dBm"), unitOf("W")];
  assert.ok(dBm && watt);
  assert.equal(convert(30, dBm.unit, watt.unit), 1);
  assert.equal(convert(1e-3, watt.unit, dBm.unit), 0);
});

test("units - QUDT's names are read by their rule", () => {
  const names: Readonly<Record<string, string>> = {
    ...{ DEG_C: "Cel", "KiloGM-PER-M3": "kg/m3", "W-PER-M2-K": "W/m2/K", MilliM_HG: "mm[Hg]" },
    ...{
      "J-PER-KiloGM-K": "J/kg/K",
      "V-A_Reactive": "V.A",
      "PER-SEC": "/s",
      "FT-LB_F": "[ft_i].[lbf_av]",
    },
  };
  for (const [name, unit] of Object.entries(names)) assert.equal(unitByQudtName(name), unit);
  for (const name of ["", "PER", "FURLONG", "KiloFURLONG", "M-", "-M"]) {
    const unit = unitByQudtName(name);
    assert.equal(unit === undefined ? undefined : ucumUnit(unit), undefined, name);
  }
});

test(
  "units - of the playground's Descriptions two made-up units are told, and no other",
  { skip: examplesMissing ?? false },
  () => {
    const texts = [
      "core/tds/valid",
      "core/tds/notValidYet",
      "examples-td",
      "core/tms/valid",
      "examples-tm",
    ]
      .flatMap(examplesIn)
      .map(([, text]) => objectAt(JSON.parse(text)));
    assert.ok(texts.length > 100);
    const told = texts.flatMap((td) => measureWarnings(td));
    const units = told.map((warning) => /unit "(.*?)" is none that is known/.exec(warning)?.[1]);
    assert.deepEqual(new Set(units), new Set(["Celcius", "complicatedTemperatureUnit"]));
  },
);
