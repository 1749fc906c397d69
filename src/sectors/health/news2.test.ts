import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type VitalSign, type VitalSigns, vitalSigns, warningScore } from "./news2.ts";

const well: Required<VitalSigns> = {
  ...{ respiration: 16, oxygenSaturation: 97, supplementalOxygen: false, systolicPressure: 120 },
  ...{ pulse: 70, consciousness: "alert", temperature: 37 },
};

/** Every border of the report's chart 1, as rows of value and points. */
const chart: readonly (readonly [VitalSign, readonly (readonly [number, number])[]])[] = [
  [
    "respiration",
    [
      [8, 3],
      [9, 1],
      [11, 1],
      [12, 0],
      [20, 0],
      [21, 2],
      [24, 2],
      [25, 3],
    ],
  ],
  [
    "oxygenSaturation",
    [
      [91, 3],
      [92, 2],
      [93, 2],
      [94, 1],
      [95, 1],
      [96, 0],
    ],
  ],
  [
    "systolicPressure",
    [
      [90, 3],
      [91, 2],
      [100, 2],
      [101, 1],
      [110, 1],
      [111, 0],
      [219, 0],
      [220, 3],
    ],
  ],
  [
    "pulse",
    [
      [40, 3],
      [41, 1],
      [50, 1],
      [51, 0],
      [90, 0],
      [91, 1],
      [110, 1],
      [111, 2],
      [130, 2],
      [131, 3],
    ],
  ],
  [
    "temperature",
    [
      [35, 3],
      [35.1, 1],
      [36, 1],
      [36.1, 0],
      [38, 0],
      [38.1, 1],
      [39, 1],
      [39.1, 2],
    ],
  ],
];

test("NEWS2 - every border of the chart, on both sides", () => {
  for (const [sign, rows] of chart) {
    for (const [value, points] of rows) {
      const { parts, score } = warningScore({ ...well, [sign]: value });
      assert.deepEqual([parts[sign], score], [points, points], `${sign} ${value}`);
    }
  }
});

test("NEWS2 - oxygen given is two points, and any consciousness but alert three", () => {
  assert.equal(warningScore({ ...well, supplementalOxygen: true }).score, 2);
  for (const consciousness of ["confusion", "voice", "pain", "unresponsive"] as const) {
    const { score, response } = warningScore({ ...well, consciousness });
    assert.deepEqual([score, response], [3, "low-medium"]);
  }
});

test("NEWS2 - scale 2 aims at 88 to 92 %, and more is a danger with oxygen alone", () => {
  const onScale2 = (oxygenSaturation: number, supplementalOxygen?: boolean) => {
    const { supplementalOxygen: _, ...rest } = well;
    const given = supplementalOxygen === undefined ? {} : { supplementalOxygen };
    return warningScore({ ...rest, oxygenSaturation, ...given }, 2).parts.oxygenSaturation;
  };
  const rows = [83, 84, 85, 86, 87, 88, 92].map((value) => onScale2(value));
  assert.deepEqual(rows, [3, 2, 2, 1, 1, 0, 0]);
  assert.deepEqual(
    [93, 94, 95, 96, 97].map((value) => onScale2(value, true)),
    [1, 1, 2, 2, 3],
  );
  assert.deepEqual([onScale2(93, false), onScale2(100, false)], [0, 0]);
  assert.equal(onScale2(93), undefined, "whether oxygen is given is not known");
});

test("NEWS2 - thresholds: 5 is urgent, 7 an emergency, one sign of 3 a ward review", () => {
  const scored = (signs: Partial<VitalSigns>) => warningScore({ ...well, ...signs }).response;
  assert.equal(scored({}), "low");
  assert.equal(scored({ respiration: 22, pulse: 115 }), "low");
  assert.equal(scored({ respiration: 25 }), "low-medium");
  assert.equal(scored({ respiration: 25, pulse: 115 }), "medium");
  assert.equal(scored({ respiration: 25, pulse: 115, systolicPressure: 95 }), "high");
});

test("NEWS2 - what is missing is named, and never taken as normal", () => {
  const { temperature: _t, consciousness: _c, supplementalOxygen: _o, ...bedside } = well;
  const partial = warningScore({ ...bedside, respiration: 26 });
  assert.deepEqual(partial.missing, ["supplementalOxygen", "consciousness", "temperature"]);
  assert.deepEqual([partial.score, partial.scoreMax], [3, 3 + 2 + 3 + 3]);
  const none = warningScore({});
  assert.deepEqual([none.score, none.scoreMax, none.missing.length], [0, 20, 7]);
});

test("NEWS2 - decimals are read as a chart is filled in", () => {
  assert.equal(warningScore({ ...well, respiration: 20.4 }).score, 0);
  assert.equal(warningScore({ ...well, respiration: 20.6 }).score, 2);
  assert.equal(warningScore({ ...well, temperature: 38.04 }).score, 0);
});

test("NEWS2 - a whole score lies between a partial one and the most it said there could be", () => {
  const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
  const signs = fc.record({
    respiration: number(0, 60),
    oxygenSaturation: number(50, 100),
    supplementalOxygen: fc.boolean(),
    systolicPressure: number(40, 260),
    pulse: number(0, 220),
    consciousness: fc.constantFrom("alert" as const, "pain" as const),
    temperature: number(30, 43),
  });
  const some = fc.subarray([...vitalSigns]);
  fc.assert(
    fc.property(signs, some, fc.constantFrom(1 as const, 2 as const), (all, known, scale) => {
      const part = Object.fromEntries(known.map((sign) => [sign, all[sign]])) as VitalSigns;
      const partial = warningScore(part, scale);
      const whole = warningScore(all, scale);
      assert.ok(whole.score >= partial.score && whole.score <= partial.scoreMax);
    }),
  );
});
