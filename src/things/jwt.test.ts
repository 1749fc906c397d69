import assert from "node:assert/strict";
import { test } from "node:test";
import { type CryptoKey, exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from "jose";
import { systemClock } from "../kernel/clock.ts";
import { Jwts } from "./jwt.ts";

const url = new URL("https://login.example/keys");
const [first, second] = [await keyPair("one"), await keyPair("two")];

async function keyPair(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
}

function signed({ kid, privateKey }: { kid: string; privateKey: CryptoKey }): Promise<string> {
  return new SignJWT({ acl: { all: ["a/#"] }, iss: "i", aud: "n", sub: "app" })
    .setProtectedHeader({ alg: "ES256", kid })
    .setExpirationTime("10 minutes")
    .sign(privateKey);
}

test("jwt - published keys are fetched once, and again for a key nobody knows, within bounds", async () => {
  let now = 0;
  let fetched = 0;
  let published: JSONWebKeySet | undefined = { keys: [first.jwk] };
  const jwts = new Jwts({
    ...{ issuer: "i", audience: "n", keys: url },
    clock: { ...systemClock, monotonic: () => now },
    async fetchKeys(asked) {
      assert.equal(asked, url);
      fetched++;
      if (published === undefined) throw new Error("it is down");
      return published;
    },
  });
  const [old, fresh] = [await signed(first), await signed(second)];
  const both = await Promise.all([jwts.verify(old), jwts.verify(old, "app")]);
  assert.deepEqual([both.every(({ ok }) => ok), fetched], [true, 1]);
  published = { keys: [first.jwk, second.jwk] };
  now = 29_999; // whoever makes up keys does not make this node call
  assert.deepEqual([(await jwts.verify(fresh)).ok, fetched], [false, 1]);
  now = 30_000;
  assert.deepEqual([(await jwts.verify(fresh)).ok, fetched], [true, 2]);
  published = undefined;
  now += 600_000; // what was fetched last is good while the issuer is away
  assert.deepEqual([(await jwts.verify(old)).ok, fetched], [true, 3]);
});

test("jwt - keys that cannot be had let nobody in, and the next one may", async () => {
  let isUp = false;
  const jwts = new Jwts({
    ...{ issuer: "i", audience: "n", keys: url, clock: systemClock },
    async fetchKeys() {
      if (!isUp) throw new Error("it is down");
      return { keys: [first.jwk] };
    },
  });
  const token = await signed(first);
  const problem = "the JWT is refused: it is down";
  assert.deepEqual(await jwts.verify(token), { ok: false, problem });
  isUp = true;
  const verdict = await jwts.verify(token);
  assert.ok(verdict.ok && verdict.principal.kind === "app");
  assert.deepEqual([verdict.principal.publish, verdict.principal.subscribe], [["a/#"], ["a/#"]]);
});
