import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rmSync, symlinkSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { root } from "./tidy/sources.ts";

const readyMs = 20_000;
const noNetwork = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)\b/;
const folder = mkdtempSync(join(tmpdir(), "comity-package-"));
const clone = join(folder, "clone");
const elsewhere = join(folder, "elsewhere");
const comity = join(elsewhere, "node_modules", ".bin", "comity");

/** Runs a program of the package with the Node.js of this test first on the path. */
const env = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
};

function run(command: string, args: readonly string[], cwd: string): { code: number; out: string } {
  const done = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  return { code: done.status ?? 1, out: `${done.stdout}${done.stderr}` };
}

/** Builds and packs a copy, so that other tests' `dist` stays as it is; returns the tarball. */
function pack(): string {
  const left = new Set(["node_modules", "dist", ".git", ".toolchain", "comity-data", ".comity"]);
  cpSync(root, clone, {
    recursive: true,
    filter: (source) => !left.has(source.slice(root.length + 1)),
  });
  symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
  const built = run(process.execPath, ["scripts/build.mjs"], clone);
  assert.equal(built.code, 0, built.out);
  const packed = run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], clone);
  assert.equal(packed.code, 0, packed.out);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  return join(folder, tarball ?? "comity.tgz");
}

/** What the process has printed once it matches; rejects when it ends or takes too long. */
function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const give = (why: string): void => reject(new Error(`${why}; it printed:\n${text}`));
    const late = setTimeout(() => give(`not ready after ${readyMs} ms`), readyMs);
    const take = (chunk: Buffer): void => {
      text += chunk.toString();
      if (!pattern.test(text)) return;
      clearTimeout(late);
      resolve(text);
    };
    child.stdout?.on("data", take);
    child.stderr?.on("data", take);
    child.once("exit", (code) => {
      clearTimeout(late);
      give(`it ended with ${code}`);
    });
  });
}

suite("package - installed in an empty folder", () => {
  let unreachable = "";

  before(() => {
    mkdirSync(elsewhere);
    const tarball = pack();
    const options = ["--ignore-scripts", "--prefix", elsewhere, "--prefer-offline"];
    const installed = run("npm", ["install", tarball, ...options], elsewhere);
    if (installed.code === 0) return;
    unreachable = noNetwork.exec(installed.out)?.[0] ?? "";
    assert.notEqual(unreachable, "", installed.out);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  const reason = (): string => `npm cannot reach its package registry (${unreachable})`;

  test("package - holds what is published and nothing else", (t) => {
    if (unreachable !== "") return t.skip(reason());
    const inside = join(elsewhere, "node_modules", "comity");
    const expected = ["CHANGELOG.md", "LICENSE", "bin", "dist", "docs", "package.json"];
    const found = readdirSync(inside).filter((name) => name !== "README.md");
    assert.deepEqual(found.toSorted(), expected);
    assert.ok(existsSync(join(inside, "dist", "console", "index.html")));
    const tests = readdirSync(join(inside, "dist"), { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      tests.filter((path) => /\.(test|conformance)\./.test(path)),
      [],
    );
  });

  test("package - the command tells its version", (t) => {
    if (unreachable !== "") return t.skip(reason());
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const told = run(comity, ["--version"], elsewhere);
    assert.equal(told.code, 0, told.out);
    assert.ok(told.out.includes(version), told.out);
  });

  test("package - `comity up` starts a node, serves its page and stops when asked", async (t) => {
    if (unreachable !== "") return t.skip(reason());
    const args = ["up", "--data", join(folder, "data"), "--http", "0", "--mqtt", "0"];
    const child = spawn(comity, args, { cwd: elsewhere, env, stdio: ["ignore", "pipe", "pipe"] });
    const ended = once(child, "exit");
    try {
      const text = await printed(child, /http:\/\/[\s\S]*mqtt:\/\/|mqtt:\/\/[\s\S]*http:\/\//);
      const url = /http:\/\/[\w.:[\]]+/.exec(text)?.[0] ?? "";
      const health = await fetch(`${url}/api/v1/health`);
      assert.equal(health.status, 200);
      const page = await (await fetch(`${url}/`)).text();
      assert.match(page, /<script[^>]+src=/, "the bundled console is served");
    } finally {
      child.kill("SIGTERM");
    }
    assert.deepEqual(await ended, [0, null]);
  });
});

test("package - packing sets up and builds first", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  assert.equal(scripts.prepack, "node scripts/setup.mjs && node scripts/build.mjs");
});

test("package - an older Node.js is told in one line what to do", () => {
  // The version is all that tells an old Node.js: the command must not load anything before it.
  const older = `Object.defineProperty(process.versions, "node", { value: "20.20.2" });
    Object.defineProperty(process, "version", { value: "v20.20.2" });
    await import(${JSON.stringify(join(root, "bin", "comity.mjs"))});`;
  const done = spawnSync(process.execPath, ["--input-type=module", "-e", older], {
    encoding: "utf8",
  });
  assert.equal(done.status, 1);
  assert.equal(done.stdout, "");
  assert.match(done.stderr, /^comity needs Node\.js 24 or newer and this is v20\.20\.2: .+\n$/);
});
