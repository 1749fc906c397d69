import assert from "node:assert/strict";
import { test } from "node:test";
import type { ComityHttp } from "../client/http.ts";
import { indicatorWords } from "./indicator-words.ts";

/** A node that has one indicator with these figures. */
function node(unit: string, values: Readonly<Record<string, number | null>>): ComityHttp {
  const indicators = [{ id: "water", title: "How much water", unit }];
  const figures = Object.entries(values).map(([key, value]) => ({ key, value }));
  return {
    indicators: () => Promise.resolve(indicators),
    figures: () => Promise.resolve(figures),
  } as unknown as ComityHttp;
}

test("indicator words - the highest figure with its key, or the one that all have", async () => {
  const some = node("mm", { north: 3, south: 26.128, west: null });
  assert.equal(await indicatorWords(some, "water"), "How much water: at most 26.13 mm (south).");
  const alike = node("mm", { north: 0, south: 0 });
  assert.equal(await indicatorWords(alike, "water"), "How much water: 0 mm.");
  assert.equal(await indicatorWords(node("1", { a: 1.5 }), "water"), "How much water: 1.5.");
});

test("indicator words - nothing where nothing can be said yet", async () => {
  assert.equal(await indicatorWords(node("mm", { north: null }), "water"), "");
  assert.equal(await indicatorWords(node("mm", { north: 1 }), "other"), "");
});
