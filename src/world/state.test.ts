import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadWorld } from "./config.ts";
import { readState, writeState } from "./state.ts";
import { resetWorld } from "./world.ts";

test("state - is kept for its owner alone, and read again as it was", () => {
  const folder = mkdtempSync(join(tmpdir(), "comity-state-"));
  assert.deepEqual(readState(folder), { version: 1, nodes: {} });
  const node = { did: "did:web:localhost%3A1", http: 1, mqtt: 2, tokens: { desk: "secret" } };
  writeState(folder, { version: 1, nodes: { farm: node } });
  assert.deepEqual(readState(folder).nodes, { farm: node });
  assert.equal(statSync(join(folder, "world.json")).mode & 0o777, 0o600);
  writeFileSync(join(folder, "world.json"), '{"version":2}');
  assert.throws(() => readState(folder), { code: "CONFIG_INVALID" });
  rmSync(folder, { recursive: true });
});

test("reset - forgets the world and leaves everything else in the folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "comity-reset-"));
  const config = loadWorld(new URL("world.yaml", import.meta.url));
  mkdirSync(join(folder, "farm"));
  for (const file of ["farm/comity.db", "farm.json", "world.json", "letter.txt"]) {
    writeFileSync(join(folder, file), "x");
  }
  resetWorld(folder, config);
  assert.deepEqual(readdirSync(folder), ["letter.txt"]);
  rmSync(folder, { recursive: true });
});
