import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LineSplitter } from "./ndjson.ts";

function split(pieces: readonly Buffer[], lineBytesMax: number): (string | undefined)[] {
  const splitter = new LineSplitter(lineBytesMax);
  const lines = pieces.flatMap((piece) => [...splitter.take(piece)]);
  const rest = splitter.rest();
  if (rest !== undefined) lines.push(rest);
  assert.deepEqual(
    lines.map(({ number }) => number),
    lines.map((_line, index) => index + 1),
  );
  return lines.map(({ bytes }) => bytes?.toString());
}

test("lines - however a body is cut into pieces, its lines are the same", () => {
  const line = fc.string({ unit: fc.constantFrom("a", "é", "{", " ", "\r"), maxLength: 12 });
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(40)), (texts, cuts) => {
      const body = Buffer.from(texts.map((text) => `${text}\n`).join(""));
      const places = [...cuts, body.length].filter((at) => at <= body.length);
      let from = 0;
      const pieces = places.toSorted((a, b) => a - b).map((at) => body.subarray(from, (from = at)));
      const wanted = texts.map((text) => text.replace(/\r$/, ""));
      assert.deepEqual(split(pieces, 1000), wanted);
    }),
  );
});

test("lines - one that is too long is passed by, and those behind it are whole", () => {
  const pieces = ["abc\nlong", "er than", " that\nok", "\n\nlast"].map((text) => Buffer.from(text));
  assert.deepEqual(split(pieces, 8), ["abc", undefined, "ok", "", "last"]);
});
