import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Type, type Static } from "typebox";
import { Value } from "typebox/value";
import { ComityError, problemOf } from "../kernel/errors.ts";

/**
 * What a world must know at its second start: each node's identity and ports, and the tokens of
 * its Things, of which the nodes themselves keep only hashes. Readable by its owner alone.
 */
const nodeState = Type.Object({
  did: Type.String(),
  http: Type.Integer(),
  mqtt: Type.Integer(),
  tokens: Type.Record(Type.String(), Type.String()),
});

const worldState = Type.Object({
  version: Type.Literal(1),
  nodes: Type.Record(Type.String(), nodeState),
});

export type NodeState = Static<typeof nodeState>;
export type WorldState = Static<typeof worldState>;

const fileName = "world.json";

export function readState(folder: string): WorldState {
  const path = join(folder, fileName);
  if (!existsSync(path)) return { version: 1, nodes: {} };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new ComityError("CONFIG_INVALID", { problem: `${path}: ${problemOf(error)}` });
  }
  if (Value.Check(worldState, value)) return value;
  const problem = `${path} is not what this version wrote; start anew with --reset`;
  throw new ComityError("CONFIG_INVALID", { problem });
}

export function writeState(folder: string, state: WorldState): void {
  writePrivately(join(folder, fileName), `${JSON.stringify(state, undefined, 2)}\n`);
}

/** Whole or not at all, mode 600. */
export function writePrivately(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
