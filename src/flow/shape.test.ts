import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "cborg";
import * as fc from "fast-check";
import type { Shape } from "../market/grant.ts";
import { isCborMap } from "../wire/cbor/item.ts";
import { jsonRootOf } from "./json-text.ts";
import { dayShiftsOf, shiftedDate } from "./date-shift.ts";
import { pseudonymsOf } from "./pseudonyms.ts";
import { cborForm, jsonForm } from "./payload-form.ts";
import { compileShape } from "./shape.ts";

const secret = new Uint8Array(32);
const dayShift = dayShiftsOf(secret, "agreement");
const masks = { pseudonym: pseudonymsOf(secret, "agreement"), dayShift };

function shaped(text: string, shape: Shape): string | undefined {
  assert.equal(jsonRootOf(text), "object", text);
  return compileShape(shape, masks)({ message: text, form: jsonForm });
}

function select(text: string, ...allow: string[]): string | undefined {
  return shaped(text, { allow });
}

test("shape - what passes keeps its text to the byte", () => {
  assert.equal(select('{"a":1.50,"b":2}', "a"), '{"a":1.50}');
  assert.equal(select('{"a":1e400,"b":-0}', "a", "b"), '{"a":1e400,"b":-0}');
  assert.equal(select('{"n":12345678901234567890}', "n"), '{"n":12345678901234567890}');
  assert.equal(select(String.raw`{"a":"\u00fc\n\"}{,"}`, "a"), String.raw`{"a":"\u00fc\n\"}{,"}`);
  assert.equal(select(String.raw`{"a":"\\","b":"\\\""}`, "b"), String.raw`{"b":"\\\""}`);
});

test("shape - whitespace around members goes, inside values it stays", () => {
  const text = ' \n{ "a" : [ 1 , 2 ] ,\t"b" : { "c" : "x y" } , "d" : true }\r\n';
  assert.equal(select(text, "a", "b", "d"), '{"a":[ 1 , 2 ],"b":{ "c" : "x y" },"d":true}');
  assert.equal(select(text, "b"), '{"b":{ "c" : "x y" }}');
});

test("shape - members are known by what their name means, not by how it is written", () => {
  assert.equal(select(String.raw`{"\u0061":1,"b":2}`, "a"), String.raw`{"\u0061":1}`);
  assert.equal(select(String.raw`{"a\"b":1,"a":2}`, 'a"b'), String.raw`{"a\"b":1}`);
  assert.equal(select('{"__proto__":1,"a":2}', "a"), '{"a":2}');
  assert.equal(shaped(String.raw`{"\u0061":1,"b":2}`, { drop: ["a"] }), '{"b":2}');
});

test("shape - a name is of its own level; members of the same name are treated alike", () => {
  assert.equal(select('{"b":{"a":1},"c":[{"a":2}]}', "a"), "{}");
  assert.equal(select('{"a":1,"b":0,"a":2}', "a"), '{"a":1,"a":2}');
  assert.equal(shaped('{"a":1,"b":0,"a":2}', { drop: ["a"] }), '{"b":0}');
  assert.equal(shaped('{"a":1.26,"a":2.31}', { round: { a: 0.1 } }), '{"a":1.3,"a":2.3}');
  assert.equal(select("{}", "a"), "{}");
});

test("shape - dotted paths lead into members and through arrays, however nested", () => {
  const text = '{"p":{"lat":1,"alt":2},"s":[{"n":"x","t":1},[{"n":"y"}],7],"o":3}';
  assert.equal(select(text, "p.lat"), '{"p":{"lat":1}}');
  assert.equal(select(text, "s.t", "o"), '{"s":[{"t":1},[{}]],"o":3}');
  assert.equal(select(text, "o.x"), "{}", "a number has no members to let through");
  assert.equal(
    shaped(text, { drop: ["p.alt", "s.n"] }),
    '{"p":{"lat":1},"s":[{"t":1},[{}],7],"o":3}',
  );
  assert.equal(shaped(text, { allow: ["p", "o"], drop: ["p.alt"] }), '{"p":{"lat":1},"o":3}');
});

test("shape - a member whose own name has dots is met by the path as well", () => {
  assert.equal(shaped('{"a.b":1,"a":{"b":2,"c":3}}', { drop: ["a.b"] }), '{"a":{"c":3}}');
  assert.equal(shaped('{"a.b":{"c":1},"a":{"b.c":2}}', { drop: ["a.b.c"] }), '{"a.b":{},"a":{}}');
});

test("shape - numbers are rounded in decimal, in arrays too; what is no number withholds", () => {
  const round = { v: 0.1 };
  assert.equal(shaped('{"v":0.30000000000000004,"w":1.50}', { round }), '{"v":0.3,"w":1.50}');
  assert.equal(shaped('{"v":[4.123,[51.98],null]}', { round }), '{"v":[4.1,[52],null]}');
  assert.equal(shaped('{"v":null}', { round }), '{"v":null}');
  for (const value of ['"51.92345"', "true", '{"x":51.92345}', "[1.1,true]", "1e999"]) {
    assert.equal(shaped(`{"v":${value}}`, { round }), undefined, value);
  }
});

