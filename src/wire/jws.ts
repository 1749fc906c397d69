/**
 * JSON Web Signatures (RFC 7515) and tokens (RFC 7519) as this project uses them: EdDSA over
 * Ed25519 (RFC 8037) alone. Verifies; never signs, that is the Signer's. Base64url must be the
 * one canonical spelling of its bytes, so that no character of kept evidence can change unseen.
 */
import type { JWTPayload } from "jose";
import { calculateJwkThumbprint, decodeProtectedHeader, flattenedVerify, jwtVerify } from "jose";
import type { Clock } from "../kernel/clock.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { GeneralJws, JwsSignature, PublicJwk } from "../ports/signer.ts";

/** RFC 9864 renames EdDSA with this curve to Ed25519; both are read, EdDSA is written. */
const algorithms = ["EdDSA", "Ed25519"];

/** Finds the key a `kid` names; undefined where nobody is known by it. */
export type KeyOf = (kid: string) => PublicJwk | undefined | Promise<PublicJwk | undefined>;

export interface SignatureExpected {
  /** What is verified, for the error: "receipt 3 of urn:uuid:…". */
  readonly what?: string;
  /** The `typ` every counted signature must carry. */
  readonly type?: string;
}

/** `<did>#<RFC 7638 thumbprint>`: the verification method's id. */
export async function keyIdOf(did: string, key: PublicJwk): Promise<string> {
  return `${did}#${await calculateJwkThumbprint({ kty: key.kty, crv: key.crv, x: key.x })}`;
}

/** `did:web:a#key` → `did:web:a`. */
export function didOfKeyId(kid: string): string {
  return kid.split("#", 1)[0] ?? kid;
}

/** The `kid` a signature says it was made with; it proves nothing before it is verified. */
export function keyIdOfSignature(signature: JwsSignature): string | undefined {
  try {
    return decodeProtectedHeader(signature).kid;
  } catch {
    return undefined;
  }
}

/** A JWS over the payload with no signature yet. */
export function unsignedJws(payload: Uint8Array): GeneralJws {
  return { payload: Buffer.from(payload).toString("base64url"), signatures: [] };
}

/** The bytes that were signed. */
export function signaturePayload(jws: GeneralJws): Uint8Array {
  return canonicalBase64url(jws.payload, "the payload");
}

/** Adds a signature; one that is there already is not doubled. */
export function mergeSignatures(jws: GeneralJws, ...added: readonly JwsSignature[]): GeneralJws {
  const signatures = [...jws.signatures];
  for (const one of added) {
    const there = signatures.some(
      (other) => other.protected === one.protected && other.signature === one.signature,
    );
    if (!there) signatures.push({ protected: one.protected, signature: one.signature });
  }
  return { payload: jws.payload, signatures };
}

/**
 * The kids whose signatures verify, each once. A signature by a key that is not known is passed
 * over; one by a known key that does not verify, or none at all, throws SIGNATURE_INVALID. The
 * caller decides whose signatures it needs.
 */
export async function verifySignature(
  jws: GeneralJws,
  keyOf: KeyOf,
  expected: SignatureExpected = {},
): Promise<string[]> {
  const what = expected.what ?? expected.type ?? "the document";
  const kids = new Set<string>();
  try {
    signaturePayload(jws);
    for (const signature of jws.signatures) {
      const kid = await verifyOne(jws.payload, signature, keyOf, expected.type);
      if (kid !== undefined) kids.add(kid);
    }
  } catch (thrown) {
    if (thrown instanceof ComityError) throw thrown;
    throw new ComityError("SIGNATURE_INVALID", { what, problem: problemOf(thrown) });
  }
  if (kids.size > 0) return [...kids];
  const problem = "nobody who is known here signed it";
  throw new ComityError("SIGNATURE_INVALID", { what, problem });
}

async function verifyOne(
  payload: string,
  signature: JwsSignature,
  keyOf: KeyOf,
  type: string | undefined,
): Promise<string | undefined> {
  const header = decodeProtectedHeader(signature);
  const { kid } = header;
  if (kid === undefined) throw new Error("a signature names no key (kid)");
  const key = await keyOf(kid);
  if (key === undefined) return undefined;
  canonicalBase64url(signature.protected, `the header of ${kid}`);
  canonicalBase64url(signature.signature, `the signature of ${kid}`);
  if (type !== undefined && header.typ !== type) {
    throw new Error(`${kid} signed it as ${header.typ ?? "nothing"}, not as ${type}`);
  }
  const { protected: head, signature: sign } = signature;
  try {
    // only the protected header counts (RFC 7515 §10.6): nothing unprotected is handed on
    const jwk = { kty: key.kty, crv: key.crv, x: key.x };
    await flattenedVerify({ payload, protected: head, signature: sign }, jwk, { algorithms });
  } catch (thrown) {
    throw new Error(`${kid}: ${problemOf(thrown)}`, { cause: thrown });
  }
  return kid;
}

export interface TokenExpected {
  readonly audience: string;
  readonly keyOf: KeyOf;
  readonly clock: Clock;
  /** Tolerated between the two clocks; 60 where absent. */
  readonly skewSeconds?: number;
}

/** Who holds a token, after every check. */
export interface VerifiedToken {
  readonly did: string;
  readonly kid: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  /** The token's own id (`jti`), where it has one. */
  readonly id?: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Verifies a compact JWT that its subject issued itself; throws IDENTITY_INVALID. */
export async function verifyToken(jwt: string, expected: TokenExpected): Promise<VerifiedToken> {
  try {
    const { kid, key } = await tokenKey(jwt, expected.keyOf);
    const { payload } = await jwtVerify(jwt, key, {
      algorithms,
      audience: expected.audience,
      issuer: didOfKeyId(kid), // a key speaks for the DID it belongs to, for no other
      subject: didOfKeyId(kid),
      requiredClaims: ["iss", "sub", "aud", "iat", "exp"],
      clockTolerance: expected.skewSeconds ?? 60,
      currentDate: new Date(expected.clock.now()),
    });
    assertIssuedBefore(payload, expected);
    return {
      did: didOfKeyId(kid),
      kid,
      expiresAt: (payload.exp ?? 0) * 1000,
      ...(payload.jti === undefined ? {} : { id: payload.jti }),
      claims: payload,
    };
  } catch (thrown) {
    if (thrown instanceof ComityError) throw thrown;
    throw new ComityError("IDENTITY_INVALID", { problem: problemOf(thrown) });
  }
}

async function tokenKey(jwt: string, keyOf: KeyOf): Promise<{ kid: string; key: PublicJwk }> {
  const header = decodeProtectedHeader(jwt);
  // A signature over a document must never pass for a token (RFC 8725 §3.11).
  if (header.typ !== undefined && header.typ.toUpperCase() !== "JWT") {
    throw new Error(`it is a ${header.typ}, not a token`);
  }
  const { kid } = header;
  if (kid === undefined) throw new Error("the token names no key (kid)");
  const key = await keyOf(kid);
  if (key === undefined) throw new Error(`no key is known as ${kid}`);
  return { kid, key: { kty: key.kty, crv: key.crv, x: key.x } };
}

function assertIssuedBefore(payload: JWTPayload, expected: TokenExpected): void {
  const ahead = (payload.iat ?? 0) - expected.clock.now() / 1000;
  if (ahead > (expected.skewSeconds ?? 60)) {
    throw new Error(`it was issued ${Math.round(ahead)} s ahead of the clock here`);
  }
}

function canonicalBase64url(text: string, what: string): Uint8Array {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) throw new Error(`${what} is not base64url`);
  return bytes;
}
