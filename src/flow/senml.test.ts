/** RFC 8428: what stays of a pack means what it meant, whichever records go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "cborg";
import * as fc from "fast-check";
import type { Shape } from "../market/grant.ts";
import { cborForm, jsonForm } from "./payload-form.ts";
import { compilePackShape } from "./senml.ts";

interface Rec {
  [field: string]: string | number | boolean;
}

function shaped(pack: readonly unknown[], shape: Shape): Rec[] | undefined {
  const text = compilePackShape(shape)?.({ message: JSON.stringify(pack), form: jsonForm });
  return text === undefined ? undefined : (JSON.parse(text) as Rec[]);
}

/** §4.6, plainly: base fields added to each record and gone. */
function resolved(pack: readonly Rec[]): Rec[] {
  const base: Rec = {};
  return pack.map((record) => {
    const own: Rec = {};
    for (const [name, value] of Object.entries(record)) {
      if (name.startsWith("b")) base[name] = value;
      else own[name] = value;
    }
    const number = (one: unknown): number => Number(one ?? 0);
    return {
      ...own,
      n: `${base["bn"] ?? ""}${own["n"] ?? ""}`,
      t: number(base["bt"]) + number(own["t"]),
      ...("v" in own || "bv" in base ? { v: number(base["bv"]) + number(own["v"]) } : {}),
      ...("s" in own || "bs" in base ? { s: number(base["bs"]) + number(own["s"]) } : {}),
      u: own["u"] ?? base["bu"] ?? "",
      bver: base["bver"] ?? 10,
    };
  });
}

const names = ["temp", "hum", "a.b", ""];
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const record = fc
  .record({
    bn: maybe(fc.constantFrom("dev1:", "dev2:", "")),
    bt: maybe(fc.integer({ min: 0, max: 1000 })),
    bu: maybe(fc.constantFrom("Cel", "%RH")),
    bv: maybe(fc.integer({ min: -9, max: 9 })),
    bs: maybe(fc.integer({ min: -9, max: 9 })),
    n: maybe(fc.constantFrom(...names)),
    v: maybe(fc.integer({ min: -99, max: 99 })),
    vs: maybe(fc.constantFrom("on", "off")),
    u: maybe(fc.constantFrom("V", "A")),
    t: maybe(fc.integer({ min: -9, max: 9 })),
  })
  .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)));
const packs = fc.array(record as fc.Arbitrary<Rec>, { maxLength: 8 });
const paths = fc.subarray(["temp", "hum", "a.b", "dev1:temp", "dev2:hum", "dev1:", ""]);

test("senml - what stays of any pack means what it meant, in JSON and in CBOR", () => {
  const numbers = new Map(
    Object.entries({ bver: -1, bn: -2, bt: -3, bu: -4, bv: -5, bs: -6, n: 0, u: 1, v: 2 }),
  );
  for (const [name, label] of [
    ["vs", 3],
    ["t", 6],
  ] as const)
    numbers.set(name, label);
  const labelled = (pack: readonly Rec[]) =>
    pack.map((one) => new Map(Object.entries(one).map(([k, v]) => [numbers.get(k)!, v])));
  const plain = (pack: Map<number, Rec[string]>[]): Rec[] => {
    const back = new Map([...numbers].map(([name, label]) => [label, name]));
    return pack.map((one) => Object.fromEntries([...one].map(([k, v]) => [back.get(k)!, v])));
  };
  fc.assert(
    fc.property(packs, paths, fc.boolean(), (pack, named, isAllowed) => {
      const shape: Shape = isAllowed ? { allow: named } : { drop: named };
      const own = pack.map((one) => String(one["n"] ?? ""));
      const expected = resolved(pack).filter(
        ({ n }, i) => (named.includes(n as string) || named.includes(own[i]!)) === isAllowed,
      );
      const made = shaped(pack, shape);
      if (resolved(pack).some(({ n }) => n === "")) {
        assert.equal(made, undefined, "a record without a name is none");
        return;
      }
      assert.deepEqual(made && resolved(made), expected);
      const bytes = Buffer.from(encode(labelled(pack)));
      const cbor = compilePackShape(shape)!({ message: bytes, form: cborForm });
      const decoded = decode(cbor!, { useMaps: true }) as Map<number, Rec[string]>[];
      assert.deepEqual(resolved(plain(decoded)), expected);
    }),
    { numRuns: 500 },
  );
});

test("senml - base fields of records that go move on, those in between are replaced", () => {
  const pack = [
    { bn: "urn:dev:1:", bt: 100, bu: "Cel", n: "secret", v: 1 },
    { n: "other", bu: "A", v: 2 },
    { n: "temp", v: 3.14 },
  ];
  assert.deepEqual(shaped(pack, { allow: ["temp"] }), [
    { bn: "urn:dev:1:", bt: 100, bu: "A", n: "temp", v: 3.14 },
  ]);
  assert.deepEqual(shaped(pack, { drop: ["urn:dev:1:secret", "other"], round: { temp: 0.5 } }), [
    { bn: "urn:dev:1:", bt: 100, bu: "A", n: "temp", v: 3 },
  ]);
  assert.deepEqual(shaped(pack, { allow: ["nothing"] }), []);
});

test("senml - what cannot be made safe is withheld whole", () => {
  const round = { x: 1 };
  for (const pack of [
    [{ n: "x", v: 1 }, 7],
    [{ n: "x", vs: "1.3" }],
    [{ n: "x", bv: 5, v: 1.3 }],
    [
      { bv: 5, n: "y" },
      { n: "x", v: 1.3 },
    ],
    [{ n: "x", v: "1.3" }],
    [{ n: "x", v: 1, s: 17.31 }],
    [{ bs: 3 }, { n: "x", v: 1 }],
    [{ n: 7, v: 1 }],
    [{ n: "x", must_: 1, v: 1 }],
  ]) {
    assert.equal(shaped(pack, { round }), undefined, JSON.stringify(pack));
  }
  const twice = compilePackShape({ drop: ["y"] })?.({
    message: '[{"n":"x","n":"y","v":1}]',
    form: jsonForm,
  });
  assert.equal(twice, undefined);
  assert.equal(compilePackShape({ pseudonymise: ["x"] }), undefined);
  assert.equal(compilePackShape({ shift: { x: 3 } }), undefined);
});

test("senml - a field that no standard knows is left out, whatever it is called", () => {
  for (const name of ["constructor", "toString", "hasOwnProperty", "valueOf", "secret"]) {
    const message = `[{"n":"x","v":1,"${name}":{"secret":1}},{"n":"${name}","v":2}]`;
    for (const [shape, expected] of [
      [{ allow: ["x"] }, '[{"n":"x","v":1}]'],
      [{ drop: ["x"] }, `[{"n":"${name}","v":2}]`],
    ] as const) {
      assert.equal(compilePackShape(shape)?.({ message, form: jsonForm }), expected);
    }
  }
});

test("senml - a list of other objects is no pack, nor one with values of another kind", () => {
  for (const message of ['[{"secret":1,"x":2}]', "[{}]", '[{"n":"x","v":{"secret":1}}]']) {
    for (const shape of [{ drop: ["secret"] }, { round: { secret: 1 } }, { allow: ["x"] }]) {
      assert.equal(compilePackShape(shape)?.({ message, form: jsonForm }), undefined, message);
    }
  }
});