test("shape - pseudonyms hide strings and numbers alike, and what they cannot hide withholds", () => {
  const pseudonymise = ["id", "crew.name"];
  const hidden = shaped('{"id":7,"crew":[{"name":"Ada"},{"name":null}],"x":1}', { pseudonymise });
  const { id, crew, x } = JSON.parse(hidden ?? "");
  assert.match(id, /^[\w-]{22}$/);
  assert.match(crew[0].name, /^[\w-]{22}$/);
  assert.deepEqual([crew[1].name, x], [null, 1]);
  const same = ['{"id":7}', '{"id":7.0}', '{"id":"7"}', String.raw`{"id":"\u0037"}`];
  for (const text of same) assert.equal(shaped(text, { pseudonymise }), `{"id":"${id}"}`, text);
  assert.notEqual(
    shaped('{"id":1e400}', { pseudonymise }),
    shaped('{"id":1e401}', { pseudonymise }),
  );
  assert.notEqual(
    shaped('{"id":12345678901234567890}', { pseudonymise }),
    shaped('{"id":12345678901234567891}', { pseudonymise }),
  );
  assert.equal(shaped('{"id":true}', { pseudonymise }), undefined);
  assert.equal(shaped('{"id":{"n":1}}', { pseudonymise }), undefined);
});

test("shape - dates of one subject are moved alike, wherever the subject stands", () => {
  const shift = { at: 365, "period.start": 365 };
  const moved = (date: string, subject: string): string =>
    shiftedDate(date, "string", dayShift(subject, 365)) ?? "";
  const [at, start] = ['"2024-03-01T10:00:00.50+01:00"', '"2023"'];
  const text = `{"at":${at},"period":[{"start":${start},"end":1}],"who":{"id":7},"v":1.50}`;
  const after = shaped(text, { shift, shiftBy: "who.id" });
  assert.equal(
    after,
    `{"at":${moved(at, "7")},"period":[{"start":${moved(start, "7")},"end":1}],"who":{"id":7},"v":1.50}`,
  );
  const listed = `{"at":${at},"who":[{"id":"7"},{"id":7.0}]}`;
  assert.match(
    shaped(listed, { shift, shiftBy: "who.id" }) ?? "",
    RegExp(`^{"at":${moved(at, "7").replace("+", "\\+")}`),
  );
  const left = shaped(text, { allow: ["at"], shift: { at: 365 }, shiftBy: "who.id" });
  assert.equal(
    left,
    `{"at":${moved(at, "7")}}`,
    "who it is of is read where it is not let through",
  );
  assert.equal(shaped(`{"at":${at}}`, { shift }), `{"at":${moved(at, "")}}`);
});

test("shape - a date whose subject cannot be told, or that is none, withholds", () => {
  const shift = { at: 30 };
  const date = '"at":"2024-03-01"';
  for (const who of ["", ',"id":null', ',"id":true', ',"id":{"x":1}', ',"id":[1,2]', ',"id":[]']) {
    assert.equal(shaped(`{${date}${who}}`, { shift, shiftBy: "id" }), undefined, who);
  }
  assert.equal(shaped('{"at":null}', { shift, shiftBy: "id" }), '{"at":null}');
  assert.equal(shaped('{"v":1}', { shift, shiftBy: "id" }), '{"v":1}', "nothing is to be moved");
  for (const value of ['"soon"', "7", "true", "{}", '["2024",3]']) {
    assert.equal(shaped(`{"at":${value}}`, { shift }), undefined, value);
  }
});

test("shape - nothing of a member that is not let through comes out changed", () => {
  assert.equal(shaped('{"a":"x","b":1}', { allow: ["b"], pseudonymise: ["a"] }), '{"b":1}');
  assert.equal(shaped('{"a":"x"}', { allow: ["a.b"], pseudonymise: ["a"] }), "{}");
  assert.equal(shaped('{"a":{"b":1},"c":2}', { allow: ["c"], round: { "a.b": 1 } }), '{"c":2}');
});

test("shape - nesting without end is withheld where it is looked into, else it is only text", () => {
  const deep = (open: string, close: string): string =>
    `{"a":${open.repeat(20_000)}1${close.repeat(20_000)}}`;
  for (const text of [deep("[", "]"), deep('{"a":', "}")]) {
    assert.equal(select(text, "a"), text);
    assert.equal(
      shaped(text, { drop: ["a.a", "a.a.a"] })?.length,
      text.includes("[[") ? undefined : 8,
    );
    assert.equal(shaped(text, { drop: ["b"] }), text);
  }
});

