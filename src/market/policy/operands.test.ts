/** Each operand on both sides of its border, as the reader sees it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readRules, termsOf } from "../policy.ts";

const square = (east: number, corner: unknown = [0, 0]) =>
  JSON.stringify({ type: "Polygon", coordinates: [[corner, [east, 0], [east, 9], corner]] });
const manyNames = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);

interface Border {
  readonly operand: string;
  readonly operator: string;
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
}

const moment = {
  good: ["2027-01-01T00:00:00Z", "2027-01-01T00:00Z", "2028-02-29T23:59:59.999999999Z"],
  bad: ["2027-01-01", "2027-13-01T00:00:00Z", "2027-01-01T00:00:00+01:00", "soon", 1, null, []],
};
const number = {
  good: ["1", "9007199254740991"],
  bad: ["0", "-1", "01", "1.5", "1e3", "9007199254740992", "99999999999999999", 5, "", null],
};
const list = {
  good: [["a"], "a", manyNames(100), ["x".repeat(256)]],
  bad: [[], [""], [" "], manyNames(101), ["x".repeat(257)], ["a", "a"], [1], {}, null, ["a\u0007"]],
};

const borders: readonly Border[] = [
  {
    operand: "comity:topic",
    operator: "isAnyOf",
    good: [["a/+/#"], "a"],
    bad: [["a/#/b"], ["+a"], []],
  },
  { operand: "comity:field", operator: "isAnyOf", ...list },
  { operand: "comity:field", operator: "isNoneOf", ...list },
  {
    operand: "comity:field",
    operator: "isNoneOf",
    good: [["a.b.c"]],
    bad: [["a..b"], [".a"], ["a."]],
  },
  { operand: "comity:pseudonym", operator: "isAllOf", ...list },
  {
    operand: "comity:dateShift",
    operator: "isAllOf",
    good: [["at=1"], "at=36525", ["a=b=30"], ["from=30", "until=30"]],
    bad: [["at"], ["at=0"], ["at=-1"], ["at=1.5"], ["at=36526"], ["from=30", "until=31"], ["=1"]],
  },
  {
    operand: "comity:round",
    operator: "isAllOf",
    good: [["lat=0.01"], "lat=0.000000001", ["a=b=1000000000"], ["lat=0.5", "lon=0.5"]],
    bad: [
      ["lat"],
      ["lat="],
      ["lat=0"],
      ["lat=-1"],
      ["lat=1e-3"],
      ["lat=0.0000000009"],
      ["lat=1000000001"],
      ["=1"],
      ["lat=1", "lat=2"],
      ["lat=0.1234567890123"],
      { lat: 0.1 },
    ],
  },
  { operand: "dateTime", operator: "gteq", ...moment },
  { operand: "dateTime", operator: "lteq", ...moment },
  { operand: "comity:dataTime", operator: "gteq", ...moment },
  { operand: "comity:dataTime", operator: "lt", ...moment },
  {
    operand: "elapsedTime",
    operator: "lteq",
    good: ["P30D", "PT1S", "P1DT1H", "3600", "P36600D"],
    bad: [
      "P1M",
      "P1Y",
      "PT0S",
      "P0D",
      "PT1.5S",
      "P",
      "PT",
      "P1DT",
      "-P1D",
      "P36601D",
      "30 days",
      30,
    ],
  },
  { operand: "count", operator: "lteq", ...number },
  { operand: "comity:volumeBytes", operator: "lteq", ...number },
  {
    operand: "comity:rate",
    operator: "lteq",
    good: ["1/1s/topic", "9007199254740991/1h/stream", "5/3600/stream", "1/60m/topic"],
    bad: [
      "0/1s/topic",
      "1/0s/topic",
      "1/3601s/topic",
      "1/2h/topic",
      "1/1s",
      "1/1s/thing",
      "1/1s/topic/",
      "/1s/topic",
      "1/1d/stream",
      ["1/1s/topic", "2/1s/topic"],
      null,
    ],
  },
  {
    operand: "spatial",
    operator: "isPartOf",
    good: [square(180), JSON.parse(square(9))],
    bad: [
      square(180.1),
      square(9, [0, 91]),
      square(9, ["0", 0]),
      "EU",
      "{}",
      "[",
      null,
      JSON.stringify({ type: "Point", coordinates: [0, 0] }),
    ],
  },
  { operand: "purpose", operator: "isAnyOf", ...list },
  { operand: "recipient", operator: "isAnyOf", ...list },
  {
    operand: "comity:jurisdiction",
    operator: "isAnyOf",
    good: [["NL"], ["NL-ZH", "US-CA"], "KE"],
    bad: [["nl"], ["NLD"], ["NL-"], ["NL-ABCD"], ["Europe"], []],
  },
  {
    operand: "comity:recipientClass",
    operator: "eq",
    good: ["sme", "research", "public"],
    bad: ["SME", "bank", "", "constructor", ["sme", "research"], 1, null, {}],
  },
];

function policyWith(constraint: unknown): unknown {
  return { permission: [{ action: "use", constraint: [constraint] }] };
}

for (const { operand, operator, good, bad } of borders) {
  test(`policy - ${operand} ${operator} is read up to its border and refused beyond`, () => {
    const constraint = (rightOperand: unknown, op = operator) => ({
      leftOperand: operand,
      operator: op,
      rightOperand,
    });
    for (const value of good) {
      const rules = readRules(policyWith(constraint(value)));
      assert.equal(rules.permission[0]?.constraint?.length, 1, JSON.stringify(value));
      assert.deepEqual(readRules(rules), rules);
    }
    for (const value of bad) {
      assert.throws(
        () => readRules(policyWith(constraint(value))),
        { code: "POLICY_UNENFORCEABLE" },
        JSON.stringify(value),
      );
    }
    for (const other of ["eq", "neq", "gt", "isA", "hasPart"].filter((one) => one !== operator)) {
      assert.throws(() => readRules(policyWith(constraint(good[0], other))), {
        message: new RegExp(`the operator "${other}" of "${operand}"`),
      });
    }
  });
}

test("policy - the duty to keep secrets names its measures, up to the border and not beyond", () => {
  const policy = (
    rightOperand: unknown,
    operator = "isAllOf",
    leftOperand = "comity:measures",
  ) => ({
    permission: [{ action: "use" }],
    obligation: [
      { action: "comity:protect", constraint: [{ leftOperand, operator, rightOperand }] },
    ],
  });
  for (const good of [["nda"], "nda", manyNames(20), [`a${"-".repeat(63)}`]]) {
    const rules = readRules(policy(good));
    assert.equal(termsOf(rules).measures?.length, typeof good === "string" ? 1 : good.length);
    assert.deepEqual(readRules(rules), rules);
  }
  const long = `a${"-".repeat(64)}`;
  for (const bad of [[], [""], ["N"], ["-a"], ["a b"], [long], manyNames(21), ["a", "a"], 1, {}]) {
    assert.throws(() => readRules(policy(bad)), { code: "POLICY_UNENFORCEABLE" });
  }
  assert.throws(() => readRules(policy(["nda"], "isAnyOf")), /the operator "isAnyOf"/);
  assert.throws(() => readRules(policy(["nda"], "isAllOf", "comity:field")), /comity:field/);
  const twice = policy(["nda"]);
  twice.obligation.push(...policy(["audit"]).obligation);
  assert.throws(() => readRules(twice), /"comity:protect" stands twice/);
});

test("policy - terms that contradict each other are refused", () => {
  const constraint = (leftOperand: string, operator: string, rightOperand: unknown) => ({
    leftOperand,
    operator,
    rightOperand,
  });
  const times = (first: string, last: string, operand: string, until: string) => [
    constraint(operand, "gteq", `${first}T00:00:00Z`),
    constraint(operand, until, `${last}T00:00:00Z`),
  ];
  for (const [good, bad] of [
    [
      times("2027-01-01", "2027-01-02", "dateTime", "lteq"),
      times("2027-01-02", "2027-01-02", "dateTime", "lteq"),
    ],
    [
      times("2027-01-01", "2027-01-02", "comity:dataTime", "lt"),
      times("2027-01-02", "2027-01-01", "comity:dataTime", "lt"),
    ],
    [
      [
        constraint("comity:field", "isNoneOf", ["a"]),
        constraint("comity:round", "isAllOf", ["b=1"]),
      ],
      [
        constraint("comity:field", "isNoneOf", ["a"]),
        constraint("comity:round", "isAllOf", ["a=1"]),
      ],
    ],
    ...(["comity:round", "comity:pseudonym"] as const).map((change) => {
      const named = (name: string) =>
        constraint(change, "isAllOf", [change === "comity:round" ? `${name}=1` : name]);
      const fields = constraint("comity:field", "isAnyOf", ["a", "b.c"]);
      return [
        [fields, named("b.c.d")],
        [fields, named("b")],
      ];
    }),
    [
      [
        constraint("comity:dateShift", "isAllOf", ["a=1"]),
        constraint("comity:dateShiftBy", "eq", "b"),
      ],
      [constraint("comity:dateShiftBy", "eq", "b")],
    ],
    [
      [
        constraint("comity:dateShift", "isAllOf", ["a=1"]),
        constraint("comity:dateShiftBy", "eq", "b"),
      ],
      [
        constraint("comity:dateShift", "isAllOf", ["a=1"]),
        constraint("comity:dateShiftBy", "eq", "a"),
      ],
    ],
    [
      [constraint("comity:dateShift", "isAllOf", ["a=1"])],
      [
        constraint("comity:dateShift", "isAllOf", ["a=1"]),
        constraint("comity:pseudonym", "isAllOf", ["a"]),
      ],
    ],
    [
      [constraint("comity:pseudonym", "isAllOf", ["a.b"])],
      [
        constraint("comity:pseudonym", "isAllOf", ["a.b"]),
        constraint("comity:round", "isAllOf", ["a=1"]),
      ],
    ],
    [
      [
        constraint("comity:field", "isAnyOf", ["a"]),
        constraint("comity:field", "isNoneOf", ["a.b"]),
      ],
      [constraint("comity:field", "isAnyOf", ["a"]), constraint("comity:field", "isNoneOf", ["b"])],
    ],
    [
      [
        constraint("comity:field", "isAnyOf", ["a"]),
        constraint("comity:field", "isNoneOf", ["a.b"]),
      ],
      [constraint("comity:field", "isAnyOf", ["a"]), constraint("comity:field", "isNoneOf", ["a"])],
    ],
  ]) {
    const policy = (constraints: unknown) => ({
      permission: { action: "use", constraint: constraints },
    });
    assert.doesNotThrow(() => readRules(policy(good)));
    assert.throws(() => readRules(policy(bad)), { code: "POLICY_UNENFORCEABLE" });
  }
});

test("policy - conditions are read to their limits of depth and number, and no further", () => {
  const leaf = { leftOperand: "comity:topic", operator: "isAnyOf", rightOperand: ["a"] };
  const nested = (depth: number): unknown =>
    Array.from({ length: depth - 1 }).reduce<unknown>((inner) => ({ or: [inner] }), leaf);
  const deep = readRules(policyWith(nested(8)));
  assert.deepEqual(readRules(deep), deep);
  assert.throws(() => readRules(policyWith(nested(9))), /nested deeper than 8/);
  assert.throws(() => readRules(policyWith(nested(20_000))), /nested deeper than 8/);
  const wide = (count: number) => ({ or: Array.from({ length: count }, () => leaf) });
  assert.doesNotThrow(() => readRules(policyWith(wide(199))));
  assert.throws(() => readRules(policyWith(wide(200))), /more than 200 constraints/);
  assert.throws(() => readRules(policyWith(wide(1_000_000))), /more than 200 constraints/);
});

test("policy - a polygon of a million points is refused before it is looked at", () => {
  const ring = Array.from({ length: 1_000_000 }, (_, i) => [i / 1e6, 0]);
  const area = {
    leftOperand: "spatial",
    operator: "isPartOf",
    rightOperand: { type: "Polygon", coordinates: [ring] },
  };
  const begun = performance.now();
  assert.throws(() => readRules(policyWith(area)), /more than 2000 points/);
  assert.ok(performance.now() - begun < 500);
});

test("policy - what a member name could do to an object does not happen", () => {
  const round = { leftOperand: "comity:round", operator: "isAllOf", rightOperand: ["__proto__=1"] };
  const terms = termsOf(readRules(policyWith(round)));
  assert.deepEqual(Object.entries(terms.round ?? {}), [["__proto__", 1]]);
  const policy: unknown = JSON.parse('{"permission":[{"action":"use"}],"__proto__":{"a":1}}');
  assert.throws(() => readRules(policy), /"__proto__"/);
});
