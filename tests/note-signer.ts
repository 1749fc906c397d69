import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { NoteSigner } from "../src/ports/note-signer.ts";

/** Signs notes in that name with keys of its own, which nobody keeps. */
export function newNoteSigner(name: string): NoteSigner {
  const [identity, lasting] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ml-dsa-44")];
  return {
    ...{ name, ed25519: publicBytes(identity.publicKey), mlDsa44: publicBytes(lasting.publicKey) },
    signText: async (text) => sign(null, text, identity.privateKey),
    signLasting: async (message) => sign(null, message, lasting.privateKey),
  };
}

function publicBytes(key: KeyObject): Buffer {
  const { x, pub } = key.export({ format: "jwk" }) as { x?: string; pub?: string };
  return Buffer.from(x ?? pub ?? "", "base64url");
}
