/**
 * Payloads that were damaged on purpose: whatever passes a view is something that its receivers'
 * own readers (JSON.parse, cborg) can read, and has nothing of what the view leaves out.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "cborg";
import * as fc from "fast-check";
import { readable } from "./readable.ts";
import { compilePackShape } from "./senml.ts";
import { compileShape } from "./shape.ts";

const secret = "SECRET";
const shape = { drop: ["secret", "inner.secret"] };
const masks = { pseudonym: String, dayShift: () => 0 };
const shapers = { object: compileShape(shape, masks), pack: compilePackShape(shape) };

const plain = fc.dictionary(fc.constantFrom("a", "b", "list"), fc.jsonValue({ maxDepth: 2 }));
const objects = fc.tuple(plain, plain).map(([around, inner]) => ({
  ...around,
  secret,
  inner: { ...inner, secret: { in: [secret] } },
  last: 1.5,
}));
const packs = fc
  .array(fc.record({ n: fc.constantFrom("a", "b"), v: fc.integer() }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((records) => [{ bn: "", n: "secret", vs: secret }, ...records]);
/** Of JSON's own signs and CBOR's tags, containers without a length, break and escapes in names. */
const telling = [...Buffer.from('{}[]",:\\0 '), 0xc1, 0xc4, 0xd8, 0xbf, 0x9f, 0xff, 0xf7, 0x7f];
/** A few bytes are changed, put in or taken out: somewhere, or right behind a name. */
const damage = fc.array(
  fc.record({
    at: fc.oneof(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.constantFrom("inner", "secret", "last"),
    ),
    byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...telling)),
    kind: fc.constantFrom("change", "put in", "take out"),
  }),
  { maxLength: 3 },
);

function damaged(
  payload: Buffer,
  hits: readonly { at: number | string; byte: number; kind: string }[],
) {
  let bytes = payload;
  for (const { at, byte, kind } of hits) {
    const place =
      typeof at === "string" ? bytes.indexOf(at) + at.length : Math.floor(at * bytes.length);
    const put = kind === "take out" ? [] : [byte];
    const rest = bytes.subarray(kind === "put in" ? place : place + 1);
    bytes = Buffer.concat([bytes.subarray(0, place), Buffer.from(put), rest]);
  }
  return bytes;
}

/** Paths of all that stands there, by names as they are meant. */
function* pathsOf(value: unknown, path = ""): Generator<string> {
  if (path !== "") yield path;
  if (Array.isArray(value)) for (const one of value) yield* pathsOf(one, path);
  else if (value instanceof Map) {
    for (const [name, one] of value)
      yield* pathsOf(one, path === "" ? `${name}` : `${path}.${name}`);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, one] of Object.entries(value)) {
      yield* pathsOf(one, path === "" ? name : `${path}.${name}`);
    }
  }
}

/** Tags of any number around what they stand around. */
const tags = new Proxy({}, { get: () => (inner: () => unknown) => inner() });
const dropped = new Set(shape.drop);

function assertSafe(made: string | Buffer, read: (made: string | Buffer) => unknown): void {
  const value = read(made);
  if (Array.isArray(value)) {
    for (const record of value as unknown[]) {
      const name = record instanceof Map ? record.get("n") : (record as { n?: unknown }).n;
      assert.notEqual(name, "secret");
    }
    return;
  }
  for (const path of pathsOf(value)) assert.ok(!dropped.has(path), `${path} passed`);
}

for (const [form, write, read] of [
  [
    "JSON",
    (value: unknown) => Buffer.from(JSON.stringify(value)),
    (made: string | Buffer) => JSON.parse(made.toString()) as unknown,
  ],
  [
    "CBOR",
    (value: unknown) => Buffer.from(encode(value)),
    (made: string | Buffer) => decode(Buffer.from(made), { useMaps: true, tags }) as unknown,
  ],
] as const) {
  test(`readable - of damaged ${form} nothing passes that a view leaves out`, () => {
    let passed = 0;
    fc.assert(
      fc.property(fc.oneof(objects, packs), damage, (value, hits) => {
        const made = readable(damaged(write(value), hits))?.shaped(shapers);
        if (made === undefined) return;
        passed++;
        assertSafe(made, read);
      }),
      { numRuns: 5000 },
    );
    assert.ok(passed > 1000, `only ${passed} passed`);
  });
}
