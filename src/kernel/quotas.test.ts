import assert from "node:assert/strict";
import { test } from "node:test";
import { Quotas } from "./quotas.ts";

test("quotas - each has its own, and what is given back is there again", () => {
  const quotas = new Quotas();
  const taken = ["a", "a", "a", "b"].map((name) => quotas.take(name, 2));
  assert.deepEqual(taken, [true, true, false, true]);
  quotas.giveBack("a");
  assert.deepEqual([quotas.take("a", 2), quotas.take("a", 2)], [true, false]);
});

test("quotas - giving back more than was taken earns nothing", () => {
  const quotas = new Quotas();
  quotas.giveBack("a");
  quotas.giveBack("a");
  assert.deepEqual([quotas.take("a", 1), quotas.take("a", 1)], [true, false]);
});
