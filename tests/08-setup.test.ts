import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { root } from "./tidy/sources.ts";

interface Clone {
  readonly folder: string;
  /** Runs the set-up with the real npm; what it said and how it ended. */
  setUp(...args: string[]): { code: number | null; said: string };
  /** The same, beside others. */
  begin(): Promise<{ code: number | null; said: string }>;
  has(path: string): boolean;
  read(path: string): string;
  write(path: string, text: string): void;
}

/** A clone with the given dependencies in its lock file, and a console that copies its source. */
function cloneOf(t: TestContext, dependencies: Record<string, string>): Clone {
  const folder = mkdtempSync(join(tmpdir(), "comity-setup-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  for (const name of ["scripts", "console", "src/client", ".toolchain"])
    mkdirSync(path(name), { recursive: true });
  cpSync(join(root, "scripts", "setup.mjs"), path("scripts/setup.mjs"));
  const project = { name: "trial", version: "1.0.0", dependencies };
  const entries = Object.entries(dependencies).map(
    ([name, version]) => [`node_modules/${name}`, { version }] as const,
  );
  const packages = { "": project, ...Object.fromEntries(entries) };
  const lock = { name: "trial", version: "1.0.0", lockfileVersion: 3, requires: true, packages };
  writeFileSync(path("package.json"), JSON.stringify(project));
  writeFileSync(path("package-lock.json"), JSON.stringify(lock));
  writeFileSync(path("console/page.txt"), "first");
  writeFileSync(
    path("console/build.mjs"),
    `import { cpSync } from "node:fs";
     export async function buildConsole({ outDir }) {
       cpSync(new URL("page.txt", import.meta.url), outDir + "/index.html");
     }`,
  );
  const env = {
    ...process.env,
    npm_config_registry: "http://127.0.0.1:9/", // the discard port: nothing answers
    npm_config_fetch_retries: "0",
    npm_config_cache: path("cache"),
  };
  const script = path("scripts/setup.mjs");
  return {
    folder,
    setUp: (...args) => {
      const { status, stderr } = spawnSync(process.execPath, [script, ...args], {
        ...{ cwd: folder, env },
        encoding: "utf8",
      });
      return { code: status, said: stderr };
    },
    async begin() {
      const child = spawn(process.execPath, [script], { cwd: folder, env });
      let said = "";
      child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
      const [code] = (await once(child, "close")) as [number | null];
      return { code, said };
    },
    has: (name) => existsSync(path(name)),
    read: (name) => readFileSync(path(name), "utf8"),
    write: (name, text) => writeFileSync(path(name), text),
  };
}

test("set-up - installs and bundles once, then finds nothing to do and says nothing", (t) => {
  const clone = cloneOf(t, {});
  const first = clone.setUp();
  assert.equal(first.code, 0, first.said);
  assert.match(first.said, /packages installed/);
  assert.match(first.said, /console bundled/);
  assert.equal(clone.read("dist/console/index.html"), "first");
  assert.deepEqual(clone.setUp("--quiet"), { code: 0, said: "" });
});

test("set-up - those that are started at once take turns, and what one has done the other leaves", async (t) => {
  const clone = cloneOf(t, {});
  clone.write(
    "console/build.mjs",
    `import { copyFileSync, mkdirSync, rmdirSync } from "node:fs";
     import { setTimeout } from "node:timers/promises";
     export async function buildConsole({ outDir }) {
       mkdirSync("busy"); // throws where another is at it
       await setTimeout(500);
       mkdirSync(outDir, { recursive: true });
       copyFileSync("console/page.txt", outDir + "/index.html");
       rmdirSync("busy");
     }`,
  );
  clone.write(".toolchain/set-up.pid", "999999999"); // of one that was killed
  const both = await Promise.all([clone.begin(), clone.begin()]);
  assert.deepEqual(
    both.map(({ code }) => code),
    [0, 0],
    both.map(({ said }) => said).join("\n"),
  );
  const said = both.map((one) => one.said).join("");
  assert.equal(said.match(/console bundled/g)?.length, 1, said);
  assert.match(said, /another set-up of this clone runs; waiting for it/);
  assert.ok(!clone.has(".toolchain/set-up.pid"));
});

test("set-up - bundles again when a source of the console changed or the bundle is gone", (t) => {
  const clone = cloneOf(t, {});
  clone.setUp();
  clone.write("console/page.txt", "second");
  assert.match(clone.setUp("--quiet").said, /console bundled/);
  assert.equal(clone.read("dist/console/index.html"), "second");
  rmSync(join(clone.folder, "dist"), { recursive: true });
  assert.match(clone.setUp("--quiet").said, /console bundled/);
});

test("set-up - a bundle that fails leaves no stamp, and the next run tries again", (t) => {
  const clone = cloneOf(t, {});
  const good = clone.read("console/build.mjs");
  clone.write(
    "console/build.mjs",
    `export async function buildConsole() { throw new Error("page.txt line 3"); }`,
  );
  const failed = clone.setUp();
  assert.equal(failed.code, 1);
  assert.match(failed.said, /bundling the console failed: page\.txt line 3/);
  clone.write("console/build.mjs", good);
  assert.equal(clone.setUp().code, 0);
  assert.ok(clone.has("dist/console/index.html"));
});

test("set-up - installs again when the lock file changed", (t) => {
  const clone = cloneOf(t, {});
  clone.setUp();
  clone.write("package-lock.json", `${clone.read("package-lock.json")}\n`);
  rmSync(join(clone.folder, "node_modules", ".package-lock.json"), { force: true });
  assert.match(clone.setUp().said, /packages installed/);
});

test("set-up - says so when npm cannot reach its registry, and leaves no stamp", (t) => {
  const clone = cloneOf(t, { "a-package-to-fetch": "1.0.0" });
  const { code, said } = clone.setUp();
  assert.equal(code, 1);
  assert.match(said, /cannot reach its package registry \(ECONNREFUSED\)/);
  assert.match(said, /then run this again/);
  assert.equal(clone.has("node_modules/.comity/packages"), false);
});

test("set-up - tells what npm found wrong where the lock file is not complete", (t) => {
  const clone = cloneOf(t, {});
  const project = { name: "trial", version: "1.0.0", dependencies: { "a-package": "1.0.0" } };
  clone.write("package.json", JSON.stringify(project));
  const { code, said } = clone.setUp();
  assert.equal(code, 1);
  assert.match(said, /installing packages/);
  assert.doesNotMatch(said, /at .*setup\.mjs:\d+/);
});
