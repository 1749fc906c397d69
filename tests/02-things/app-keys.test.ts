/** An app's key opens its topics at every door, and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { oneNode } from "../01-connect/one-node.ts";
import { connectPacket, publishPacket, RawClient } from "../01-connect/raw-client.ts";
import { until } from "../two-nodes.ts";

const { node, http } = await oneNode();

function as(username: string, token: string) {
  return { username, password: Buffer.from(token) };
}

async function code(username: string, token: string): Promise<number | undefined> {
  const client = new RawClient(node.mqttUrl, 5);
  client.send(connectPacket(5, as(username, token)));
  const { reasonCode } = await client.next("connack");
  client.destroy();
  return reasonCode;
}

function call(path: string, bearer: string, more: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${bearer}` };
  return fetch(`${node.httpUrl}/api/v1${path}`, { ...more, headers });
}

test("app keys - publish and follow their own topics over MQTT, others are refused", async (t) => {
  const { key, token } = await http.keys.add({
    ...{ id: "dashboard", subscribe: ["buses/+/position"], publish: ["notes/#"] },
  });
  assert.deepEqual([key.id, key.expiresAt], ["dashboard", undefined]);
  const client = await RawClient.in(node.mqttUrl, 5, as("dashboard", token));
  t.after(() => client.destroy());
  const asked = ["buses/7/position", "buses/#", "#", "notes/1"];
  const granted = await client.subscribe(...asked.map((topic) => ({ topic, qos: 1 as const })));
  assert.deepEqual(granted, [1, 0x87, 0x87, 0x87]);
  client.send(publishPacket("buses/7/position", "x", { qos: 1, messageId: 1 }));
  assert.equal((await client.next("puback")).reasonCode, 0x87);
  client.send(publishPacket("notes/1", "x", { qos: 1, messageId: 2 }));
  assert.equal((await client.next("puback")).reasonCode, 0x10); // nobody subscribes
});

test("app keys - work over HTTP, and on no other route of the API", async () => {
  const { token } = await http.keys.add({ id: "web", subscribe: ["a/#"], publish: ["a/b"] });
  const mine = `web:${token}`;
  const post = { method: "POST", body: "1" };
  assert.equal((await call("/publish/a/b", mine, post)).status, 204);
  assert.equal((await call("/publish/a/c", mine, post)).status, 403);
  assert.equal((await call("/streams/%23", mine)).status, 403);
  for (const route of ["/things", "/keys", "/users", "/status"]) {
    assert.equal((await call(route, mine)).status, 403, route);
  }
  assert.equal((await call("/publish/a/b", token, post)).status, 401); // a key is named
});

test("app keys - removing one ends its MQTT connections and its event streams", async () => {
  const { token } = await http.keys.add({ id: "gone", subscribe: ["a/#"] });
  const client = await RawClient.in(node.mqttUrl, 5, as("gone", token));
  const stream = await call("/streams/a%2F%23", `gone:${token}`);
  await http.keys.remove("gone");
  await client.closed;
  assert.equal((await client.next("disconnect")).reasonCode, 0x87);
  await stream.text(); // it comes to an end
  assert.equal(await code("gone", token), 0x86);
  await assert.rejects(http.keys.remove("gone"), { code: "NOT_FOUND" });
});

test("app keys - one that expires ends its connections and opens the door no more", async () => {
  const draft = { id: "short", subscribe: ["a/#"], expiresInSeconds: 1 };
  const { token, key } = await http.keys.add(draft);
  const client = await RawClient.in(node.mqttUrl, 5, as("short", token));
  await client.closed;
  assert.ok(Date.now() >= Date.parse(key.expiresAt ?? ""));
  const { reasonCode, properties } = await client.next("disconnect");
  const why = properties?.reasonString;
  assert.deepEqual([reasonCode, why], [0x87, "its credential has expired"]);
  assert.equal(await code("short", token), 0x86);
});

test("app keys - a rotated token is good for its grace; only what came with it is ended then", async () => {
  const { token: old } = await http.keys.add({ id: "turn", subscribe: ["a/#"] });
  const before = await RawClient.in(node.mqttUrl, 5, { ...as("turn", old), clientId: "before" });
  const { token: fresh } = await http.keys.rotate("turn", 2);
  assert.equal(await code("turn", old), 0); // within the grace
  const after = await RawClient.in(node.mqttUrl, 5, { ...as("turn", fresh), clientId: "after" });
  await before.closed;
  assert.equal((await before.next("disconnect")).reasonCode, 0x87);
  assert.equal(await code("turn", old), 0x86);
  await after.subscribe({ topic: "a/1", qos: 0 });
  after.destroy();
});

test("app keys - 0 as grace ends the old token and what came with it at once", async () => {
  const { token: old } = await http.keys.add({ id: "cut", subscribe: ["a/#"] });
  const client = await RawClient.in(node.mqttUrl, 5, as("cut", old));
  const { token } = await http.keys.rotate("cut", 0);
  await client.closed;
  assert.deepEqual([await code("cut", old), await code("cut", token)], [0x86, 0]);
});

test("app keys - a Thing's token is rotated alike: its session waits for the new one", async () => {
  const { token: old } = await http.addThing({ name: "meter-9", subscribe: ["a/#"] });
  const kept = { clean: false, clientId: "line", properties: { sessionExpiryInterval: 600 } };
  const before = await RawClient.in(node.mqttUrl, 5, { ...kept, ...as("meter-9", old) });
  await before.subscribe({ topic: "a/9", qos: 1 });
  const { token } = await http.rotateThing("meter-9", 1);
  await before.closed;
  const other = await RawClient.in(node.mqttUrl, 5);
  other.send(publishPacket("a/9", "while away", { qos: 1, messageId: 1 }));
  await other.next("puback");
  other.destroy();
  const after = new RawClient(node.mqttUrl, 5);
  after.send(connectPacket(5, { ...kept, ...as("meter-9", token) }));
  const { sessionPresent } = await after.next("connack");
  assert.equal(sessionPresent, true);
  assert.equal((await after.next("publish")).payload.toString(), "while away");
  after.destroy();
});

test("app keys - what cannot be one is refused by name, and an unknown grace too", async () => {
  const bad = { code: "BODY_INVALID" };
  await assert.rejects(http.keys.add({ id: "none" }), bad);
  await assert.rejects(http.keys.add({ id: "wild", subscribe: ["a/#/b"] }), bad);
  await assert.rejects(http.keys.add({ id: "Big Name", subscribe: ["a"] }), bad);
  await assert.rejects(http.keys.add({ id: "turn", subscribe: ["a"] }), { code: "STORE_CONFLICT" });
  await assert.rejects(http.keys.rotate("turn", -1), bad);
});

test("app keys - the store holds no token, and acts stand on the audit trail", async () => {
  const { token } = await http.keys.add({ id: "noted", subscribe: ["a"] });
  const listed = JSON.stringify(await http.keys.list());
  assert.ok(listed.includes('"noted"') && !listed.includes(token));
  await until("the act", async () => {
    return (await http.audit()).some(({ act, what }) => act === "key.add" && what === "noted");
  });
});
