/** Held against an independent codec (cborg), which writes what is read here and reads what is written. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "cborg";
import * as fc from "fast-check";
import {
  cborKindAt,
  encodeArray,
  encodeMap,
  encodeNumber,
  encodeText,
  isCborArray,
  isCborMap,
  numberTextAt,
  stringAt,
  walkArray,
  walkMap,
} from "./item.ts";

const scalar = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.integer(),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 40 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    scalar,
    fc.array(tie("value"), { maxLength: 30 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 30, noNullPrototype: true }),
  ),
}));
const map = fc.dictionary(fc.string(), value, { noNullPrototype: true });

/** What the walks find of the item, as plain values. */
function read(bytes: Buffer, at: number, end: number, others = decode): unknown {
  const kind = cborKindAt(bytes, at);
  if (kind === "string") return stringAt(bytes, at);
  if (kind === "number") return Number(numberTextAt(bytes, at));
  if (kind === "array") {
    const all: unknown[] = [];
    walkArray(bytes, at, (from, to) => all.push(read(bytes, from, to, others)));
    return all;
  }
  if (kind !== "object") return others(bytes.subarray(at, end));
  const members: [string, unknown][] = [];
  walkMap(bytes, at, ({ name, valueAt, valueEnd }) => {
    members.push([name, read(bytes, valueAt, valueEnd, others)]);
  });
  return new Map(members);
}

/** The same of what the other codec was given. */
function plain(given: unknown): unknown {
  if (typeof given === "bigint" || typeof given === "number") return Number(given) + 0;
  if (Array.isArray(given)) return given.map(plain);
  if (given instanceof Uint8Array || given === null || typeof given !== "object") return given;
  return new Map(Object.entries(given).map(([name, inner]) => [name, plain(inner)]));
}

test("cbor - whatever another codec writes is read as it was meant", () => {
  fc.assert(
    fc.property(map, (given) => {
      const bytes = Buffer.from(encode(given));
      assert.ok(isCborMap(bytes));
      assert.deepEqual(normal(read(bytes, 0, bytes.length)), normal(plain(given)));
    }),
    { numRuns: 500 },
  );
});

/** Maps compare by their content, whatever the order; bytes by theirs; -0 is 0. */
function normal(one: unknown): unknown {
  if (one instanceof Map) {
    const members = [...(one as Map<string, unknown>)].map(([name, inner]) => [
      name,
      normal(inner),
    ]);
    return Object.fromEntries(members as [string, unknown][]);
  }
  if (Array.isArray(one)) return one.map(normal);
  if (one instanceof Uint8Array) return Buffer.from(one).toString("hex");
  return typeof one === "number" ? one + 0 : one;
}

test("cbor - what is written another codec reads", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), fc.integer())), fc.double(), (members, number) => {
      const map = encodeMap(
        members.map(([key, v]) => Buffer.concat([encodeText(key), encodeNumber(String(v))])),
      );
      assert.ok(isCborMap(map));
      assert.deepEqual(
        decode(map, { useMaps: true, rejectDuplicateMapKeys: false }),
        new Map(members),
      );
      const array = encodeArray(members.map(([, v]) => encodeNumber(String(v))));
      assert.deepEqual(
        decode(array),
        members.map(([, v]) => v),
      );
      if (Number.isFinite(number))
        assert.equal(Number(decode(encodeNumber(String(number)))) + 0, number + 0);
    }),
  );
  assert.equal(decode(encodeNumber("18446744073709551615")), 2n ** 64n - 1n);
  assert.equal(decode(encodeNumber("-18446744073709551616")), -(2n ** 64n));
});

/** RFC 8949, appendix A: what other codecs seldom write. */
const written: readonly (readonly [hex: string, unknown])[] = [
  ["bf61610161629f0203ffff", { a: 1, b: [2, 3] }],
  ["a161787f657374726561646d696e67ff", { x: "streaming" }],
  ["a16178f93e00", { x: 1.5 }],
  ["a16178f90001", { x: 5.960464477539063e-8 }],
  ["a16178f9fbff", { x: -65_504 }],
  ["a16178fa47c35000", { x: 100_000 }],
  ["a1617818ff", { x: 255 }],
  ["a22001187861", undefined],
  ["a220010a02", { "-1": 1, "10": 2 }],
];

test("cbor - indefinite lengths, halves, and whole numbers as names", () => {
  for (const [hex, expected] of written) {
    const bytes = Buffer.from(hex, "hex");
    assert.equal(isCborMap(bytes), expected !== undefined, hex);
    if (expected === undefined) continue;
    assert.deepEqual(normal(read(bytes, 0, bytes.length)), expected, hex);
  }
});

test("cbor - what is not well formed is told, and no bytes make it throw", () => {
  for (const hex of [
    "",
    "a0a0",
    "a1",
    "a161",
    "bf",
    "bf6161ff",
    "a1617861ff",
    "a161786 1c0".replace(" ", ""),
    "a14161 01".replace(" ", ""),
    "a1a00001",
    "a1617800ff",
    "a16178f818",
    "a161781c",
    "bb7fffffffffffffff",
    `a16178${"81".repeat(100)}01`,
  ]) {
    assert.equal(isCborMap(Buffer.from(hex, "hex")), false, hex);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const some = Buffer.from(bytes);
      for (const one of [some, Buffer.concat([Buffer.from([0xa1, 0x61, 0x61]), some])]) {
        if (isCborMap(one)) read(one, 0, one.length, () => undefined);
        if (isCborArray(one)) read(one, 0, one.length, () => undefined);
      }
    }),
    { numRuns: 3000 },
  );
});

test("cbor - a decimal fraction is a number to its last digit, other tags are left alone", () => {
  const tagged = (tag: number, value: unknown) =>
    Buffer.concat([Buffer.from([0xc0 + tag]), encode(value)]);
  for (const [bytes, text] of [
    [tagged(4, [-2, 27315]), "27315e-2"],
    [tagged(4, [3, -7]), "-7e3"],
    [tagged(4, [-30, 2n ** 64n - 1n]), "18446744073709551615e-30"],
  ] as const) {
    assert.equal(cborKindAt(bytes, 0), "number");
    assert.equal(numberTextAt(bytes, 0), text);
  }
  for (const bytes of [
    tagged(4, [999, 1]),
    tagged(4, [1, "2"]),
    tagged(4, [1]),
    tagged(5, [-2, 27315]),
    tagged(4, 7),
  ]) {
    assert.equal(cborKindAt(bytes, 0), "other");
  }
});
