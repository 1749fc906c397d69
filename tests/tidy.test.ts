/**
 * The style as a test: what docs/architecture.md and CONTRIBUTING.md say about floors, files,
 * names, errors and documents is held here. Each finding names file, line and what to do.
 */
import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import { errorsPage } from "../scripts/errors-page.ts";
import { catalogue } from "../src/kernel/errors.ts";
import { layoutProblem, mayImport, roomOf } from "./tidy/floors.ts";
import { circles, filesNamedIn, graphOf, importsOf, reachable } from "./tidy/imports.ts";
import { brokenLinks, unknownPaths } from "./tidy/links.ts";
import { codeFiles, documents, exists, findings, isTest } from "./tidy/sources.ts";
import { lineAt, sourceFiles, textFiles, textOf } from "./tidy/sources.ts";

const linesMax = 400;
const columnsMax = 100;
const decisionLinesMax = 60;

interface Locked {
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

function hold(rule: string, look: () => string[]): void {
  test(`tidy - ${rule}`, () => {
    const found = look();
    if (found.length > 0) assert.fail(`${found.length} to mend:\n  ${found.join("\n  ")}`);
  });
}

hold("every file of src stands in a room the architecture knows", () =>
  sourceFiles().parts.flatMap((path) => layoutProblem(path) ?? []),
);

hold("imports run downhill only", () =>
  sourceFiles().parts.flatMap((path) =>
    importsOf(path)
      .filter(({ bare, target }) => !bare && !mayImport(path, target))
      .map(
        ({ line, target }) =>
          `${path}:${line}: ${roomOf(path)} may not import ${target}; ` +
          "move the shared part downhill, or pass it in from src/node.ts",
      ),
  ),
);

hold("only src/node.ts names an engine", () =>
  sourceFiles()
    .parts.filter((path) => path !== "src/node.ts" && roomOf(path) !== "engines")
    .flatMap((path) =>
      importsOf(path)
        .filter(({ target }) => target.startsWith("src/engines/"))
        .map(({ line, target }) => `${path}:${line}: ${target}; take the port by argument`),
    ),
);

hold("a sector is its folder and a line in src/sectors/list.ts, and nothing else", () => {
  const list = "src/sectors/list.ts";
  const sectorOf = (path: string): string | undefined =>
    /^src\/sectors\/([a-z0-9-]+)\//.exec(path)?.[1];
  const { parts } = sourceFiles();
  const listed = new Set(importsOf(list).map(({ target }) => sectorOf(target)));
  const folders = new Set(parts.flatMap((path) => sectorOf(path) ?? []));
  const reaching = parts
    .filter((path) => path !== list)
    .flatMap((path) =>
      importsOf(path)
        .filter(({ target }) => ![undefined, sectorOf(path)].includes(sectorOf(target)))
        .map(({ line, target }) => `${path}:${line}: ${target}; only ${list} knows a sector`),
    );
  const unlisted = [...folders].filter((folder) => !listed.has(folder));
  return [...reaching, ...unlisted.map((folder) => `${folder} is not in ${list}`)];
});

hold("every relative import leads to a file", () =>
  codeFiles().flatMap((path) =>
    importsOf(path)
      .filter(({ bare, target }) => !bare && !exists(target) && !target.startsWith("dist/"))
      .map(({ line, target }) => `${path}:${line}: there is no ${target}; correct the path`),
  ),
);

hold("no import circles, type-only ones included", () =>
  circles(graphOf(sourceFiles().parts)).map(
    (circle) => `${circle.join(" ⇄ ")}: move what they share into a file both may import`,
  ),
);

hold("published code imports published dependencies, and each of them is used", () => {
  const { dependencies } = JSON.parse(textOf("package.json"));
  const used = new Set<string>();
  const problems = sourceFiles().parts.flatMap((path) =>
    importsOf(path)
      .filter(({ bare, target }) => bare && !target.startsWith("node:"))
      .flatMap(({ line, target }) => {
        const name = target.split("/").slice(0, target.startsWith("@") ? 2 : 1);
        used.add(name.join("/"));
        if (name.join("/") in dependencies) return [];
        return `${path}:${line}: ${target} is not under "dependencies" in package.json`;
      }),
  );
  const idle = Object.keys(dependencies).filter((name) => !used.has(name));
  return [...problems, ...idle.map((name) => `package.json: nothing in src imports ${name}`)];
});

hold("every dependency has its reason in a decision", () => {
  const { dependencies, devDependencies } = JSON.parse(textOf("package.json"));
  const page = decisions().find((path) => path.endsWith("-libraries.md")) ?? "";
  assert.notEqual(page, "", "docs/decisions needs a page NNNN-libraries.md");
  return Object.keys({ ...dependencies, ...devDependencies })
    .filter((name) => !textOf(page).includes(`\`${name}\``))
    .map((name) => `${page}: say in one line why \`${name}\` and not another`);
});

hold("the lock file is complete for every platform", () => {
  const packages: Record<string, Locked> = JSON.parse(textOf("package-lock.json")).packages;
  // Node.js looks beside the package, then in each folder above; so does npm ci.
  const found = (from: string, name: string): boolean =>
    `${from}/node_modules/${name}`.replace(/^\//, "") in packages ||
    (from !== "" && found(from.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, ""), name));
  return Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !found(path, name))
      .map(
        (name) =>
          `package-lock.json: ${name}, which ${path} may need, is missing and npm ci refuses; ` +
          "take a version whose packages are all published",
      ),
  );
});

