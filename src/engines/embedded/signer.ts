import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FlattenedSign, SignJWT } from "jose";
import type { Clock } from "../../kernel/clock.ts";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { Entropy } from "../../kernel/id.ts";
import { systemEntropy } from "../../kernel/id.ts";
import type { JwsSignature, PublicJwk, Signer } from "../../ports/signer.ts";
import { keyIdOf } from "../../wire/jws.ts";
import { keepOnce, readKept } from "./kept-file.ts";

export interface EmbeddedSignerOptions {
  /** The node's data folder; the key stands in its `keys.json`, mode 600. */
  readonly dir: string;
  /** Taken at the first start; a later start keeps the one that is stored. */
  readonly did: string;
  readonly clock: Clock;
  readonly entropy?: Entropy;
}

interface KeyFile {
  readonly v: 1;
  readonly did: string;
  /** RFC 8037 §2: `d` is the private key. */
  readonly key: PublicJwk & { readonly d: string };
}

/** PKCS #8 of an Ed25519 key up to its 32 bytes (RFC 8410 §7). */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/** Signs with an Ed25519 key of this folder, made at the first start and never overwritten. */
export async function openEmbeddedSigner(options: EmbeddedSignerOptions): Promise<Signer> {
  const path = join(options.dir, "keys.json");
  const entropy = options.entropy ?? systemEntropy;
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const stored = (await readKeys(path)) ?? (await makeKeys(path, options.did, entropy));
  const { kty, crv, x } = stored.key;
  const publicJwk: PublicJwk = { kty, crv, x };
  const keyId = await keyIdOf(stored.did, publicJwk);
  return new EmbeddedSigner(stored, publicJwk, keyId, options.clock, entropy);
}

/** Who a folder's keys are of; throws CONFIG_INVALID where it has none. */
export async function identityIn(dir: string): Promise<{ did: string; key: KeyObject }> {
  const path = join(dir, "keys.json");
  const stored = await readKeys(path);
  if (stored === undefined) throw unusable(path, "there is none");
  return { did: stored.did, key: createPrivateKey({ key: { ...stored.key }, format: "jwk" }) };
}

class EmbeddedSigner implements Signer {
  readonly did: string;
  readonly keyId: string;
  readonly publicJwk: PublicJwk;
  readonly #key: KeyFile["key"];
  readonly #clock: Clock;
  readonly #entropy: Entropy;

  constructor(
    stored: KeyFile,
    publicJwk: PublicJwk,
    keyId: string,
    clock: Clock,
    entropy: Entropy,
  ) {
    this.did = stored.did;
    this.keyId = keyId;
    this.publicJwk = publicJwk;
    this.#key = stored.key;
    this.#clock = clock;
    this.#entropy = entropy;
  }

  async sign(payload: Uint8Array, type: string): Promise<JwsSignature> {
    // Only `token` makes tokens: a document handed in for signing must not become one.
    if (type.toUpperCase() === "JWT") throw new TypeError("sign() does not make tokens");
    const jws = await new FlattenedSign(payload)
      .setProtectedHeader({ alg: "EdDSA", kid: this.keyId, typ: type })
      .sign(this.#key);
    return { protected: jws.protected ?? "", signature: jws.signature };
  }

  async token(audience: string, lifetimeSeconds: number): Promise<string> {
    const issuedAt = Math.floor(this.#clock.now() / 1000);
    return new SignJWT({})
      .setProtectedHeader({ alg: "EdDSA", kid: this.keyId, typ: "JWT" })
      .setIssuer(this.did)
      .setSubject(this.did)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifetimeSeconds)
      .setJti(this.#entropy.uuid())
      .sign(this.#key);
  }
}

async function readKeys(path: string): Promise<KeyFile | undefined> {
  let text: string | undefined;
  try {
    text = await readKept(path);
  } catch (thrown) {
    throw unusable(path, problemOf(thrown));
  }
  return text === undefined ? undefined : parseKeys(path, text);
}

function parseKeys(path: string, text: string): KeyFile {
  let stored: KeyFile;
  let derived: string;
  try {
    stored = JSON.parse(text);
    if (stored.v !== 1) throw new Error(`its format is ${String(stored.v)}, not 1`);
    derived = keyFromSeed(Buffer.from(stored.key.d, "base64url")).x;
  } catch (thrown) {
    throw unusable(path, problemOf(thrown));
  }
  if (derived !== stored.key.x) throw unusable(path, "its public and private key differ");
  if (!stored.did.startsWith("did:")) throw unusable(path, `"${stored.did}" is no DID`);
  return stored;
}

async function makeKeys(path: string, did: string, entropy: Entropy): Promise<KeyFile> {
  if (!did.startsWith("did:")) {
    throw new ComityError("CONFIG_INVALID", { problem: `did "${did}" is no DID` });
  }
  const made: KeyFile = { v: 1, did, key: keyFromSeed(entropy.bytes(32)) };
  try {
    await keepOnce(path, `${JSON.stringify(made, undefined, 2)}\n`, entropy);
  } catch (thrown) {
    throw unusable(path, problemOf(thrown));
  }
  return (await readKeys(path)) ?? made;
}

/** RFC 8032 §5.1.5: any 32 bytes are a private key. */
function keyFromSeed(seed: Uint8Array): KeyFile["key"] {
  const key = Buffer.concat([pkcs8Prefix, seed]);
  const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  return { kty: "OKP", crv: "Ed25519", x, d: Buffer.from(seed).toString("base64url") };
}

function unusable(path: string, problem: string): ComityError {
  return new ComityError("CONFIG_INVALID", { problem: `the key in ${path}: ${problem}` });
}
