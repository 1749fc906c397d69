import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodePublish } from "../wire/mqtt/encode.ts";
import { layout5, Run } from "./run.ts";
import { selectFields, View } from "./view.ts";

function select(text: string, ...fields: string[]): string | undefined {
  return selectFields(text, new Set(fields));
}

function runOf(...payloads: Buffer[]): Run {
  const packets = payloads.map((payload) =>
    encodePublish(5, { topic: "t", payload, properties: { contentType: "secret" } }),
  );
  return new Run({
    topic: "t",
    qos: 0,
    packets: Buffer.concat(packets),
    layout: layout5,
    count: packets.length,
    payloadBytes: payloads.reduce((sum, payload) => sum + payload.length, 0),
  });
}

test("view - what passes keeps its text to the byte", () => {
  assert.equal(select('{"a":1.50,"b":2}', "a"), '{"a":1.50}');
  assert.equal(select('{"a":1e400,"b":-0}', "a", "b"), '{"a":1e400,"b":-0}');
  assert.equal(select('{"n":12345678901234567890}', "n"), '{"n":12345678901234567890}');
  assert.equal(select(String.raw`{"a":"\u00fc\n\"}{,"}`, "a"), String.raw`{"a":"\u00fc\n\"}{,"}`);
});

test("view - whitespace around members goes, inside values it stays", () => {
  const text = ' \n{ "a" : [ 1 , 2 ] ,\t"b" : { "c" : "x y" } , "d" : true }\r\n';
  assert.equal(select(text, "a", "b", "d"), '{"a":[ 1 , 2 ],"b":{ "c" : "x y" },"d":true}');
  assert.equal(select(text, "b"), '{"b":{ "c" : "x y" }}');
});

test("view - members are known by what their name means, not by how it is written", () => {
  assert.equal(select(String.raw`{"\u0061":1,"b":2}`, "a"), String.raw`{"\u0061":1}`);
  assert.equal(select(String.raw`{"a\"b":1,"a":2}`, 'a"b'), String.raw`{"a\"b":1}`);
  assert.equal(select('{"__proto__":1,"a":2}', "a"), '{"a":2}');
});

test("view - only the top level is selected from; duplicates all pass", () => {
  assert.equal(select('{"b":{"a":1},"c":[{"a":2}]}', "a"), "{}");
  assert.equal(select('{"a":1,"b":0,"a":2}', "a"), '{"a":1,"a":2}');
  assert.equal(select("{}", "a"), "{}");
});

test("view - what is no JSON object is withheld", () => {
  const others = [
    "",
    "7",
    '"a"',
    "[1]",
    "null",
    "{",
    '{"a":1}x',
    '{"a":01}',
    "{'a':1}",
    '\ufeff{"a":1}',
  ];
  for (const text of others) assert.equal(select(text, "a"), undefined, text);
});

test("view - any JSON object gives what JSON.parse and a filter give", () => {
  const key = fc.constantFrom("a", "b", 'c"', "d\\", "ü", "{", " ", "");
  const object = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true });
  const fields = fc.uniqueArray(key);
  fc.assert(
    fc.property(object, fields, fc.constantFrom(0, 1, "\t"), (value, fields, indent) => {
      const selected = select(JSON.stringify(value, null, indent), ...fields);
      const expected = Object.fromEntries(
        Object.entries(value).filter(([name]) => new Set<string>(fields).has(name)),
      );
      assert.deepEqual(JSON.parse(selected ?? ""), JSON.parse(JSON.stringify(expected)));
    }),
    { numRuns: 500 },
  );
});

test("view - a run is viewed once; properties and bytes that are not UTF-8 do not pass", () => {
  const view = new View(["a"]);
  const broken = Buffer.from('{"a":"\xff"}', "latin1");
  const run = runOf(
    Buffer.from('{"a":1,"b":2}'),
    broken,
    Buffer.from("no"),
    Buffer.from('{"a":3}'),
  );
  const viewed = view.apply(run);
  assert.equal(view.apply(run), viewed);
  assert.equal(viewed.withheld, 2);
  assert.equal(viewed.run?.count, 2);
  assert.equal(viewed.run?.payloadBytes, 14);
  const expected = ['{"a":1}', '{"a":3}'].map((payload) =>
    encodePublish(5, { topic: "t", payload: Buffer.from(payload) }),
  );
  assert.deepEqual(viewed.run?.packets, Buffer.concat(expected));
  assert.deepEqual(view.apply(runOf(broken)), { run: undefined, withheld: 1 });
});
