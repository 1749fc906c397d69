import assert from "node:assert/strict";
import { test } from "node:test";
import { ownTimeIn } from "./own-time.ts";

const at = Date.UTC(2026, 0, 5, 10, 0, 1, 250);

function read(message: unknown): number | undefined {
  return ownTimeIn(Buffer.from(typeof message === "string" ? message : JSON.stringify(message)));
}

test("own time - ISO 8601 with a zone, seconds and milliseconds are read", () => {
  for (const [name, value] of [
    ["observedAt", "2026-01-05T10:00:01.250Z"],
    ["dateObserved", "2026-01-05T11:00:01.25+01:00"],
    ["timestamp", at],
    ["ts", at / 1000],
    ["time", "2026-01-05T05:00:01.250-0500"],
  ] as const) {
    assert.equal(read({ speed: 3, [name]: value }), at, name);
  }
});

test("own time - when it was observed is believed before when it was sent", () => {
  assert.equal(read({ time: at + 5, observedAt: at }), at);
  assert.equal(read({ time: at, observedAt: "yesterday" }), at);
});

test("own time - what is no date says none", () => {
  for (const none of [
    { time: 12.5 },
    { ts: 999_999_999 },
    { ts: 1e15 },
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
