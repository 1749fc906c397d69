import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Figure } from "../sector.ts";
import { coarseCount, siftGroups } from "./k-anonymity.ts";
import { WardIndicator } from "./ward-indicator.ts";

test("k-anonymity - a group is let out with k people or more, whoever speaks twice", () => {
  const sizes = fc.dictionary(fc.string({ minLength: 1 }), fc.nat({ max: 12 }));
  fc.assert(
    fc.property(sizes, fc.integer({ min: 2, max: 10 }), (all, k) => {
      const groups = new Map(
        Object.entries(all).map(([name, size]) => {
          const people = Array.from({ length: size }, (_, i) => `p${i}`);
          return [name, { subjects: new Set([...people, ...people]) }] as const;
        }),
      );
      const { released, withheld } = siftGroups(groups, k);
      assert.equal(released.size + withheld.length, groups.size);
      for (const name of withheld) assert.ok(all[name]! < k);
      for (const [name] of released) assert.ok(all[name]! >= k);
    }),
  );
  assert.throws(() => siftGroups(new Map(), 1), RangeError);
  assert.deepEqual(
    [5, 6, 9, 10].map((count) => coarseCount(count)),
    [5, 5, 5, 10],
  );
});

test("ward vitals - said of five people or more, taken back below, and of few not at all", () => {
  const figures = new Map<string, Figure>();
  let now = 0;
  const indicator = new WardIndicator({
    clock: { now: () => now, monotonic: () => now },
    settings: {},
    publish: (key, figure) => figures.set(key, figure),
    fault: ({ text }) => assert.fail(text),
  });
  const say = (ward: string, subject: string, value: number): void => {
    const observation = {
      resourceType: "Observation",
      status: "final",
      code: { coding: [{ system: "http://loinc.org", code: "8867-4" }] },
      effectiveDateTime: new Date(Date.UTC(2026, 10, 23) + now).toISOString(),
      valueQuantity: { value, system: "http://unitsofmeasure.org", code: "/min" },
    };
    const payload = Buffer.from(JSON.stringify(observation));
    indicator.take({ topic: `${ward}/${subject}/8867-4`, payload });
  };
  for (const [i, pulse] of [60, 70, 80, 90, 140, 95].entries()) say("a", `p${i}`, pulse);
  for (let i = 0; i < 4; i++) say("b", `p${i}`, 80);
  for (let i = 0; i < 9; i++) say("c", "p1", 80);
  for (let i = 0; i < 9; i++) say("d", "-", 80);
  indicator.beat();
  assert.deepEqual(Object.fromEntries(figures), {
    "a/8867-4": { value: 85, unit: "/min", title: "Heart rate", subjectsAtLeast: 5 },
  });
  now = 14 * 60_000;
  for (let i = 0; i < 4; i++) say("a", `p${i}`, 60);
  indicator.beat();
  assert.equal(figures.get("a/8867-4")?.value, 60, "two are not fresh for much longer");
  now += 60_000;
  indicator.beat();
  assert.deepEqual(figures.get("a/8867-4"), { value: null, withheld: "fewer than 5 subjects" });
  assert.equal(figures.size, 1);
});
