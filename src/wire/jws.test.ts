import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { before, test } from "node:test";
import { CompactSign, SignJWT, UnsecuredJWT } from "jose";
import type { Clock } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { GeneralJws, JwsSignature, PublicJwk } from "../ports/signer.ts";
import {
  didOfKeyId,
  keyIdOf,
  keyIdOfSignature,
  mergeSignatures,
  signaturePayload,
  unsignedJws,
  verifySignature,
  verifyToken,
} from "./jws.ts";

interface Party {
  readonly did: string;
  readonly kid: string;
  readonly jwk: PublicJwk;
  readonly key: KeyObject;
}

const nowSeconds = 1_790_000_000;
const clock: Clock = { now: () => nowSeconds * 1000, monotonic: () => 0 };
const audience = "did:web:b.example";
const payload = Buffer.from('{"seq":1}');
let a: Party;
let b: Party;
const keyOf = (kid: string): PublicJwk | undefined => [a, b].find((one) => one.kid === kid)?.jwk;

before(async () => {
  a = await party("did:web:a.example");
  b = await party("did:web:b.example");
});

async function party(did: string): Promise<Party> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { kty = "", crv = "", x = "" } = publicKey.export({ format: "jwk" });
  const jwk = { kty, crv, x };
  return { did, kid: await keyIdOf(did, jwk), jwk, key: privateKey };
}

/** Signed without our own code or jose. */
function signedBy(who: Party, bytes: Uint8Array, header: object = {}): JwsSignature {
  const head = JSON.stringify({ alg: "EdDSA", kid: who.kid, typ: "receipt", ...header });
  const protect = Buffer.from(head).toString("base64url");
  const input = `${protect}.${Buffer.from(bytes).toString("base64url")}`;
  return {
    protected: protect,
    signature: sign(null, Buffer.from(input), who.key).toString("base64url"),
  };
}

function signedByBoth(): GeneralJws {
  return mergeSignatures(unsignedJws(payload), signedBy(a, payload), signedBy(b, payload));
}

test("jws - two signatures verify, in the order they stand", async () => {
  const jws = signedByBoth();
  assert.deepEqual(await verifySignature(jws, keyOf), [a.kid, b.kid]);
  assert.deepEqual(Buffer.from(signaturePayload(jws)), payload);
  assert.equal(didOfKeyId(a.kid), a.did);
  assert.deepEqual(jws.signatures.map(keyIdOfSignature), [a.kid, b.kid]);
});

test("jws - the example of RFC 8037 appendix A.4 verifies", async () => {
  const jwk = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
  const compact =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc." +
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
  const [head = "", body = "", signature = ""] = compact.split(".");
  const jws = { payload: body, signatures: [{ protected: head, signature }] };
  // it names no key, which this project requires; the same key under a name verifies
  await assert.rejects(
    verifySignature(jws, () => jwk),
    /names no key/,
  );
  assert.equal(Buffer.from(signaturePayload(jws)).toString(), "Example of Ed25519 signing");
  assert.equal(
    await keyIdOf("did:web:x", jwk),
    "did:web:x#kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", // appendix A.3
  );
});

test("jws - a change of any single character is noticed", async () => {
  const jws = signedByBoth();
  const [first, second] = jws.signatures;
  assert.ok(first && second);
  const changed: GeneralJws[] = [
    ...variants(jws.payload).map((payload) => ({ ...jws, payload })),
    ...variants(first.signature).map((signature) => ({
      ...jws,
      signatures: [{ ...first, signature }, second],
    })),
    ...variants(second.protected).map((head) => ({
      ...jws,
      signatures: [first, { ...second, protected: head }],
    })),
  ];
  for (const one of changed) {
    const kids = await verifySignature(one, keyOf).catch((error: unknown) => {
      assert.ok(error instanceof ComityError && error.code === "SIGNATURE_INVALID");
      return [];
    });
    assert.ok(kids.length < 2, JSON.stringify(one)); // a kid that is changed is nobody's
  }
});

/** The text with one character changed, at every place, to its neighbour in the alphabet. */
function variants(text: string): string[] {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return Array.from(text, (char, i) => {
    const other = alphabet[alphabet.indexOf(char) ^ 1] ?? "";
    return text.slice(0, i) + other + text.slice(i + 1);
  });
}

test("jws - a second spelling of the same bytes is refused", async () => {
  const jws = mergeSignatures(unsignedJws(payload), signedBy(a, payload));
  const [signature] = jws.signatures;
  assert.ok(signature);
  const padded = { ...jws, signatures: [{ ...signature, signature: `${signature.signature}==` }] };
  await assert.rejects(verifySignature(padded, keyOf), { code: "SIGNATURE_INVALID" });
  assert.throws(() => signaturePayload({ ...jws, payload: `${jws.payload}=` }), /not base64url/);
});