hold("named exports only, no enum, no namespace", () => [
  ...findings(codeFiles(), /^export (default\b|\{[^}]*\bas default\b)/gm, "export it by name"),
  ...findings(
    codeFiles(),
    /^(export )?(declare )?(const )?(enum|namespace) \w+/gm,
    "use a union of literals, or a file",
  ),
]);

hold("a worker's file is named so that the built package finds it too", () =>
  findings(
    sourceFiles().parts,
    /new URL\(\s*["'][^"']+\.ts["']/g,
    'choose by import.meta.url.endsWith(".ts"), as scripts/build.mjs says',
  ),
);

hold("file names are kebab-case and say what is in the file", () =>
  codeFiles().flatMap((path) => {
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|conformance|d))?\.(ts|tsx|mjs|js)$/;
    const empty = /^(utils?|helpers?|manager|common|misc|shared|lib)$/;
    const folders = path.split("/").slice(0, -1);
    const words = posix.basename(path).replace(/\..*$/, "").split("-");
    if (!kebab.test(posix.basename(path))) return `${path}: rename it in kebab-case`;
    const vague = [...folders, ...words].find((word) => empty.test(word));
    return vague === undefined ? [] : `${path}: "${vague}" says nothing; name what it does`;
  }),
);

hold(`a file has at most ${linesMax} lines`, () =>
  codeFiles()
    .map((path) => ({ path, lines: textOf(path).split("\n").length - 1 }))
    .filter(({ lines }) => lines > linesMax)
    .map(({ path, lines }) => `${path}: ${lines} lines; split it along its subjects`),
);

