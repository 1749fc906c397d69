import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageTimes } from "./message-time.ts";

const at = Date.UTC(2026, 0, 5, 10, 0, 1, 250);

function read(message: unknown): number | undefined {
  const text = typeof message === "string" ? message : JSON.stringify(message);
  return new MessageTimes().ownOf(Buffer.from(text));
}

test("message time - ISO 8601 with a zone, and numbers since 1970 in any unit, are read", () => {
  for (const [name, value] of [
    ["observedAt", "2026-01-05T10:00:01.250Z"],
    ["dateObserved", "2026-01-05T11:00:01.25+01:00"],
    ["timestamp", at],
    ["timestamp", at * 1000],
    ["timestamp", at * 1e6],
    ["ts", at / 1000],
    ["time", "2026-01-05T05:00:01.250-0500"],
  ] as const) {
    assert.equal(read({ speed: 3, [name]: value, é: "ü" }), at, `${name} ${value}`);
  }
});

test("message time - when it was observed is believed before when it was sent", () => {
  assert.equal(read({ time: at + 5, observedAt: at }), at);
  assert.equal(read({ time: at, observedAt: "yesterday" }), at);
});

test("message time - SenML has a base time and a time, small ones from now (RFC 8428 §4.5.3)", () => {
  assert.equal(read([{ bn: "a", bt: at / 1000 - 5, t: 5, v: 3 }]), at);
  const payload = Buffer.from('[{"n":"a","t":-60,"v":3}]');
  assert.equal(new MessageTimes().of(payload, 0, payload.length, at), at - 60_000);
  assert.equal(new MessageTimes().ownOf(payload), undefined);
});

test("message time - what is no date says none", () => {
  for (const none of [
    { time: 12.5 },
    { ts: 17 },
    { ts: 5e9 },
    { time: "12:00" },
    { time: "2026-01-05T10:00:01" },
    { time: "2026-13-05T10:00:00Z" },
    { time: null },
    { nested: { time: at } },
    [at],
    "{broken",
    "21.5",
    "",
  ]) {
    assert.equal(read(none), undefined, JSON.stringify(none));
  }
});
