import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { Chunk, encodeChunk, type Reading } from "./chunk.ts";

function readingsOf(payloads: readonly (string | Uint8Array)[]): Reading[] {
  return payloads.map((payload, i) => ({
    position: i * 3 + 7,
    at: 1_764_000_000_000 + i * 1000,
    time: 1_764_000_000_000 + i * 1000 - (i % 5) * 400,
    payload: Buffer.from(payload),
  }));
}

function roundTrip(readings: readonly Reading[], plain = false): Reading[] {
  const chunk = new Chunk(encodeChunk(readings, plain));
  const payloads = chunk.payloads();
  return Array.from({ length: chunk.count }, (_, i) => ({
    position: chunk.positions[i]!,
    at: chunk.ats[i]!,
    time: chunk.times[i]!,
    payload: Buffer.from(payloads[i]!, "latin1"),
  }));
}

const numberText = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.integer().map(String),
  fc.constantFrom(
    "-0",
    "0",
    "-0.0",
    "1.50",
    "1.5",
    "1e5",
    "1E+05",
    "9007199254740993",
    "0.1",
    "01",
  ),
  fc.tuple(fc.nat(99_999), fc.nat(999)).map(([a, b]) => `${a}.${String(b).padStart(3, "0")}`),
);
const timeText = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => JSON.stringify(date)),
  fc.constantFrom('"2026-02-30T00:00:00Z"', '"2026-02-28T23:59:60Z"', '"2026-11-23T02:00:00Z"'),
);
const valueText = fc.oneof(
  numberText,
  timeText,
  fc.json({ maxDepth: 3 }),
  fc.constantFrom("true", "false", "null", '"\\"', "{", ""),
);
const payload = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(valueText, valueText).map(([a, b]) => `{"a":${a}, "b" : ${b}}`),
  },
  { weight: 2, arbitrary: numberText },
  fc.json(),
  fc.string({ unit: "binary" }),
  fc.uint8Array({ maxLength: 40 }),
);

test("chunk - what comes out is what went in, to the byte, whatever it is", () => {
  fc.assert(
    fc.property(fc.array(payload, { minLength: 1, maxLength: 30 }), fc.boolean(), (all, plain) => {
      const readings = readingsOf(all);
      assert.deepEqual(roundTrip(readings, plain), readings);
    }),
    { numRuns: 2000 },
  );
});

test("chunk - a member's numbers are those that JSON.parse finds", () => {
  const object = fc.tuple(numberText, fc.oneof(numberText, timeText)).map(([a, b]) => {
    const text = `{"at":{"v":${a}},"b":${b}}`;
    try {
      return JSON.stringify(JSON.parse(text)) === "" ? "" : text;
    } catch {
      return `{"at":{"v":1},"b":2}`;
    }
  });
  fc.assert(
    fc.property(fc.array(object, { minLength: 1, maxLength: 20 }), fc.boolean(), (all, plain) => {
      const chunk = new Chunk(encodeChunk(readingsOf(all), plain));
      const numbers = (pick: (value: { at: { v: unknown }; b: unknown }) => unknown): number[] =>
        all.map((text) => {
          const found = pick(JSON.parse(text));
          return typeof found === "number" ? found + 0 : Number.NaN;
        });
      const unsigned = (values: readonly number[]): number[] => values.map((value) => value + 0);
      assert.deepEqual(
        unsigned(chunk.values("at.v")),
        numbers((value) => value.at.v),
      );
      assert.deepEqual(
        unsigned(chunk.values("b")),
        numbers((value) => value.b),
      );
      assert.ok(chunk.values("c").every(Number.isNaN));
    }),
  );
});

test("chunk - numbers and times cost a fraction of their text", () => {
  const payloads = Array.from({ length: 4000 }, (_, i) =>
    JSON.stringify({
      observedAt: new Date(1_764_000_000_000 + i * 10_000).toISOString(),
      temperature: Math.round(210 + 30 * Math.sin(i / 300)) / 10,
      battery: 100 - Math.floor(i / 400),
    }),
  );
  const readings = readingsOf(payloads);
  const text = payloads.join("").length;
  const { length } = encodeChunk(readings);
  assert.ok(length * 40 < text, `${text} bytes of text in ${length}`);
});

test("chunk - bytes that are no chunk are an error", () => {
  const bytes = encodeChunk(readingsOf(["1", "2"]));
  assert.throws(() => new Chunk(Buffer.concat([bytes.subarray(0, -4), Buffer.alloc(4)])));
  assert.throws(() => new Chunk(Buffer.of(0, 9)), /version 9/);
  assert.throws(() => new Chunk(encodeChunk(readingsOf(["1", "2"]), true).subarray(0, 12)));
});

test("chunk - what encoding needed on its way is given back at once", () => {
  const text = Buffer.from(randomBytes(3000).toString("hex"));
  const readings = Array.from({ length: 170 }, (_, i) => {
    const payload = Buffer.concat([Buffer.from(`${i} `), text.subarray(i)]);
    return { position: i, at: i, time: i, payload };
  });
  const before = process.memoryUsage().arrayBuffers;
  const chunk = encodeChunk(readings);
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown <= chunk.buffer.byteLength + 524_288, `${grown} bytes for ${chunk.length}`);
});
