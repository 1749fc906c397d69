#!/usr/bin/env node
// Plain JavaScript that any Node.js can parse, so that one too old is told so in one line.
import { existsSync } from "node:fs";

const nodeMajorMin = 24;

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
  // A clone runs its sources; the installed package has none and runs what was built from them.
  const source = new URL("../src/main.ts", import.meta.url);
  const built = new URL("../dist/src/main.js", import.meta.url);
  await import((existsSync(source) ? source : built).href);
}
