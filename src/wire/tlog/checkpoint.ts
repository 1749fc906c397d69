/** c2sp.org/tlog-checkpoint and tlog-cosignature: a log's head, and what its signers sign of it. */
import type { TreeHead } from "./merkle.ts";
import {
  type NoteKey,
  noteIn,
  type SignedMessage,
  type SignedNote,
  signatureType,
  signersOf,
} from "./note.ts";

export interface Checkpoint extends TreeHead {
  /** The log's name. */
  readonly origin: string;
}

const rootBytes = 32;
const timeBytes = 8;

/** The note's text. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString("base64")}\n`;
}

/** Undefined: the text is none. Extension lines are not read. */
function checkpointIn(text: string): Checkpoint | undefined {
  const [origin = "", size = "", encoded = ""] = text.split("\n");
  const root = Buffer.from(encoded, "base64");
  const isRoot = root.length === rootBytes && root.toString("base64") === encoded;
  const isSize = /^(0|[1-9]\d{0,15})$/.test(size) && Number.isSafeInteger(Number(size));
  if (origin === "" || !isSize || !isRoot || !text.endsWith("\n")) return undefined;
  return { origin, size: Number(size), root };
}

/** What an Ed25519 cosigner signs; seconds since the Unix epoch. */
export function cosignedText(text: string, seconds: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
}

/** What an ML-DSA-44 cosigner signs (`cosigned_message`); the log itself is one. */
export function cosignedHead(
  cosigner: string,
  { origin, size, root }: Checkpoint,
  seconds: number,
): Buffer {
  const numbers = Buffer.alloc(2 * timeBytes);
  numbers.writeBigUInt64BE(BigInt(size), timeBytes);
  return Buffer.concat([
    Buffer.from("subtree/v1\n\0"),
    lengthPrefixed(cosigner),
    timestampOf(seconds),
    lengthPrefixed(origin),
    numbers, // the subtree's first leaf, 0, and its end
    root,
  ]);
}

/** A cosignature as it stands in the note: its time, then the signature. */
export function cosignature(seconds: number, signature: Uint8Array): Buffer {
  return Buffer.concat([timestampOf(seconds), signature]);
}

/** A checkpoint with those of the keys that signed it. */
export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly note: SignedNote;
  readonly signers: readonly NoteKey[];
}

/** Undefined: it is no checkpoint, or a signature by one of the keys does not verify. */
export function openCheckpoint(
  text: string,
  keys: readonly NoteKey[],
): OpenedCheckpoint | undefined {
  const note = noteIn(text);
  const checkpoint = note && checkpointIn(note.text);
  if (note === undefined || checkpoint === undefined) return undefined;
  const signers = signersOf(note, keys, (key, signature) => signedBy(key, signature, note.text));
  return signers && { checkpoint, note, signers };
}

function signedBy(key: NoteKey, signature: Buffer, text: string): SignedMessage | undefined {
  if (key.type === signatureType.ed25519) return { message: Buffer.from(text), signature };
  if (signature.length <= timeBytes) return undefined;
  const seconds = Number(signature.readBigUInt64BE(0));
  const checkpoint = checkpointIn(text);
  if (!Number.isSafeInteger(seconds) || checkpoint === undefined) return undefined;
  const message =
    key.type === signatureType.mlDsa44Cosignature
      ? cosignedHead(key.name, checkpoint, seconds)
      : cosignedText(text, seconds);
  return { message, signature: signature.subarray(timeBytes) };
}

function timestampOf(seconds: number): Buffer {
  const bytes = Buffer.alloc(timeBytes);
  bytes.writeBigUInt64BE(BigInt(seconds));
  return bytes;
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length < 1 || bytes.length > 255) {
    throw new RangeError(`"${text}" has not 1 to 255 bytes`);
  }
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
