/** Files of evidence as a person gets them and hands them on, and what a forger may try with them. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../../src/cli/program.ts";
import type { TestNode } from "../two-nodes.ts";

type Leaf = string | number | boolean | null;
/** Where in a file a value stands. */
export type Path = readonly (string | number)[];

/** What the command says, as one of the node's people types it; it must not fail. */
export async function asked({ node, token }: TestNode, ...words: string[]): Promise<string> {
  const said = { out: "", err: "" };
  const code = await runCli(["--url", node.httpUrl, "--token", token, ...words], {
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
    env: {},
  });
  assert.equal(code, 0, said.err);
  return said.out;
}

/** An empty folder, with no node and no data of one. */
export async function emptyFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "comity-files-"));
  return { path, remove: () => rm(path, { recursive: true }) };
}

/** `comity verify FILE`, by somebody who has the file and nothing else. */
export async function verified(file: string): Promise<{ code: number; text: string }> {
  let text = "";
  const stream = { write: (more: string) => (text += more) };
  const code = await runCli(["verify", file], { stdout: stream, stderr: stream, env: {} });
  return { code, text };
}

export async function jsonOf(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, "utf8"));
}

/** Every value in it that has no members of its own, but for proofs out of logs. */
export function leavesOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return at.at(-1) === "proof" ? [] : [at];
  return Object.entries(value).flatMap(([name, below]) => leavesOf(below, [...at, name]));
}

/** The same with one value changed: a letter of a text, a number by one. */
export function changedAt(value: unknown, path: Path, pick: number): unknown {
  const copy: unknown = structuredClone(value);
  const [last, above] = [path.at(-1)!, path.slice(0, -1)];
  let holder = copy as Record<string | number, unknown>;
  for (const name of above) holder = holder[name] as Record<string | number, unknown>;
  holder[last] = changed(holder[last] as Leaf, pick);
  return copy;
}

function changed(leaf: Leaf, pick: number): Leaf {
  if (typeof leaf === "number") return leaf + 1;
  if (typeof leaf !== "string") return leaf === true ? null : "x";
  if (leaf === "") return "x";
  const at = pick % leaf.length;
  const other = /\d/.test(leaf[at]!) ? String((Number(leaf[at]) + 1) % 10) : flipped(leaf[at]!);
  return `${leaf.slice(0, at)}${other}${leaf.slice(at + 1)}`;
}

function flipped(letter: string): string {
  return letter === "a" ? "b" : "a";
}

/** Without proofs out of logs, of which each side has its own. */
export function withoutProofs(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (name, one: unknown) => (name === "proof" ? "" : one)));
}
