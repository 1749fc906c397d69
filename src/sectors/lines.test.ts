import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Lines } from "./lines.ts";

test("lines - however the bytes are cut, the same lines come out", () => {
  const line = fc.string({ maxLength: 20 }).map((text) => text.replaceAll("\n", " "));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 9 })), (all, sizes) => {
      const bytes = Buffer.from(all.map((one) => `${one}\n`).join(""));
      const lines = new Lines(1_000, () => assert.fail("none is too long"));
      const out: Buffer[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i] ?? 5;
        out.push(lines.add(bytes.subarray(at, at + size)));
        at += size;
      }
      assert.deepEqual(Buffer.concat(out), bytes);
    }),
  );
});

test("lines - one that is too long is told and skipped to its end", () => {
  const told: string[] = [];
  const lines = new Lines(10, (problem) => told.push(problem));
  assert.equal(lines.add(Buffer.from("a\nlonger than ten")).toString(), "a\n");
  assert.equal(lines.add(Buffer.from(" letters")).length, 0);
  assert.equal(lines.add(Buffer.from(" are\nb\nc")).toString(), "b\n");
  assert.equal(lines.add(Buffer.from("\n")).toString(), "c\n");
  assert.deepEqual(told, ["a line of more than 10 bytes"]);
});
