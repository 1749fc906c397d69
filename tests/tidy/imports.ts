import { posix } from "node:path";
import { exists, lineAt, textOf } from "./sources.ts";

export interface Import {
  readonly line: number;
  /** Path from the repository root, or the bare name of a package or built-in. */
  readonly target: string;
  readonly bare: boolean;
}

const forms = [
  /^\s*(?:import|export)\b[^;'"]*?\bfrom\s*["']([^"']+)["']/gm,
  /^\s*import\s*["']([^"']+)["']/gm,
  /\bimport\(\s*["']([^"']+)["']/g,
];

/** Every import of a file: type-only, re-exported and dynamic ones too. */
export function importsOf(path: string): Import[] {
  return importsIn(textOf(path), path);
}

export function importsIn(text: string, path: string): Import[] {
  return forms.flatMap((form) =>
    Array.from(text.matchAll(form), (match) => {
      const name = match[1] ?? "";
      const bare = !name.startsWith(".");
      const target = bare ? name : posix.join(posix.dirname(path), name);
      return { line: lineAt(text, match.index + match[0].length), target, bare };
    }),
  );
}

/** Files that a file names in a string, such as a worker's: `"./store-worker.ts"`. */
export function filesNamedIn(path: string): string[] {
  return [...textOf(path).matchAll(/["'`](\.{1,2}\/[\w./-]+\.ts)["'`]/g)]
    .map((match) => posix.join(posix.dirname(path), match[1] ?? ""))
    .filter((target) => exists(target));
}

export type Graph = ReadonlyMap<string, readonly string[]>;

/** Who imports whom among the given files. */
export function graphOf(paths: readonly string[]): Graph {
  const known = new Set(paths);
  return new Map(
    paths.map((path) => [
      path,
      importsOf(path)
        .map((entry) => entry.target)
        .filter((target) => known.has(target)),
    ]),
  );
}

/** Groups of files that import each other in a circle (Tarjan's components of more than one). */
export function circles(graph: Graph): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];

  const visit = (node: string): void => {
    order.set(node, order.size);
    low.set(node, order.get(node) ?? 0);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      const reached = stack.includes(next) ? low.get(next) : undefined;
      if (reached !== undefined) low.set(node, Math.min(low.get(node) ?? 0, reached));
    }
    if (low.get(node) !== order.get(node)) return;
    const component = stack.splice(stack.indexOf(node));
    if (component.length > 1 || graph.get(node)?.includes(node)) found.push(component);
  };

  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}

/** Everything that can be reached from the roots, themselves included. */
export function reachable(
  roots: readonly string[],
  next: (path: string) => readonly string[],
): Set<string> {
  const seen = new Set<string>();
  const waiting = [...roots];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    waiting.push(...next(path));
  }
  return seen;
}
