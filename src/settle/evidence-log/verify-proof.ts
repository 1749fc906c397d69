import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { ComityError } from "../../kernel/errors.ts";
import type { Checkpoint } from "../../wire/tlog/checkpoint.ts";
import { type NoteKey, noteKeyOf, signatureType, verifierKey } from "../../wire/tlog/note.ts";
import { proofIn, provedBy } from "../../wire/tlog/proof.ts";
import { entryOf, type Leaf } from "./leaf.ts";

/** What a proof's file proves. */
export interface VerifiedProof {
  readonly leaf: Leaf;
  readonly index: number;
  readonly checkpoint: Checkpoint;
  /** Names of those that signed the checkpoint, the log's own first, and with which kinds of keys. */
  readonly signers: readonly { readonly name: string; readonly lasting: boolean }[];
  /** Those that signed; to be compared once with what their nodes tell. */
  readonly keys: readonly string[];
}

const Beside = Compile(
  Type.Object({
    entry: Type.Object({
      v: Type.Literal(1),
      kind: Type.String(),
      at: Type.String(),
      of: Type.String(),
      seq: Type.Optional(Type.Integer()),
      hash: Type.String(),
    }),
    keys: Type.Array(Type.String({ maxLength: 8192 }), { maxItems: 256 }),
  }),
);

/** Does the text begin as such a file does? */
export function isLogProof(text: string): boolean {
  return text.startsWith("c2sp.org/tlog-proof@");
}

/** Checks it with nothing but the file. Throws EVIDENCE_BROKEN. */
export function verifyProof(text: string): VerifiedProof {
  const proved = provedIn(text);
  if (typeof proved === "string") throw new ComityError("EVIDENCE_BROKEN", { problem: proved });
  return proved;
}

/** What it proves; else in words why it does not. */
export function provedIn(text: string): VerifiedProof | string {
  const proof = proofIn(text);
  const beside = proof && besideIn(proof.extra);
  if (proof === undefined || beside === undefined) return "it is no proof of this kind";
  const keys = beside.keys.flatMap((one) => noteKeyOf(one) ?? []);
  const leaf = beside.entry as Leaf;
  const opened = provedBy(entryOf(leaf), proof, keys);
  if (typeof opened === "string") return opened;
  const { checkpoint, signers } = opened;
  const names = new Map<string, NoteKey[]>();
  for (const key of signers) names.set(key.name, [...(names.get(key.name) ?? []), key]);
  if (!names.has(checkpoint.origin)) return `${checkpoint.origin} has not signed it itself`;
  return {
    ...{ leaf, index: proof.index, checkpoint },
    signers: [...names].map(([name, of]) => {
      return { name, lasting: of.some(({ type }) => type === signatureType.mlDsa44Cosignature) };
    }),
    keys: signers.map(verifierKey),
  };
}

function besideIn(extra: Uint8Array | undefined) {
  try {
    const value: unknown = JSON.parse(Buffer.from(extra ?? []).toString("utf8"));
    return Beside.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
