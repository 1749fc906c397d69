/**
 * Builds what is published: `dist/src` (JavaScript and types from `src/`, without tests), the
 * data files that stand beside the sources, and `dist/console`. A clone never needs it to run.
 * `tsc` does not rewrite worker files named by URL; those name both endings themselves:
 * `new URL(import.meta.url.endsWith(".ts") ? "./w.ts" : "./w.js", import.meta.url)`.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const built = join(dist, "src");
/** Data that code reads beside itself. */
const dataEndings = new Set([".yaml", ".yml", ".json", ".csv", ".sql"]);

function compile() {
  rmSync(built, { recursive: true, force: true });
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) {
    process.stderr.write("build: the sources do not compile; correct what is named above.\n");
    process.exit(1);
  }
}

function copyData() {
  const entries = readdirSync(join(root, "src"), { recursive: true });
  for (const path of entries.filter((entry) => dataEndings.has(extname(entry)))) {
    cpSync(join(root, "src", path), join(built, path));
  }
  // `../package.json` is found from dist/src as it is from src, with what a reader needs of it.
  const { name, version, type } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  writeFileSync(join(dist, "package.json"), `${JSON.stringify({ name, version, type })}\n`);
}

async function bundleConsole() {
  if (existsSync(join(dist, "console", "index.html"))) return; // set-up keeps it up to date
  const { buildConsole } = await import("../console/build.mjs");
  await buildConsole({ outDir: join(dist, "console"), minify: true });
}

compile();
copyData();
await bundleConsole();
process.stdout.write("build: dist is ready\n");
