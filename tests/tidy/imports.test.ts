import assert from "node:assert/strict";
import { test } from "node:test";
import { mayImport } from "./floors.ts";
import { circles, importsIn, reachable } from "./imports.ts";

const builtIn = "node:fs";
const text = [
  'import { one } from "./one.ts";',
  "import type {",
  "  Two,",
  '} from "../two/two.ts";',
  'import "./three.ts";',
  'export { four } from "./four.ts";',
  "export const five = \"not from './five.ts'\";",
  `const six = await import("${builtIn}");`,
].join("\n");

test("imports - every form is found with its line, whether type-only, re-exported or dynamic", () => {
  const found = importsIn(text, "src/room/file.ts").map(({ target, line }) => `${line} ${target}`);
  assert.deepEqual(found.toSorted(), [
    "1 src/room/one.ts",
    "4 src/two/two.ts",
    "5 src/room/three.ts",
    "6 src/room/four.ts",
    "8 node:fs",
  ]);
});

test("imports - a circle is found however long, and a staircase is none", () => {
  const stairs = new Map([
    ["a", ["b", "c"]],
    ["b", ["c"]],
    ["c", []],
  ]);
  assert.deepEqual(circles(stairs), []);
  const ring = new Map([...stairs, ["c", ["d"]], ["d", ["b"]]]);
  assert.deepEqual(
    circles(ring).map((circle) => circle.toSorted()),
    [["b", "c", "d"]],
  );
});

test("imports - what is reachable stops where nothing is imported", () => {
  const next = (path: string): string[] => ({ a: ["b"], b: ["a"], c: ["a"] })[path] ?? [];
  assert.deepEqual([...reachable(["a"], next)].toSorted(), ["a", "b"]);
});

test("floors - imports go downhill, never up and never to a neighbour that is not named", () => {
  assert.ok(mayImport("src/market/compile.ts", "src/things/access.ts"));
  assert.ok(mayImport("src/node.ts", "src/engines/embedded/store.ts"));
  assert.ok(!mayImport("src/things/access.ts", "src/market/grant.ts"));
  assert.ok(!mayImport("src/kernel/topic.ts", "src/ports/store.ts"));
  assert.ok(!mayImport("src/federate/link.ts", "src/connect/mqtt/server.ts"));
  assert.ok(!mayImport("src/meter/usage.ts", "src/settle/ledger.ts"));
  assert.ok(!mayImport("src/flow/router.ts", "tests/tidy/floors.ts"));
});
