/**
 * Bundles the console: everything a browser needs, in one flat folder with fixed names, so
 * that a node serves it with an ETag and nothing is ever fetched from elsewhere. Plain
 * JavaScript, because the set-up may run on an older Node.
 */
import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { outlines } from "./outlines.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(HERE, "src");

/** Leaflet's package leads to its whole-library build; its modules can be shaken. */
const leafletModules = {
  name: "leaflet-modules",
  setup({ onResolve }) {
    const path = createRequire(import.meta.url).resolve("leaflet/dist/leaflet-src.esm.js");
    onResolve({ filter: /^leaflet$/ }, () => ({ path }));
  },
};

/** English comes with the bundle; the others are fetched by who reads them. */
async function wordFiles() {
  const names = await readdir(join(SOURCES, "words"));
  return names.filter((name) => name !== "en.json");
}

/** @param {{ outDir?: string, minify?: boolean }} options */
export async function buildConsole({ outDir = join(HERE, "../dist/console"), minify = true } = {}) {
  await mkdir(outDir, { recursive: true });
  await Promise.all([
    build({
      entryPoints: [
        { in: join(SOURCES, "app.tsx"), out: "app" },
        { in: join(SOURCES, "style/app.css"), out: "app" },
        { in: join(SOURCES, "share/sample.ts"), out: "share" },
        { in: join(SOURCES, "share/share.css"), out: "share" },
      ],
      outdir: outDir,
      bundle: true,
      format: "esm",
      target: ["es2022"],
      minify,
      // Licences stand in a file beside the bundle.
      legalComments: "external",
      jsx: "automatic",
      jsxImportSource: "preact",
      plugins: [leafletModules],
      // Leaflet's style sheet names pictures of controls that this page does not have.
      loader: { ".png": "empty" },
      logLevel: "warning",
    }),
    outlines().then((text) => writeFile(join(outDir, "outlines.json"), text)),
    copyFile(join(SOURCES, "index.html"), join(outDir, "index.html")),
    copyFile(join(SOURCES, "icon.svg"), join(outDir, "icon.svg")),
    ...(await wordFiles()).map((name) =>
      copyFile(join(SOURCES, "words", name), join(outDir, `words-${name}`)),
    ),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildConsole();
