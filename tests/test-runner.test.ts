/** `npm test` itself: no result is lost, and a file that stops in the middle does not pass. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const scripts = join(dirname(dirname(fileURLToPath(import.meta.url))), "scripts");

/** What the runner says of these test files, and the code it ends with. */
async function ran(t: TestContext, files: Readonly<Record<string, string>>, ...options: string[]) {
  const root = await mkdtemp(join(tmpdir(), "comity-runner-"));
  t.after(() => rm(root, { recursive: true }));
  for (const folder of ["src", "tests", "scripts"]) await mkdir(join(root, folder));
  for (const name of ["test.mjs", "test-file.mjs", "test-marks.mjs"]) {
    await cp(join(scripts, name), join(root, "scripts", name));
  }
  for (const [name, text] of Object.entries(files)) {
    const head = `import { test } from "node:test";\n`;
    await writeFile(join(root, "tests", `${name}.test.ts`), head + text);
  }
  // a runner within a test file thinks itself a part of it
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  return new Promise<{ code: unknown; said: string }>((resolve) => {
    const args = [join(root, "scripts", "test.mjs"), ...options];
    execFile(process.execPath, args, { env, cwd: root }, (error, out, err) => {
      resolve({ code: error?.code ?? 0, said: out + err });
    });
  });
}

test("test runner - results of files that leave something open all arrive", async (t) => {
  const many = `import { createServer } from "node:net";
    for (let i = 0; i < 500; i++) test("a name that takes its place " + i, () => {});
    test("leaves a server", () => { createServer().listen(0, "127.0.0.1"); });`;
  const { code, said } = await ran(t, { a: many, b: many, c: many, d: many });
  assert.match(said, /ℹ pass 2004\n/);
  assert.equal(code, 0, said.slice(-500));
});

test("test runner - a file that exits in the middle fails the run, and is named", async (t) => {
  const { code, said } = await ran(t, {
    fine: `test("fine", () => {});`,
    stops: `test("first", () => {}); test("stops", () => process.exit(0)); test("last", () => {});`,
  });
  assert.match(said, /Ended before its last test did:\n {2}tests\/stops.test.ts\n/);
  assert.doesNotMatch(said, /fine\.test\.ts/);
  assert.equal(code, 1);
});

test("test runner - one that hangs is ended at its time, and fails the run", async (t) => {
  const hangs = `test("hangs", () => new Promise((resolve) => setTimeout(resolve, 60_000)));`;
  const { code, said } = await ran(t, { hangs }, "--test-timeout=1000");
  assert.match(said, /test timed out after 1000ms/);
  assert.equal(code, 1);
});
