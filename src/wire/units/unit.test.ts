import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { convert, ucumUnit } from "./unit.ts";
import * as table from "./ucum-table.ts";

function unit(code: string) {
  return ucumUnit(code) ?? assert.fail(`${code} is not read`);
}

function converted(value: number, from: string, to: string): number | undefined {
  return convert(value, unit(from), unit(to));
}

function assertNear(actual: number | undefined, expected: number, told: string): void {
  const isNear =
    actual !== undefined && Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected));
  assert.ok(isNear, `${told}: ${actual}, not ${expected}`);
}

test("UCUM - what its functional tests call valid is read", () => {
  const valid = [
    ...["m", "/m", "10*3/ul", "10*-3/ul", "10*+3/ul", "m[H2O]", "10*23", "m3.kg-1.s-2"],
    ...["4.[pi].10*-7.N/A2", "rad2{a}", "{a}.rad2{b}", "1{c}", "{e}", "%", "dB[10.nV]", "/[HPF]"],
    ...["[APL'U]", "u[IU]/mL", "nmol/h/mL", "umol/2.h", "meq/(8.h.kg)", "g.m/m2{hb}", "[in_i'H2O]"],
    ...["1.5", "mm[Hg]", "[car_Au]", "kW.h", "[degF]", "B[SPL]", "[m/s2/Hz^(1/2)]"],
  ];
  for (const code of valid) assert.ok(ucumUnit(code), code);
});

test("UCUM - what they call invalid is none, nor is anything else that a device may send", () => {
  const invalid = [
    ...["m/", "", "10+3/ul", "rad2{錠}", "{a}rad2{b}", "{|}1", "iU", "molv", "[BETH'U]", "[iIU]"],
    ...["g/12h", "mL/72h", "mmol/kg[H20]", "ug(8.h)", "ug(8hr)", "[M'U]", "(m", "m)", "k"],
    ...[
      "m 2",
      " m",
      "m.",
      "m//s",
      "constructor",
      "__proto__",
      "toString",
      "m{a",
      "m}",
      "kft",
      "m^2",
    ],
    ...[`${"(".repeat(9)}m${")".repeat(9)}`, "m".repeat(65), "m100", "10*400", "0", "Mmin"],
  ];
  for (const code of invalid) assert.equal(ucumUnit(code), undefined, code);
});

test("UCUM - every symbol of its table is read, and what takes prefixes takes them", () => {
  const symbols = (text: string, between: RegExp): string[] =>
    text
      .trim()
      .split(between)
      .map((entry) => entry.split(" ")[0] ?? "");
  const metric = [...symbols(table.metric, /;\s+/), ...symbols(table.specialMetric, /;\s+/)];
  const plain = [...symbols(table.plain, /;\s+/), ...symbols(table.specialPlain, /;\s+/)];
  const arbitrary = symbols(table.arbitraryPlain, /\s+/);
  assert.equal(metric.length + plain.length + arbitrary.length, 310);
  for (const symbol of [...metric, ...plain, ...arbitrary]) assert.ok(ucumUnit(symbol), symbol);
  for (const symbol of metric) assert.ok(ucumUnit(`k${symbol}`), `k${symbol}`);
});

test("convert - values of the specifications of UCUM, the SI and of NIST come out", () => {
  const cases: readonly [number, string, number, string][] = [
    [1, "kW.h", 3.6e6, "J"],
    [100, "m/s", 360, "km/h"],
    [1, "[psi]", 6894.757293168, "Pa"],
    [1, "[mi_i]/h", 0.44704, "m/s"],
    [1, "bar", 1e5, "Pa"],
    [1, "u", 1.6605390666e-27, "kg"],
    [1, "[HP]", 745.69987158227, "W"],
    [1, "[acr_us]", 4046.87260987425, "m2"],
    [1, "[Btu_IT]", 1055.05585262, "J"],
    [1, "mm[Hg]", 133.322, "Pa"],
    [1, "GiBy", 2 ** 33, "bit"],
    [180, "deg", Math.PI, "rad"],
    [1, "mol", 6.02214076e23, "1"],
    [90, "/min", 1.5, "Hz"],
    [12.5, "mS/cm", 1.25, "S/m"],
    [400, "[ppm]", 0.04, "%"],
    [1, "[gal_us]", 3.785411784, "L"],
  ];
  for (const [value, from, expected, to] of cases) {
    assertNear(converted(value, from, to), expected, `${value} ${from} in ${to}`);
    assertNear(converted(expected, to, from), value, `${expected} ${to} in ${from}`);
  }
});

