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

const values = ["v", "vs", "vb", "vd", "s"];

/**
 * §4.6, plainly: base fields added to each record and gone. A base value is the value of a record
 * that has none of any kind (§4.2).
 */
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
      ...("v" in own || ("bv" in base && !values.some((name) => name in own))
        ? { v: number(base["bv"]) + number(own["v"]) }
        : {}),
      ...("s" in own ? { s: number(base["bs"]) + number(own["s"]) } : {}),
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
    s: maybe(fc.integer({ min: -99, max: 99 })),
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
    ["s", 5],
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

test("senml - a base value or sum of a record that goes is not told, but added where it counts", () => {
  const shape: Shape = { drop: ["secret"] };
  for (const [pack, expected] of [
    [
      [
        { n: "secret", bv: 12.345, v: 0 },
        { n: "state", vs: "on" },
      ],
      [{ n: "state", vs: "on" }],
    ],
    [
      [
        { n: "secret", bv: 0.1, bs: 5 },
        { n: "temp", v: 0.2, s: -1 },
        { n: "temp", v: 20.5 },
      ],
      [
        { n: "temp", v: 0.3, s: 4 },
        { n: "temp", v: 20.6 },
      ],
    ],
    [
      [
        { n: "temp", bv: 20, v: 1 },
        { n: "secret", bv: 12.345 },
        { n: "temp", v: 1 },
      ],
      [
        { n: "temp", bv: 20, v: 1 },
        { n: "temp", v: -6.655 },
      ],
    ],
    [
      [{ n: "secret", bv: 7 }, { n: "temp" }, { n: "temp", v: 1 }],
      [
        { n: "temp", bv: 7 },
        { n: "temp", v: 1 },
      ],
    ],
  ] as const) {
    assert.deepEqual(shaped(pack, shape), expected);
  }
  const long = [
    { n: "secret", bv: 1 },
    { n: "temp", v: 0 },
  ];
  const message = JSON.stringify(long).replace('"v":0', `"v":${"1".repeat(500)}`);
  assert.equal(compilePackShape(shape)?.({ message, form: jsonForm }), undefined);
});

test("senml - in CBOR octets are a value, and decimal fractions are numbers to the digit", () => {
  const decimal = (mantissa: number, exponent: number) =>
    Buffer.concat([Buffer.from([0xc4]), encode([exponent, mantissa])]);
  const record = (...fields: readonly (readonly [number, Buffer | Uint8Array])[]) =>
    Buffer.concat([
      Buffer.from([0xa0 + fields.length]),
      ...fields.flatMap(([label, value]) => [encode(label), value]),
    ]);
  const octets = record([0, encode("blob")], [8, encode(new Uint8Array([1, 2, 3]))]);
  const temp = record([0, encode("temp")], [2, decimal(2215, -2)]);
  const secret = record([0, encode("secret")], [-5, decimal(100, -1)], [2, encode(1)]);
  const pack = (...records: readonly Buffer[]) =>
    Buffer.concat([Buffer.from([0x80 + records.length]), ...records]);
  const shape = (grant: Shape, ...records: readonly Buffer[]) =>
    compilePackShape(grant)?.({ message: pack(...records), form: cborForm });
  assert.deepEqual(shape({ drop: ["secret"] }, octets, temp), pack(octets, temp));
  assert.deepEqual(shape({ allow: ["blob"] }, octets, temp), pack(octets));
  const rounded = pack(record([0, encode("temp")], [2, encode(22.2)]));
  assert.deepEqual(shape({ allow: ["temp"], round: { temp: 0.1 } }, octets, temp), rounded);
  const added = pack(record([0, encode("temp")], [2, encode(32.15)]));
  assert.deepEqual(shape({ drop: ["secret"] }, secret, temp), added);
});

test("senml - a pack of a later version is not read", () => {
  for (const [version, isRead] of [
    [5, true],
    [10, true],
    [11, false],
    [1e300, false],
  ] as const) {
    const made = shaped([{ bver: version, n: "x", v: 1 }, { n: "y" }], { drop: ["y"] });
    assert.equal(made !== undefined, isRead, `bver ${version}`);
  }
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
