/**
 * Bundles the console: everything a browser needs, in one flat folder with fixed names, so
 * that a node serves it with an ETag and nothing is ever fetched from elsewhere. Plain
 * JavaScript, because the set-up may run on an older Node.
 */
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
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

/** Of everything that is bundled. */
const common = {
  bundle: true,
  format: "esm",
  target: ["es2022"],
  // Licences stand in a file beside the bundle.
  legalComments: "external",
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [leafletModules],
  // Leaflet's style sheet names pictures of controls that this page does not have.
  loader: { ".png": "empty" },
  logLevel: "warning",
};

/**
 * The files of the console, and of those the ones that its first page takes: what a page alone
 * needs is fetched when it is opened.
 * @param {{ outDir?: string, minify?: boolean }} options
 */
export async function buildConsole({ outDir = join(HERE, "../dist/console"), minify = true } = {}) {
  // Names of chunks change with what is in them, and a bundle that fails leaves the last one.
  const fresh = `${outDir}-next`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const [app] = await Promise.all([
    build({
      ...common,
      entryPoints: [
        { in: join(SOURCES, "app.tsx"), out: "app" },
        { in: join(SOURCES, "style/app.css"), out: "app" },
        { in: join(SOURCES, "style/rooms.css"), out: "rooms" },
      ],
      ...{ outdir: fresh, minify, splitting: true, metafile: true },
      chunkNames: "[name]-[hash]",
    }),
    build({
      ...common,
      entryPoints: [
        { in: join(SOURCES, "share/sample.ts"), out: "share" },
        { in: join(SOURCES, "share/share.css"), out: "share" },
      ],
      ...{ outdir: fresh, minify },
    }),
    outlines().then((text) => writeFile(join(fresh, "outlines.json"), text)),
    copyFile(join(SOURCES, "index.html"), join(fresh, "index.html")),
    copyFile(join(SOURCES, "icon.svg"), join(fresh, "icon.svg")),
    ...(await wordFiles()).map((name) =>
      copyFile(join(SOURCES, "words", name), join(fresh, `words-${name}`)),
    ),
  ]);
  await rm(outDir, { recursive: true, force: true });
  await rename(fresh, outDir);
  const scripts = scriptsOf(app.metafile.outputs);
  const first = [...scripts("app.tsx"), ...scripts("world-page.tsx")];
  return {
    firstPage: new Set(["index.html", "icon.svg", "app.css", "outlines.json", ...first]),
    scripts: Object.keys(app.metafile.outputs)
      .map((path) => basename(path))
      .filter((name) => name.endsWith(".js")),
  };
}

/** The names of files that a browser loads for a source: its own, and those that one imports. */
function scriptsOf(outputs) {
  const loaded = (path) => [
    basename(path),
    ...outputs[path].imports
      .filter(({ kind }) => kind === "import-statement")
      .flatMap((one) => loaded(one.path)),
  ];
  return (source) => {
    const found = Object.keys(outputs).find((path) => outputs[path].entryPoint?.endsWith(source));
    if (found === undefined) throw new Error(`${source} is bundled nowhere`);
    return loaded(found);
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildConsole();
