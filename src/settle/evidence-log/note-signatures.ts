import type { NoteSigner } from "../../ports/note-signer.ts";
import {
  type Checkpoint,
  checkpointText,
  cosignature,
  cosignedHead,
  cosignedText,
} from "../../wire/tlog/checkpoint.ts";
import { keyIdOf, type NoteKey, type NoteSignature, signatureType } from "../../wire/tlog/note.ts";

/** The keys under which a participant's signatures verify. */
export function noteKeysOf({ name, ed25519, mlDsa44 }: NoteSigner): readonly NoteKey[] {
  return [
    { name, type: signatureType.ed25519, publicKey: ed25519 },
    { name, type: signatureType.ed25519Cosignature, publicKey: ed25519 },
    { name, type: signatureType.mlDsa44Cosignature, publicKey: mlDsa44 },
  ];
}

/** What the log itself puts under its checkpoint: Ed25519, and ML-DSA-44 with the time. */
export function signaturesOf(
  signer: NoteSigner,
  checkpoint: Checkpoint,
  seconds: number,
): Promise<NoteSignature[]> {
  const own = [signatureType.ed25519, signatureType.mlDsa44Cosignature];
  return signedAs(signer, checkpoint, seconds, own);
}

/** What a witness puts under another's: that it goes on from all that it has seen of that log. */
export function cosignaturesOf(
  signer: NoteSigner,
  checkpoint: Checkpoint,
  seconds: number,
): Promise<NoteSignature[]> {
  const own = [signatureType.ed25519Cosignature, signatureType.mlDsa44Cosignature];
  return signedAs(signer, checkpoint, seconds, own);
}

function signedAs(
  signer: NoteSigner,
  checkpoint: Checkpoint,
  seconds: number,
  types: readonly NoteKey["type"][],
): Promise<NoteSignature[]> {
  const keys = noteKeysOf(signer).filter(({ type }) => types.includes(type));
  return Promise.all(
    keys.map(async (key) => {
      const signature = await signatureBy(signer, key, checkpoint, seconds);
      return { name: signer.name, keyId: keyIdOf(key), signature: Buffer.from(signature) };
    }),
  );
}

async function signatureBy(
  signer: NoteSigner,
  { type }: NoteKey,
  checkpoint: Checkpoint,
  seconds: number,
): Promise<Uint8Array> {
  const text = checkpointText(checkpoint);
  switch (type) {
    case signatureType.ed25519:
      return signer.signText(Buffer.from(text));
    case signatureType.ed25519Cosignature:
      return cosignature(seconds, await signer.signText(cosignedText(text, seconds)));
    case signatureType.mlDsa44Cosignature: {
      const message = cosignedHead(signer.name, checkpoint, seconds);
      return cosignature(seconds, await signer.signLasting(message));
    }
  }
}
