import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { test } from "node:test";
import { pseudonymsOf } from "./pseudonyms.ts";

const secret = Buffer.alloc(32, 7);

test("pseudonyms - are HMAC-SHA-256 under a key of the agreement's own", () => {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "comity pseudonyms urn:a", 32));
  const whole = createHmac("sha256", key).update("bus 7").digest("base64url");
  assert.equal(pseudonymsOf(secret, "urn:a")("bus 7"), whole.slice(0, 22));
});

test("pseudonyms - are the same within an agreement, now and after a start", () => {
  const first = pseudonymsOf(secret, "urn:a");
  assert.equal(first("bus 7"), first("bus 7"));
  assert.equal(first("bus 7"), pseudonymsOf(secret, "urn:a")("bus 7"));
  for (let i = 0; i < 5000; i++) first(`bus ${i}`);
  assert.equal(first("bus 7"), pseudonymsOf(secret, "urn:a")("bus 7"));
});

test("pseudonyms - of two agreements or two nodes have nothing in common", () => {
  const values = Array.from({ length: 1000 }, (_, i) => String(i));
  const all = new Set<string>();
  for (const of of [
    pseudonymsOf(secret, "urn:a"),
    pseudonymsOf(secret, "urn:b"),
    pseudonymsOf(Buffer.alloc(32, 8), "urn:a"),
  ]) {
    for (const value of values) all.add(of(value));
  }
  assert.equal(all.size, 3000);
});

test("pseudonyms - a secret that could be guessed is not taken", () => {
  assert.throws(() => pseudonymsOf(Buffer.alloc(31), "urn:a"), RangeError);
});
