#!/usr/bin/env node
// Plain JavaScript that any Node.js can parse, so that one too old is told so in one line.
import { existsSync } from "node:fs";

const nodeMajorMin = 24;
const loadingMs = 3000;

if (Number.parseInt(process.versions.node, 10) < nodeMajorMin) {
  process.stderr.write(
    `comity needs Node.js ${nodeMajorMin} or newer and this is ${process.version}: ` +
      "install a current one from https://nodejs.org, then run the same command again.\n",
  );
  process.exitCode = 1;
} else {
  // Types are stripped and code compiled once, not at every start; before any source is loaded,
  // so that even the stripper is not. Processes started from here use the same cache.
  const { enableCompileCache, getCompileCacheDir } = await import("node:module");
  enableCompileCache();
  process.env.NODE_COMPILE_CACHE ??= getCompileCacheDir() ?? "";
  // Loading makes garbage for a moment and V8 would keep 30 MB of room for it ever after: the
  // young heap is kept small until all is loaded, then grows with what the node is given to do.
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString("--semi-space-growth-factor=1");
  setTimeout(() => setFlagsFromString("--semi-space-growth-factor=2"), loadingMs).unref();
  // A clone runs its sources; the installed package has none and runs what was built from them.
  const source = new URL("../src/main.ts", import.meta.url);
  const built = new URL("../dist/src/main.js", import.meta.url);
  await import((existsSync(source) ? source : built).href);
}