test("jws - a signature by a stranger is passed over, alone it is refused", async () => {
  const stranger = await party("did:web:c.example");
  const both = mergeSignatures(
    unsignedJws(payload),
    signedBy(stranger, payload),
    signedBy(a, payload),
  );
  assert.deepEqual(await verifySignature(both, keyOf), [a.kid]);
  const alone = mergeSignatures(unsignedJws(payload), signedBy(stranger, payload));
  await assert.rejects(verifySignature(alone, keyOf), { code: "SIGNATURE_INVALID" });
  await assert.rejects(verifySignature(unsignedJws(payload), keyOf), { code: "SIGNATURE_INVALID" });
});

test("jws - another's name on a signature is refused, and the error says what it stands on", async () => {
  const forged = mergeSignatures(
    unsignedJws(payload),
    signedBy(a, payload, { kid: b.kid }),
    signedBy(a, payload),
  );
  await assert.rejects(verifySignature(forged, keyOf, { what: "receipt 7" }), {
    code: "SIGNATURE_INVALID",
    message: new RegExp(`receipt 7.*${b.did}`),
  });
});

test("jws - a signature of another type does not count", async () => {
  const jws = mergeSignatures(unsignedJws(payload), signedBy(a, payload));
  assert.deepEqual(await verifySignature(jws, keyOf, { type: "receipt" }), [a.kid]);
  await assert.rejects(verifySignature(jws, keyOf, { type: "agreement" }), /not as agreement/);
});

test("jws - no other algorithm is taken", async () => {
  for (const alg of ["none", "HS256", "ES256"]) {
    const jws = mergeSignatures(unsignedJws(payload), signedBy(a, payload, { alg }));
    await assert.rejects(verifySignature(jws, keyOf), { code: "SIGNATURE_INVALID" });
  }
  const renamed = mergeSignatures(unsignedJws(payload), signedBy(a, payload, { alg: "Ed25519" }));
  assert.deepEqual(await verifySignature(renamed, keyOf), [a.kid]);
});

test("jws - merging does not double a signature, nor change what was there", () => {
  const one = mergeSignatures(unsignedJws(payload), signedBy(a, payload));
  const again = mergeSignatures(one, signedBy(a, payload), signedBy(b, payload));
  assert.equal(again.signatures.length, 2);
  assert.equal(one.signatures.length, 1);
});

interface Claims {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string;
  readonly iat?: number;
  readonly exp?: number;
}

function tokenBy(who: Party, claims: Claims = {}, header: object = {}): Promise<string> {
  const all = { iss: who.did, sub: who.did, aud: audience, iat: nowSeconds, exp: nowSeconds + 300 };
  return new SignJWT({ ...all, jti: "id-1", ...claims })
    .setProtectedHeader({ alg: "EdDSA", kid: who.kid, typ: "JWT", ...header })
    .sign(who.key);
}

test("jws - a token says who holds it", async () => {
  const verified = await verifyToken(await tokenBy(a), { audience, keyOf, clock });
  assert.partialDeepStrictEqual(verified, {
    did: a.did,
    kid: a.kid,
    id: "id-1",
    expiresAt: (nowSeconds + 300) * 1000,
  });
});

test("jws - a token is refused where anything about it is wrong", async () => {
  const stranger = await party("did:web:c.example");
  const [head = "", body = ""] = (await tokenBy(a)).split(".");
  const wrong: Record<string, string> = {
    "other audience": await tokenBy(a, { aud: "did:web:c.example" }),
    "somebody else's subject": await tokenBy(a, { sub: b.did }),
    "somebody else's issuer": await tokenBy(a, { iss: b.did, sub: b.did }),
    "somebody else's key": await tokenBy(a, {}, { kid: b.kid }),
    "a stranger's key": await tokenBy(stranger),
    expired: await tokenBy(a, { iat: nowSeconds - 400, exp: nowSeconds - 61 }),
    "from the future": await tokenBy(a, { iat: nowSeconds + 61 }),
    "a document": await tokenBy(a, {}, { typ: "receipt" }),
    "no end": await new CompactSign(Buffer.from(JSON.stringify({ iss: a.did, sub: a.did })))
      .setProtectedHeader({ alg: "EdDSA", kid: a.kid })
      .sign(a.key),
    unsigned: new UnsecuredJWT({ iss: a.did, sub: a.did, aud: audience }).encode(),
    "signature cut off": `${head}.${body}.`,
    nonsense: "nonsense",
    empty: "",
  };
  for (const [what, jwt] of Object.entries(wrong)) {
    await assert.rejects(
      verifyToken(jwt, { audience, keyOf, clock }),
      { code: "IDENTITY_INVALID" },
      what,
    );
  }
});

test("jws - a token may be up to the skew early or late", async () => {
  const late = await tokenBy(a, { iat: nowSeconds - 300, exp: nowSeconds - 59 });
  const early = await tokenBy(a, { iat: nowSeconds + 60 });
  for (const jwt of [late, early]) {
    await verifyToken(jwt, { audience, keyOf, clock });
    await assert.rejects(verifyToken(jwt, { audience, keyOf, clock, skewSeconds: 5 }), {
      code: "IDENTITY_INVALID",
    });
  }
});
