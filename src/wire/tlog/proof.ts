/** c2sp.org/tlog-proof: that an entry stands in a log, in a file that needs nothing else. */
import { openCheckpoint, type OpenedCheckpoint } from "./checkpoint.ts";
import { leafHash, rootByInclusion } from "./merkle.ts";
import type { NoteKey } from "./note.ts";

export interface LogProof {
  readonly index: number;
  /** From the leaf's sibling up. */
  readonly hashes: readonly Uint8Array[];
  /** The checkpoint with its signatures, as the log gave it. */
  readonly checkpoint: string;
  /** What the application put beside it; nothing vouches for it. */
  readonly extra?: Uint8Array;
}

const header = "c2sp.org/tlog-proof@v1";
const hashesMax = 64;

export function proofText({ index, hashes, checkpoint, extra }: LogProof): string {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const lines = [
    header,
    ...(extra === undefined ? [] : [`extra ${base64(extra)}`]),
    `index ${index}`,
    ...hashes.map(base64),
  ];
  return `${lines.join("\n")}\n\n${checkpoint}`;
}

/** Undefined: it is no such proof. */
export function proofIn(text: string): LogProof | undefined {
  const end = text.indexOf("\n\n");
  if (end < 0) return undefined;
  const [first, ...lines] = text.slice(0, end).split("\n");
  if (first !== header) return undefined;
  const [, encoded] = /^extra ([A-Za-z0-9+/]+={0,2})$/.exec(lines[0] ?? "") ?? [];
  if (encoded !== undefined) lines.shift();
  const [, index] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? "") ?? [];
  const hashes = lines.map((line) => Buffer.from(line, "base64"));
  const isRight = hashes.every((hash, i) => hash.toString("base64") === lines[i]);
  if (index === undefined || !isRight || hashes.length > hashesMax) return undefined;
  return {
    ...{ index: Number(index), hashes, checkpoint: text.slice(end + 2) },
    ...(encoded !== undefined && { extra: Buffer.from(encoded, "base64") }),
  };
}

/** The checkpoint that the entry is proved to stand in; else in words why not. */
export function provedBy(
  entry: Uint8Array,
  { index, hashes, checkpoint }: LogProof,
  keys: readonly NoteKey[],
): OpenedCheckpoint | string {
  const opened = openCheckpoint(checkpoint, keys);
  if (opened === undefined) return "its checkpoint is none, or a signature under it is wrong";
  const { size, root } = opened.checkpoint;
  if (index >= size) return `entry ${index} is beyond the ${size} of its checkpoint`;
  const made = rootByInclusion(leafHash(entry), index, size, hashes);
  if (made === undefined || Buffer.compare(made, root) !== 0) {
    return `entry ${index} does not lead to the root of its checkpoint`;
  }
  return opened;
}
