import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { CompactSign } from "jose";
import { canonicalBytes } from "../../kernel/canonical.ts";
import type { PublicJwk, Signer } from "../../ports/signer.ts";
import { type Commission, type Document, readCommission, signCommission } from "./document.ts";

const issuer = "did:web:authority.example";

/** A signer of its own, on jose alone. */
function newSigner(did = issuer): Signer {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { kty = "", crv = "", x = "" } = publicKey.export({ format: "jwk" }) as Partial<PublicJwk>;
  const keyId = `${did}#key`;
  return {
    ...{ did, keyId, publicJwk: { kty, crv, x } },
    sign: (payload, type) => signed(privateKey, payload, { alg: "EdDSA", kid: keyId, typ: type }),
    token: () => Promise.reject(new Error("no tokens here")),
  };
}

async function signed(key: KeyObject, payload: Uint8Array, header: Record<string, string>) {
  const sign = new CompactSign(payload).setProtectedHeader({ alg: "EdDSA", ...header });
  const [protectedHeader = "", , signature = ""] = (await sign.sign(key)).split(".");
  return { protected: protectedHeader, signature };
}

const document: Document = {
  v: 1,
  ...{ sector: "transport", version: "1.0.0", title: "Buses", issuer },
  issuedAt: "2026-11-23T08:00:00.000Z",
  messages: {
    Bus: {
      title: "A bus",
      source: "https://example.org",
      required: ["id"],
      members: { id: { type: "string" } },
    },
  },
  indicators: {},
  template: { product: {}, terms: {} },
};

test("document - what was signed is read, and its hash is of the very bytes", async () => {
  const signer = newSigner();
  const commission = await signCommission(document, signer);
  assert.deepEqual(await readCommission(commission.signed, issuer, signer.publicJwk), commission);
  assert.deepEqual(
    Buffer.from(commission.signed.payload, "base64url"),
    Buffer.from(canonicalBytes(document)),
  );
});

test("document - no character of it changes unseen, and nobody else signs it", async () => {
  const signer = newSigner();
  const { signed: whole } = await signCommission(document, signer);
  const read = (payload: string, key = signer.publicJwk, by = issuer) =>
    readCommission({ ...whole, payload }, by, key);
  const refused = { code: "SIGNATURE_INVALID" };
  for (let at = 0; at < whole.payload.length; at++) {
    const other = whole.payload[at] === "A" ? "B" : "A";
    const flipped = whole.payload.slice(0, at) + other + whole.payload.slice(at + 1);
    await assert.rejects(read(flipped), refused, `character ${at}`);
  }
  await assert.rejects(read(whole.payload, newSigner().publicJwk), refused);
  await assert.rejects(read(whole.payload, signer.publicJwk, "did:web:other.example"), refused);
});

test("document - signed right, but not what it should be", async () => {
  const signer = newSigner();
  const signedAs = async (bytes: Uint8Array, type = "comity-commission+jws") => ({
    payload: Buffer.from(bytes).toString("base64url"),
    signatures: [await signer.sign(bytes, type)],
  });
  const read = async (...said: Parameters<typeof signedAs>): Promise<Commission> =>
    readCommission(await signedAs(...said), issuer, signer.publicJwk);
  const spaced = Buffer.from(JSON.stringify(document, null, 1));
  await assert.rejects(read(spaced), /it is not in canonical form/);
  const others = canonicalBytes({ ...document, issuer: "did:web:other.example" });
  await assert.rejects(read(others), /it is did:web:other.example's/);
  await assert.rejects(read(canonicalBytes(document), "comity-ending+jws"), /signed it as/);
  await assert.rejects(read(canonicalBytes({ ...document, more: 1 })), {
    code: "COMMISSION_INVALID",
  });
  await assert.rejects(read(Buffer.from("no JSON")), { code: "COMMISSION_INVALID" });
  await assert.rejects(read(Buffer.alloc(300_000, "x")), /at most 262144 are taken/);
});
