import assert from "node:assert/strict";
import { test } from "node:test";
import { matcherOf, matches } from "./topic.ts";

const levels = ["", "a", "b", "ab", "$SYS", "$a"];

/** Every path of one to three of the levels. */
function paths(of: readonly string[]): string[] {
  const one = of.flatMap((level) => [level]);
  const two = one.flatMap((path) => of.map((level) => `${path}/${level}`));
  return [...one, ...two, ...two.flatMap((path) => of.map((level) => `${path}/${level}`))];
}

test("topic - a filter's matcher says what matches says, of every shape of both", () => {
  const topics = paths(levels);
  const filters = paths([...levels, "+"]).flatMap((path) => [path, `${path}/#`]);
  let matched = 0;
  for (const filter of ["#", ...filters]) {
    const isMatch = matcherOf(filter);
    for (const topic of topics) {
      const expected = matches(filter, topic);
      if (expected) matched++;
      assert.equal(isMatch(topic), expected, `${filter} of ${topic}`);
    }
  }
  assert.ok(matched > 4_000, `${matched} matched`);
});