test("convert - scales with a zero of their own and logarithms are no factors", () => {
  const cases: readonly [number, string, number, string][] = [
    [21, "Cel", 69.8, "[degF]"],
    [-40, "Cel", -40, "[degF]"],
    [0, "K", -273.15, "Cel"],
    [80, "[degRe]", 100, "Cel"],
    [500, "mCel", 273.65, "K"],
    [491.67, "[degR]", 0, "Cel"],
    [50_000, "10*-3.Cel", 323.15, "K"],
    [2, "{indoors}.Cel1", 275.15, "K"],
    [400, "Cel/10", 313.15, "K"],
    [7, "[pH]", 1e-7, "mol/L"],
    [30, "dB[W]", 1, "kW"],
    [3, "B[kW]", 1e6, "W"],
    [94, "dB[SPL]", 20e-6 * 10 ** 4.7, "Pa"],
    [120, "dB[uV]", 1, "V"],
    [6, "B[V]", 1000, "V"],
    [20, "dB", 100, "1"],
    [1, "Np", Math.E, "1"],
    [8, "bit_s", 256, "1"],
    [100, "%[slope]", 45, "deg"],
    [3, "[m/s2/Hz^(1/2)]", 9, "m2/s4/Hz"],
  ];
  for (const [value, from, expected, to] of cases) {
    assertNear(converted(value, from, to), expected, `${value} ${from} in ${to}`);
    assertNear(converted(expected, to, from), value, `${expected} ${to} in ${from}`);
  }
  assertNear(converted(2, "W/(m2.Cel)", "W/(m2.K)"), 2, "a difference in Celsius is one in kelvin");
  assertNear(converted(9, "Cel/h", "[degF]/h"), 16.2, "and in Fahrenheit nine fifths of it");
});

test("convert - there is no value where dimensions differ or a logarithm has none", () => {
  assert.equal(converted(1, "Cel", "Pa"), undefined);
  assertNear(
    converted(5, "mol-1.Cel", "K/mol"),
    5,
    "a mole is no number, though it has no dimension",
  );
  assert.equal(
    converted(1, "[iU]", "mol"),
    undefined,
    "arbitrary units are of no other's dimension",
  );
  assert.equal(converted(1, "[iU]/L", "[arb'U]/L"), undefined);
  assert.equal(converted(1, "dB/km", "Np/km"), undefined, "a level in a product is itself alone");
  assert.equal(converted(-1, "W", "dB[W]"), undefined);
  assert.equal(converted(4000, "B[W]", "W"), undefined, "beyond every double");
  assertNear(converted(5, "[iU]/mL", "[iU]/L"), 5000, "but they take part in products");
  assertNear(converted(5, "[IU]", "[iU]"), 5, "two symbols of one unit");
});

const linear = ["m", "kg", "kW.h", "[lb_av]", "Pa", "K", "L/min", "deg", "By", "mm[Hg]", "kat"];
const scales = ["Cel", "[degF]", "[degRe]", "mCel", "K", "[degR]"];

test("convert - there and back is the value that was", () => {
  const number = fc.double({ min: 1e-3, max: 1e9, noNaN: true });
  const prefix = fc.constantFrom("", "k", "m", "u", "G");
  const pair = fc.constantFrom(...linear).chain((code) => {
    const isMetric = ucumUnit(`k${code}`) !== undefined;
    const one = isMetric ? prefix.map((first) => first + code) : fc.constant(code);
    return fc.tuple(one, one);
  });
  const temperatures = fc.tuple(fc.constantFrom(...scales), fc.constantFrom(...scales));
  fc.assert(
    fc.property(fc.oneof(pair, temperatures), number, ([from, to], value) => {
      const there = convert(value, unit(from), unit(to)) ?? assert.fail();
      const back = convert(there, unit(to), unit(from)) ?? assert.fail();
      // a zero far from the value costs digits: thousandths of a degree beside 273
      assert.ok(Math.abs(back - value) <= 1e-9 * (value + 1e6), `${value} → ${there} → ${back}`);
    }),
  );
});

test("UCUM - a product is read as it is written, whatever the grouping", () => {
  const symbol = fc.constantFrom("m", "s", "kg", "[in_i]", "mol", "Cel", "h", "V");
  const exponent = fc.integer({ min: -3, max: 3 }).filter((power) => power !== 0);
  fc.assert(
    fc.property(fc.array(fc.tuple(symbol, exponent), { minLength: 2, maxLength: 5 }), (parts) => {
      const flat = parts.map(([name, power]) => `${name}${power}`).join(".");
      const divided = parts.map(([name, power]) => `/${name}${-power}`).join("");
      const grouped = `(${parts.map(([name, power]) => `(${name}${power})`).join(".")})`;
      const [one, two, three] = [unit(flat), unit(divided), unit(grouped)];
      assert.equal(one.dimension, two.dimension);
      assert.equal(one.dimension, three.dimension);
      for (const other of [two, three]) {
        assert.ok(
          Math.abs(other.toBase(1) / one.toBase(1) - 1) < 1e-12,
          `${flat} and ${other.code}`,
        );
      }
    }),
  );
});
