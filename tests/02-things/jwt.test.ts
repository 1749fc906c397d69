/** Apps that come with a JWT of the issuer that the node's owner names. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { upOptions } from "../../src/cli/up-options.ts";
import { connectPacket, publishPacket, RawClient } from "../01-connect/raw-client.ts";
import { startTestNode } from "../two-nodes.ts";

const folder = await mkdtemp(join(tmpdir(), "comity-jwt-"));
const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
const stranger = await generateKeyPair("ES256");
const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" };
const jwksFile = join(folder, "jwks.json");
await writeFile(jwksFile, JSON.stringify({ keys: [jwk] }));
const issuer = "https://login.example";
const flags = { jwtIssuer: issuer, jwtAudience: "quay", jwtJwks: jwksFile };
const { node } = await startTestNode({
  ...upOptions({ ...flags, name: "quay", http: "0", mqtt: "0", data: join(folder, "node") }, {}),
  logLevel: "error",
});
after(async () => {
  await node.close();
  await rm(folder, { recursive: true });
});

const acl = { sub: ["buses/+/position"], pub: ["notes/#"] };

function jwt(claims: JWTPayload = {}, expiresIn = "10 minutes", key = privateKey): Promise<string> {
  return new SignJWT({ acl, aud: "quay", iss: issuer, sub: "dash/board", ...claims })
    .setProtectedHeader({ alg: "ES256", kid: "one" })
    .setIssuedAt()
    .setExpirationTime(expiresIn)
    .sign(key);
}

async function told(token: string, username = "jwt"): Promise<readonly [number, string]> {
  const client = new RawClient(node.mqttUrl, 5);
  client.send(connectPacket(5, { username, password: Buffer.from(token) }));
  const { reasonCode = -1, properties } = await client.next("connack");
  client.destroy();
  return [reasonCode, properties?.reasonString ?? ""];
}

function call(path: string, token: string, more: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${token}` };
  return fetch(`${node.httpUrl}/api/v1${path}`, { ...more, headers });
}

test("jwt - opens the topics of its acl over MQTT, and no others", async (t) => {
  const password = Buffer.from(await jwt());
  const client = await RawClient.in(node.mqttUrl, 5, { username: "jwt", password });
  t.after(() => client.destroy());
  const asked = ["buses/7/position", "#", "notes/1"];
  const granted = await client.subscribe(...asked.map((topic) => ({ topic, qos: 1 as const })));
  assert.deepEqual(granted, [1, 0x87, 0x87]);
  client.send(publishPacket("buses/7/position", "x", { qos: 1, messageId: 1 }));
  assert.equal((await client.next("puback")).reasonCode, 0x87);
  client.send(publishPacket("notes/1", "x", { qos: 1, messageId: 2 }));
  assert.equal((await client.next("puback")).reasonCode, 0x10);
});

test("jwt - opens them over HTTP, and no other route of the API", async () => {
  const token = await jwt();
  const post = { method: "POST", body: "1" };
  assert.equal((await call("/publish/notes/2", token, post)).status, 204);
  assert.equal((await call("/publish/other", token, post)).status, 403);
  assert.equal((await call("/things", token)).status, 403);
  const refused = await call("/publish/notes/2", await jwt({ aud: "other" }), post);
  assert.equal(refused.status, 401);
  assert.match(await refused.text(), /the JWT is refused: .*aud/);
});

test("jwt - comes under its subject's name, as jwt or under none, and under no other", async () => {
  for (const name of ["dash/board", "jwt"]) assert.equal((await told(await jwt(), name))[0], 0);
  const client = new RawClient(node.mqttUrl, 5);
  client.send(nameless(await jwt()));
  assert.equal((await client.next("connack")).reasonCode, 0);
  client.destroy();
  assert.deepEqual(await told(await jwt(), "admin"), [
    ...[0x86, "the user name is neither the JWT's subject nor jwt"],
  ]);
});

/** CONNECT with a password and no user name, as version 5 alone allows (§3.1.2.9). */
function nameless(token: string): number[] {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(token.length);
  const start = [0, 4, ...Buffer.from("MQTT"), 5, 0x42, 0, 60, 0, 0, 0];
  const body = [...start, ...length, ...Buffer.from(token)];
  return [0x10, (body.length & 127) | 128, body.length >> 7, ...body];
}

const wrong: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
  ["of another issuer", () => jwt({ iss: "https://other.example" }), /iss/],
  ["for another audience", () => jwt({ aud: "other" }), /aud/],
  ["that has expired", () => jwt({}, "-5 minutes"), /exp/],
  ["of another key", () => jwt({}, "1 minute", stranger.privateKey), /signature/],
  ["without topics", () => jwt({ acl: {} }), /acl/],
  ["with a wrong filter", () => jwt({ acl: { pub: ["a/#/b"] } }), /acl/],
  ["without an algorithm", async () => unsigned("none"), /alg/i],
  ["signed with the public key as a secret", () => byPublicKey(), /alg/i],
];
for (const [what, make, why] of wrong) {
  test(`jwt - one ${what} lets nobody in, and says why`, async () => {
    const [code, text] = await told(await make());
    assert.equal(code, 0x86);
    assert.match(text, why);
  });
}

function unsigned(alg: string): string {
  const exp = Math.floor(Date.now() / 1000) + 600;
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { acl, aud: "quay", iss: issuer, sub: "x", exp };
  return `${part({ alg, kid: "one" })}.${part(claims)}.${alg === "none" ? "AA" : ""}`;
}

async function byPublicKey(): Promise<string> {
  const text = unsigned("HS256").replace(/\.$/, "");
  const secret = await exportSPKI(publicKey);
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

test("jwt - a running connection ends when its token does", async () => {
  // a minute's skew is allowed, and has passed but for a second
  const password = Buffer.from(await jwt({}, "-58 seconds"));
  const client = await RawClient.in(node.mqttUrl, 5, { username: "jwt", password });
  await client.closed;
  const { reasonCode, properties } = await client.next("disconnect");
  assert.deepEqual([reasonCode, properties?.reasonString], [0x87, "its credential has expired"]);
});

test("jwt - half of its options, no keys and secret keys are refused by name", async () => {
  const file = join(folder, "bad.json");
  const bad = async (text: string): Promise<object> => {
    await writeFile(file, text);
    return { ...flags, jwtJwks: file };
  };
  for (const given of [
    { jwtIssuer: issuer },
    { ...flags, jwtJwks: "http://login.example/keys" },
    await bad("{}"),
  ]) {
    assert.throws(() => upOptions({ name: "a", ...given }, {}), { code: "CONFIG_INVALID" });
  }
  const secret = await exportJWK(privateKey);
  for (const key of [secret, { kty: "oct", k: "AAAA" }]) {
    const given = await bad(JSON.stringify({ keys: [key] }));
    assert.throws(() => upOptions({ name: "a", ...given }, {}), /no public one/);
  }
});