hold(`a line has at most ${columnsMax} columns`, () => {
  // A single string, template or regular expression cannot be broken without harm, and a
  // clause of a specification stands beside the line that obeys it.
  const whole = /^(return |[\w.]+(:| =) |test\()?["'`/].*["'`/][a-z]*(, .* => \{|[,;)]*)$/;
  const clause = / \/\/ (\[[A-Z0-9.-]+\]|[A-Z]{2,}[ A-Z0-9.-]* §).*$/;
  return codeFiles().flatMap((path) =>
    textOf(path)
      .split("\n")
      .flatMap((line, index) => {
        const columns = Array.from(line.replace(clause, "")).length;
        if (columns <= columnsMax || whole.test(line.trim())) return [];
        return `${path}:${index + 1}: ${columns} columns; break the line`;
      }),
  );
});

hold("no dead files in src", () => {
  const outside = codeFiles().filter((path) => !path.startsWith("src/"));
  const { parts, tests } = sourceFiles();
  // What only its own unit test imports is dead: the test does not keep it alive.
  const next = (path: string): string[] => {
    const own = path.replace(/\.test\.ts$/, ".ts");
    const imported = importsOf(path).map(({ target }) => target);
    const all = [...imported, ...filesNamedIn(path)].filter((target) => exists(target));
    return isTest(path) ? all.filter((target) => target !== own) : all;
  };
  const roots = ["src/main.ts", "src/client/index.ts", ...outside, ...tests];
  const alive = reachable(roots.filter(exists), next);
  const isSuite = (path: string): boolean => path.endsWith(".conformance.ts");
  const users = tests.filter((path) => !isSuite(path)).concat(outside);
  const run = reachable(users.filter(exists), next);
  return [
    ...roots.slice(0, 2).filter((path) => !exists(path)),
    ...parts.filter((path) => !alive.has(path)),
    ...tests.filter((path) => isSuite(path) && !run.has(path)),
  ].map((path) => `${path}: nothing uses it (or it is missing); wire it in or remove it`);
});

hold("what src exports is used by another file", () => {
  const texts = codeFiles().map((path) => ({ path, words: new Set(textOf(path).match(/\w+/g)) }));
  return sourceFiles().parts.flatMap((path) =>
    [...textOf(path).matchAll(/^export (?:async )?(?:function\*?|const|class) (\w+)/gm)]
      .filter(([, name = ""]) => !texts.some((one) => one.path !== path && one.words.has(name)))
      .map((match) => {
        const line = lineAt(textOf(path), match.index);
        return `${path}:${line}: nobody else uses ${match[1]}; remove it, or its "export"`;
      }),
  );
});

hold("docs/reference/errors.md is the catalogue", () => {
  const page = "docs/reference/errors.md";
  if (exists(page) && textOf(page) === errorsPage()) return [];
  return [`${page}: differs from src/kernel/errors.ts; run npm run errors-page`];
});

hold("every error code is thrown somewhere, and only codes of the catalogue are", () => {
  const parts = sourceFiles().parts.filter((path) => path !== "src/kernel/errors.ts");
  const unused = Object.keys(catalogue)
    .filter((code) => !parts.some((path) => textOf(path).includes(`"${code}"`)))
    .map((code) => `src/kernel/errors.ts: nothing throws ${code}; remove it or use it`);
  const unknown = parts.flatMap((path) =>
    [...textOf(path).matchAll(/new ComityError\(\s*["'](\w+)["']/g)]
      .filter((match) => !((match[1] ?? "") in catalogue))
      .map((match) => `${path}:${lineAt(textOf(path), match.index)}: ${match[1]} is no code`),
  );
  return [...unused, ...unknown];
});

hold("links in documents lead somewhere", () => documents().flatMap(brokenLinks));

hold("files named in documents exist", () => documents().flatMap(unknownPaths));

hold("every folder of src has one file whose top comment tells its story", () => {
  const folders = Map.groupBy(sourceFiles().parts, (path) => posix.dirname(path));
  folders.delete("src");
  const negation = /\b(never|nothing|nobody|none|not?|neither)\b/i; // what it does not do
  const tells = (path: string): boolean => {
    const story = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(textOf(path))?.[1] ?? "";
    return story.trim().split("\n").length >= 3 && negation.test(story);
  };
  return [...folders]
    .filter(([, paths]) => !paths.some(tells))
    .map(
      ([folder]) =>
        `${folder}/: begin one file with a comment of some lines: what comes in, what goes out, ` +
        "and what this folder never does",
    );
});

hold("nothing is left to do later", () =>
  findings(
    textFiles().filter((path) => path !== "package-lock.json"),
    /\b(TO[D]O|FIX[M]E|HAC[K])\b/g,
    "do it now, or open an issue",
  ),
);

hold("no machine's paths and no registry's host in what is published", () => [
  ...findings(
    textFiles(),
    /(?<![\w.~$}*-])\/(work|tm[p]|root|home\/\w+|Users\/\w+)\/[\w.-]+/g,
    "make it relative to the repository, or use os.tmpdir()",
  ),
  ...findings(
    textFiles(),
    /\bregistr[y]\.[a-z0-9-]+\.[a-z]+|localhost:487[3]/g,
    "leave the registry to npm's own settings",
  ),
  ...findings(["package-lock.json"], /"resolve[d]": .*/g, "keep .npmrc and run npm install"),
]);

function decisions(): string[] {
  return documents().filter((path) => path.startsWith("docs/decisions/"));
}

hold("decisions are numbered without gaps and fit a page", () =>
  decisions().flatMap((path, index) => {
    const number = index + 1;
    const name = posix.basename(path);
    const wanted = `${String(number).padStart(4, "0")}-`;
    if (!name.startsWith(wanted)) return `${path}: its number should be ${wanted.slice(0, 4)}`;
    const lines = textOf(path).split("\n");
    const titled = lines[0]?.startsWith(`# ${number}. `);
    if (!titled) return `${path}:1: begin with "# ${number}. What was decided"`;
    if (lines.length > decisionLinesMax) return `${path}: longer than ${decisionLinesMax} lines`;
    return [];
  }),
);
