import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { systemEntropy } from "../../kernel/id.ts";
import { openEmbeddedSecret } from "./secret.ts";

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "comity-secret-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test("secret - is made once, also by many at the same time, and read from then on", async (t) => {
  const dir = await folder(t);
  const opened = await Promise.all(
    Array.from({ length: 8 }, () => openEmbeddedSecret(dir, systemEntropy)),
  );
  const later = await openEmbeddedSecret(dir, systemEntropy);
  assert.equal(later.length, 32);
  for (const one of opened) assert.deepEqual(one, later);
  const other = await openEmbeddedSecret(await folder(t), systemEntropy);
  assert.notDeepEqual(other, later);
});

test("secret - is its owner's alone to read, also after a restore", async (t) => {
  const dir = await folder(t);
  await openEmbeddedSecret(dir, systemEntropy);
  const path = join(dir, "secret.key");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await chmod(path, 0o644);
  await openEmbeddedSecret(dir, systemEntropy);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("secret - a broken file is named and never replaced", async (t) => {
  const dir = await folder(t);
  const path = join(dir, "secret.key");
  await writeFile(path, "c2hvcnQ\n");
  await assert.rejects(openEmbeddedSecret(dir, systemEntropy), /secret\.key.*32 bytes/);
  assert.equal(await readFile(path, "utf8"), "c2hvcnQ\n");
});
