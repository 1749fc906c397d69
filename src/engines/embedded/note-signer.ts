import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { join } from "node:path";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { Entropy } from "../../kernel/id.ts";
import type { NoteSigner } from "../../ports/note-signer.ts";
import { keepOnce, readKept } from "./kept-file.ts";
import { identityIn } from "./signer.ts";

interface LastingKeyFile {
  readonly v: 1;
  /** FIPS 204: the 32 bytes that the key pair is made of. */
  readonly seed: string;
}

/** PKCS #8 of an ML-DSA-44 key up to its seed (RFC 9881 §6). */
const pkcs8Prefix = Buffer.from("3034020100300b060960864801650304031104228020", "hex");
const newline = 0x0a;

/** Of a folder that has an identity (`openEmbeddedSigner`). The identity's key signs notes too; a second one, of ML-DSA-44, stands in a file of its own. */
export async function openNoteSigner(options: {
  readonly dir: string;
  readonly entropy: Entropy;
}): Promise<NoteSigner> {
  const { dir, entropy } = options;
  const { did: name, key: identity } = await identityIn(dir);
  const lasting = await lastingKey(join(dir, "evidence-key.json"), entropy);
  return {
    name,
    ed25519: publicBytes(identity),
    mlDsa44: publicBytes(lasting),
    async signText(text) {
      if (!text.includes(newline)) throw new TypeError("a note's text has a newline");
      return sign(null, text, identity);
    },
    signLasting: async (message) => sign(null, message, lasting),
  };
}

async function lastingKey(path: string, entropy: Entropy): Promise<KeyObject> {
  const made: LastingKeyFile = {
    v: 1,
    seed: Buffer.from(entropy.bytes(32)).toString("base64url"),
  };
  if ((await readKept(path)) === undefined) {
    await keepOnce(path, `${JSON.stringify(made)}\n`, entropy);
  }
  try {
    const { v, seed } = JSON.parse((await readKept(path)) ?? "") as LastingKeyFile;
    if (v !== 1) throw new Error(`its format is ${String(v)}, not 1`);
    const bytes = Buffer.from(seed, "base64url");
    if (bytes.length !== 32) throw new Error("its seed has not 32 bytes");
    const key = Buffer.concat([pkcs8Prefix, bytes]);
    return createPrivateKey({ key, format: "der", type: "pkcs8" });
  } catch (thrown) {
    const problem = `${path} cannot be used: ${problemOf(thrown)}`;
    throw new ComityError("CONFIG_INVALID", { problem });
  }
}

function publicBytes(key: KeyObject): Buffer {
  const { x, pub } = key.export({ format: "jwk" }) as { x?: string; pub?: string };
  return Buffer.from(x ?? pub ?? "", "base64url");
}
