import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, posix, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Repository root; every path here is relative to it, with forward slashes. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const made = new Set(["node_modules", "dist", "coverage", ".git", ".toolchain", ".comity"]);
const codeFolders = ["src", "tests", "bench", "examples", "scripts", "bin", "console"];
const textFolders = [...codeFolders, "docs", ".ci"];
const codeEnding = /\.(ts|tsx|mjs|js)$/;
const textEnding = /\.(ts|tsx|mjs|js|json|md|yaml|yml|css|html|csv)$|(^|\/)[^.]+$/;

function below(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((path) => posix.join(folder, path.split(sep).join("/")))
    .filter((path) => !path.split("/").some((part) => made.has(part)))
    .filter((path) => statSync(join(root, path)).isFile())
    .toSorted();
}

/** Files at the root that belong to the project, dot files included; `.git` is one in a worktree. */
function atRoot(): string[] {
  return readdirSync(root).filter(
    (path) => statSync(join(root, path)).isFile() && !made.has(path) && !/\.(tgz|log)$/.test(path),
  );
}

export function codeFiles(): string[] {
  return codeFolders.flatMap(below).filter((path) => codeEnding.test(path));
}

/** `.ts` files of `src/`: `parts` are what runs, `tests` what checks it. */
export function sourceFiles(): { parts: string[]; tests: string[] } {
  const all = below("src").filter((path) => path.endsWith(".ts"));
  return { parts: all.filter((path) => !isTest(path)), tests: all.filter(isTest) };
}

export function isTest(path: string): boolean {
  return /\.(test|conformance)\.ts$/.test(path) || path.startsWith("tests/");
}

/** Everything a person wrote: code, documents, settings. */
export function textFiles(): string[] {
  return [...textFolders.flatMap(below).filter((path) => textEnding.test(path)), ...atRoot()];
}

export function documents(): string[] {
  return textFiles().filter((path) => path.endsWith(".md"));
}

const texts = new Map<string, string>();

export function textOf(path: string): string {
  const known = texts.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(join(root, path), "utf8");
  texts.set(path, text);
  return text;
}

export function exists(path: string): boolean {
  return existsSync(join(root, path));
}

/** Number of the line on which the character at `index` stands, from 1. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** `path:line: what to do` for every match of the pattern (which must be global). */
export function findings(paths: readonly string[], pattern: RegExp, advice: string): string[] {
  return paths.flatMap((path) =>
    [...textOf(path).matchAll(pattern)].map(
      (match) =>
        `${path}:${lineAt(textOf(path), match.index)}: ${match[0].trim().slice(0, 60)} — ${advice}`,
    ),
  );
}
