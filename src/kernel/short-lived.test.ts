import assert from "node:assert/strict";
import { test } from "node:test";
import { ShortLived } from "./short-lived.ts";

const clock = { at: 0, now: () => 0, monotonic: () => clock.at };

test("short-lived - a value is there until its end, and is taken once", () => {
  const kept = new ShortLived<number>({ clock, lifeMs: 100, valuesMax: 10 });
  kept.put("a", 1);
  clock.at = 99;
  assert.deepEqual([kept.get("a"), kept.take("a"), kept.take("a")], [1, 1, undefined]);
  kept.put("b", 2);
  clock.at = 199;
  assert.deepEqual([kept.get("b"), kept.take("b")], [undefined, undefined]);
});

test("short-lived - the oldest makes room", () => {
  const kept = new ShortLived<number>({ clock, lifeMs: 100, valuesMax: 3 });
  for (const [at, name] of ["a", "b", "c", "d"].entries()) kept.put(name, at);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((name) => kept.get(name)),
    [undefined, 1, 2, 3],
  );
});
