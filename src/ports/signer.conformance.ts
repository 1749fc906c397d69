/** What every signer must do. Its signatures are checked with node:crypto, not with our own code. */
import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { Signer } from "./signer.ts";

export interface SignerUnderTest {
  readonly signer: Signer;
  /** Opens the same identity once more. */
  reopen(): Promise<Signer>;
  dispose(): Promise<void>;
}

/** `now` is what the clock given to the signer says, milliseconds since the Unix epoch. */
export function signerConformance(
  name: string,
  now: number,
  open: () => Promise<SignerUnderTest>,
): void {
  describe(`${name} keeps the signer's contract`, () => {
    let opened: SignerUnderTest;
    let signer: Signer;
    before(async () => {
      opened = await open();
      ({ signer } = opened);
    });
    after(() => opened.dispose());

    test("signer - its key id is the DID with the key's thumbprint", () => {
      const { crv, kty, x } = signer.publicJwk;
      // RFC 7638 §3: required members only, in lexicographic order
      const thumbprint = createHash("sha256").update(JSON.stringify({ crv, kty, x }));
      assert.equal(signer.keyId, `${signer.did}#${thumbprint.digest("base64url")}`);
      assert.deepEqual([crv, kty], ["Ed25519", "OKP"]);
      assert.deepEqual(Object.keys(signer.publicJwk).toSorted(), ["crv", "kty", "x"]);
    });

    test("signer - a signature names its key, its type, and verifies", async () => {
      const payload = Buffer.from('{"a":"ü"}');
      const jws = await signer.sign(payload, "comity-test+jws");
      assert.deepEqual(decode(jws.protected), {
        alg: "EdDSA",
        kid: signer.keyId,
        typ: "comity-test+jws",
      });
      const signed = `${jws.protected}.${payload.toString("base64url")}`;
      assert.ok(verifies(signer, signed, jws.signature));
      assert.ok(!verifies(signer, `${signed}x`, jws.signature));
    });

    test("signer - signs the same bytes the same way, an empty payload too", async () => {
      for (const payload of [Buffer.from("again"), Buffer.alloc(0)]) {
        const first = await signer.sign(payload, "t");
        assert.deepEqual(await signer.sign(payload, "t"), first);
      }
    });

    test("signer - does not make a token out of a document", async () => {
      await assert.rejects(signer.sign(Buffer.from("{}"), "JWT"), TypeError);
      await assert.rejects(signer.sign(Buffer.from("{}"), "jwt"), TypeError);
    });

    test("signer - a token says who, to whom and for how long", async () => {
      const token = await signer.token("did:web:b.example", 300);
      const [header = "", claims = "", signature = ""] = token.split(".");
      assert.deepEqual(decode(header), { alg: "EdDSA", kid: signer.keyId, typ: "JWT" });
      const iat = Math.floor(now / 1000);
      const { jti, ...rest } = decode(claims);
      assert.deepEqual(rest, {
        iss: signer.did,
        sub: signer.did,
        aud: "did:web:b.example",
        iat,
        exp: iat + 300,
      });
      assert.ok(typeof jti === "string" && jti.length >= 16);
      assert.ok(verifies(signer, `${header}.${claims}`, signature));
      const other = await signer.token("did:web:b.example", 300);
      assert.notEqual(decode(other.split(".")[1] ?? "")["jti"], jti);
    });

    test("signer - a new start signs with the same key", async () => {
      const again = await opened.reopen();
      assert.equal(again.did, signer.did);
      assert.equal(again.keyId, signer.keyId);
      assert.deepEqual(again.publicJwk, signer.publicJwk);
      const payload = Buffer.from("still me");
      assert.deepEqual(await again.sign(payload, "t"), await signer.sign(payload, "t"));
    });
  });
}

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
}

function verifies(signer: Signer, signed: string, signature: string): boolean {
  const key = createPublicKey({ format: "jwk", key: { ...signer.publicJwk } });
  return verify(null, Buffer.from(signed), key, Buffer.from(signature, "base64url"));
}
