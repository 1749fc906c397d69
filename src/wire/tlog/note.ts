/** c2sp.org/signed-note: a text and the signatures under it. */
import { createPublicKey, hash, type KeyObject, verify } from "node:crypto";

/** How a key signs a note: plainly, or as the cosigner of a checkpoint with the time. */
export const signatureType = {
  ed25519: 0x01,
  ed25519Cosignature: 0x04,
  mlDsa44Cosignature: 0x06,
} as const;
export type SignatureType = (typeof signatureType)[keyof typeof signatureType];

/** A public key with the name it signs under. */
export interface NoteKey {
  readonly name: string;
  readonly type: SignatureType;
  /** 32 bytes of Ed25519, 1312 of ML-DSA-44. */
  readonly publicKey: Uint8Array;
}

export interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  readonly signature: Buffer;
}

export interface SignedNote {
  /** With its last newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const signaturesMax = 64;
const noteBytesMax = 1_000_000;
const keyBytes = new Map<number, number>([
  [signatureType.ed25519, 32],
  [signatureType.ed25519Cosignature, 32],
  [signatureType.mlDsa44Cosignature, 1312],
]);
const types = new Set<number>(Object.values(signatureType));

export function keyIdOf({ name, type, publicKey }: NoteKey): number {
  const head = Buffer.from(`${name}\n`);
  return hash(
    "sha256",
    Buffer.concat([head, Buffer.from([type]), publicKey]),
    "buffer",
  ).readUInt32BE(0);
}

/** `<name>+<key id>+<base64>`, as verifiers are told of a key. */
export function verifierKey(key: NoteKey): string {
  const encoded = Buffer.concat([Buffer.from([key.type]), key.publicKey]).toString("base64");
  return `${key.name}+${hexOf(keyIdOf(key))}+${encoded}`;
}

/** Undefined: it is none, of a kind that is not known, or its parts do not belong together. */
export function noteKeyOf(text: string): NoteKey | undefined {
  const [, name = "", id, encoded = ""] =
    /^([^\s+]{1,512})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{1,4096}={0,2})$/u.exec(text) ?? [];
  const [type = -1, ...bytes] = Buffer.from(encoded, "base64");
  if (!types.has(type)) return undefined;
  const key: NoteKey = { name, type: type as SignatureType, publicKey: Buffer.from(bytes) };
  const isKey = bytes.length === keyBytes.get(type) && verifierKey(key) === text;
  return isKey && id === hexOf(keyIdOf(key)) ? key : undefined;
}

export function noteText({ text, signatures }: SignedNote): string {
  const lines = signatures.map(({ name, keyId, signature }) => {
    const id = Buffer.alloc(4);
    id.writeUInt32BE(keyId);
    return `— ${name} ${Buffer.concat([id, signature]).toString("base64")}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

/** Undefined: it is no signed note. */
export function noteIn(note: string): SignedNote | undefined {
  // eslint-disable-next-line no-control-regex -- what a note must not have
  if (note.length > noteBytesMax || /[\u0000-\u0009\u000b-\u001f]/.test(note)) return undefined;
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n")) return undefined;
  const lines = note.slice(end + 2, -1).split("\n");
  if (lines.length > signaturesMax) return undefined;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const [, name = "", encoded = ""] = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? [];
    const bytes = Buffer.from(encoded, "base64");
    if (bytes.length < 5 || bytes.toString("base64") !== encoded) return undefined;
    signatures.push({ name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(4) });
  }
  return { text: note.slice(0, end + 1), signatures };
}

/** Under these of the keys it is signed. Undefined: a signature of one of them does not verify. */
export function signersOf(
  { text, signatures }: SignedNote,
  keys: readonly NoteKey[],
  messageFor: (key: NoteKey, signature: Buffer) => SignedMessage | undefined = plainMessage(text),
): readonly NoteKey[] | undefined {
  const signers: NoteKey[] = [];
  for (const { name, keyId, signature } of signatures) {
    const key = keys.find((one) => one.name === name && keyIdOf(one) === keyId);
    if (key === undefined) continue;
    const signed = messageFor(key, signature);
    if (signed === undefined) return undefined;
    if (!verify(null, signed.message, keyObjectOf(key), signed.signature)) return undefined;
    if (!signers.includes(key)) signers.push(key);
  }
  return signers;
}

/** What a key signed, and its signature of that. */
export interface SignedMessage {
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

function plainMessage(text: string) {
  return ({ type }: NoteKey, signature: Buffer): SignedMessage | undefined =>
    type === signatureType.ed25519 ? { message: Buffer.from(text), signature } : undefined;
}

function keyObjectOf({ type, publicKey }: NoteKey): KeyObject {
  const encoded = Buffer.from(publicKey).toString("base64url");
  const key =
    type === signatureType.mlDsa44Cosignature
      ? { kty: "AKP", alg: "ML-DSA-44", pub: encoded }
      : { kty: "OKP", crv: "Ed25519", x: encoded };
  return createPublicKey({ key, format: "jwk" });
}

function hexOf(keyId: number): string {
  return keyId.toString(16).padStart(8, "0");
}