test("shape - any JSON object gives what JSON.parse and a filter give", () => {
  const key = fc.constantFrom("a", "b", 'c"', "d\\", "ü", "{", " ", "");
  const object = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true });
  const fields = fc.uniqueArray(key);
  fc.assert(
    fc.property(object, fields, fc.constantFrom(0, 1, "\t"), (value, fields, indent) => {
      const text = JSON.stringify(value, null, indent);
      const entries = Object.entries(value);
      const named = new Set<string>(fields);
      const allowed = Object.fromEntries(entries.filter(([name]) => named.has(name)));
      const left = Object.fromEntries(entries.filter(([name]) => !named.has(name)));
      const plain = (one: object): unknown => JSON.parse(JSON.stringify(one));
      assert.deepEqual(JSON.parse(select(text, ...fields) ?? ""), plain(allowed));
      assert.deepEqual(JSON.parse(shaped(text, { drop: fields }) ?? ""), plain(left));
    }),
    { numRuns: 500 },
  );
});

test("shape - a CBOR map keeps what the same object keeps in JSON", () => {
  const name = fc.constantFrom("a", "b", "c", "d.e", "1");
  const scalar = fc.oneof(
    fc.integer({ min: -1_000_000, max: 1_000_000 }),
    fc.constantFrom(0.5, -1.25, 21.375, 1e21),
    fc.constantFrom("", "x", "2026-11-23", "2026-11-23T10:00:00Z"),
    fc.boolean(),
    fc.constant(null),
  );
  const { object } = fc.letrec((tie) => ({
    object: fc.dictionary(
      name,
      fc.oneof({ maxDepth: 3 }, scalar, tie("object"), fc.array(tie("object"), { maxLength: 3 })),
      { noNullPrototype: true },
    ),
  }));
  const path = fc.constantFrom("a", "b", "c", "d.e", "1", "a.b", "b.a", "a.b.c", "d");
  const change = fc.constantFrom<Shape>(
    {},
    { round: { a: 0.5, "b.a": 10 } },
    { pseudonymise: ["a", "b.c"] },
    { shift: { b: 30 }, shiftBy: "a" },
  );
  const selection = fc.oneof(
    fc.uniqueArray(path).map((allow): Shape => ({ allow })),
    fc.uniqueArray(path).map((drop): Shape => ({ drop })),
    fc.constant<Shape>({}),
  );
  let made = 0;
  fc.assert(
    fc.property(object, selection, change, (value, select, changes) => {
      const shaper = compileShape({ ...select, ...changes }, masks);
      const message = Buffer.from(encode(value));
      const cbor = shaper({ message, form: cborForm });
      const text = shaper({ message: JSON.stringify(value), form: jsonForm });
      assert.deepEqual(cbor && decode(cbor), text === undefined ? undefined : JSON.parse(text));
      if (cbor !== undefined) made++;
    }),
    { numRuns: 1000 },
  );
  assert.ok(made > 300, `${made} passed`);
});

test("shape - what passes of a CBOR map keeps its bytes, and nothing else comes through", () => {
  // {"a": 1.5 as a half, "secret": "x", "b": tag 1 of a double} of indefinite length
  const message = Buffer.from(
    "bf6161f93e00667365637265746178616 2c1fb41d452d9e2000000ff".replace(" ", ""),
    "hex",
  );
  assert.ok(isCborMap(message));
  const left = compileShape({ allow: ["a", "b"] }, masks)({ message, form: cborForm });
  assert.equal(left?.toString("hex"), "a26161f93e006162c1fb41d452d9e2000000");
  // A tagged value cannot be rounded: the message is withheld.
  const rounded = compileShape({ round: { b: 1 } }, masks)({ message, form: cborForm });
  assert.equal(rounded, undefined);
});

test("shape - a tag around a map or a list hides nothing in it", () => {
  for (const hex of ["a16161d90103a166736563726574182a", "a16161d84081a166736563726574182a"]) {
    const message = Buffer.from(hex, "hex");
    assert.ok(isCborMap(message));
    for (const shape of [
      { drop: ["a.secret"] },
      { round: { "a.secret": 10 } },
      { pseudonymise: ["a.secret"] },
      { allow: ["a"], drop: ["a.secret"] },
    ]) {
      assert.equal(compileShape(shape, masks)({ message, form: cborForm }), undefined, hex);
    }
  }
});

test("shape - a message of many dates is gone through for its subject once", () => {
  const timeOf = (dates: number): number => {
    const value = { a: Array.from({ length: dates }, () => ({ d: "2020" })), id: 7 };
    const message = JSON.stringify(value);
    const shaper = compileShape({ shift: { "a.d": 3 }, shiftBy: "id" }, masks);
    const began = process.cpuUsage();
    assert.ok(shaper({ message, form: jsonForm }));
    const { user, system } = process.cpuUsage(began);
    return user + system;
  };
  timeOf(1000);
  const few = timeOf(2000);
  const many = timeOf(32_000);
  // Sixteen times as many; each looking through all of them would take 256 times as long.
  assert.ok(many < 80 * few + 100_000, `${many} µs against ${few} µs`);
});
