/** Connections that end, well or badly, and what stays of them. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { IConnectPacket } from "mqtt-packet";
import { until } from "../two-nodes.ts";
import { oneNode } from "./one-node.ts";
import { connectPacket, publishPacket, RawClient } from "./raw-client.ts";

const { node } = await oneNode({ sessionExpirySecondsMax: 3600 });
const url = node.mqttUrl;

async function watcher(t: TestContext, filter: string): Promise<RawClient> {
  const client = await RawClient.in(url, 5);
  t.after(() => client.destroy());
  await client.subscribe({ topic: filter, qos: 1 });
  return client;
}

async function said(client: RawClient, count: number): Promise<string[]> {
  const seen: string[] = [];
  await until("the messages come", async () => {
    seen.push(...(await client.messages()));
    return seen.length >= count;
  });
  return seen;
}

function will(topic: string, more: object = {}): Partial<IConnectPacket> {
  return { will: { topic, payload: Buffer.from("gone"), qos: 1, retain: false, ...more } };
}

for (const version of [4, 5] as const) {
  test(`version ${version} - all of a short life in one write is answered before the end`, async (t) => {
    const watching = await watcher(t, `short${version}/x`);
    const client = new RawClient(url, version);
    client.send(
      connectPacket(version),
      publishPacket(`short${version}/x`, "hello", { qos: 1, messageId: 7 }),
      publishPacket(`short${version}/x`, "again", { qos: 2, messageId: 8 }),
      { cmd: "disconnect" },
    );
    await client.closed;
    const answers = client.received.map(({ cmd }) => cmd);
    assert.deepEqual(answers, ["connack", "puback", "pubrec"]);
    assert.deepEqual(await said(watching, 2), [
      `short${version}/x hello`,
      `short${version}/x again`,
    ]);
  });

  const at = `will${version}`;

  test(`version ${version} - a will is published after an abnormal end, not after DISCONNECT`, async (t) => {
    const watching = await watcher(t, `${at}/#`);
    const polite = await RawClient.in(url, version, will(`${at}/polite`));
    polite.send({ cmd: "disconnect" });
    await polite.closed;
    const cut = await RawClient.in(url, version, will(`${at}/cut`));
    cut.destroy();
    assert.deepEqual(await said(watching, 1), [`${at}/cut gone`]);
    const wrong = await RawClient.in(url, version, will(`${at}/wrong`));
    wrong.send([0x00, 0x00]);
    assert.deepEqual(await said(watching, 1), [`${at}/wrong gone`]);
  });

  test(`version ${version} - a client that falls silent is ended, with its will, others stay`, async (t) => {
    const watching = await watcher(t, `silent${version}/#`);
    const silent = await RawClient.in(url, version, {
      keepalive: 1,
      ...will(`silent${version}/x`),
    });
    const alive = await RawClient.in(url, version, { keepalive: 1 });
    t.after(() => alive.destroy());
    const pings = setInterval(() => alive.send({ cmd: "pingreq" }), 400);
    t.after(() => clearInterval(pings));
    const start = Date.now();
    await silent.closed;
    const ms = Date.now() - start;
    assert.ok(ms >= 1400 && ms < 4000, `${ms} ms`);
    if (version === 5) assert.equal((await silent.next("disconnect")).reasonCode, 0x8d);
    assert.deepEqual(await said(watching, 1), [`silent${version}/x gone`]);
    assert.equal(alive.isClosed, false);
  });

  test(`version ${version} - a second connection takes the session over and goes on`, async (t) => {
    const clientId = `twin${version}`;
    const options = {
      clientId,
      clean: false,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
    };
    const first = await RawClient.in(url, version, { ...options, ...will(`twin${version}/will`) });
    await first.subscribe({ topic: `twin${version}/x`, qos: 1 });
    const watching = await watcher(t, `twin${version}/will`);
    const second = await RawClient.in(url, version, options);
    t.after(() => second.destroy());
    await first.closed;
    if (version === 5) assert.equal((await first.next("disconnect")).reasonCode, 0x8e);
    assert.deepEqual(await said(watching, 1), [`twin${version}/will gone`]);
    watching.send(publishPacket(`twin${version}/x`, "1", { qos: 1, messageId: 9 }));
    assert.deepEqual(await said(second, 1), [`twin${version}/x 1`]);
  });

  test(`version ${version} - what was not acknowledged comes again with DUP`, async (t) => {
    const options = {
      clientId: `again${version}`,
      clean: false,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
    };
    const first = await RawClient.in(url, version, options);
    await first.subscribe({ topic: `again${version}`, qos: 1 });
    first.send(publishPacket(`again${version}`, "1", { qos: 1, messageId: 5 }));
    const { messageId } = await first.next("publish");
    first.destroy();
    await first.closed;
    const second = await RawClient.in(url, version, options);
    t.after(() => second.destroy());
    const again = await second.next("publish");
    assert.equal(again.dup, true);
    assert.equal(again.messageId, messageId);
    second.send({ cmd: "puback", messageId: messageId! });
    await second.settled();
    second.destroy();
    const third = await RawClient.in(url, version, options);
    t.after(() => third.destroy());
    assert.deepEqual(await third.messages(), []);
  });
}

test("a clean session that is taken over leaves nothing to the next one", async (t) => {
  const first = await RawClient.in(url, 4, { clientId: "clean", clean: true });
  await first.subscribe({ topic: "clean/x", qos: 1 });
  const second = new RawClient(url, 4);
  t.after(() => second.destroy());
  second.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: "clean",
    clean: false,
    keepalive: 0,
  });
  assert.equal((await second.next("connack")).sessionPresent, false);
});

test("version 5 - a will waits for its delay, is not sent to who comes back, is sent when the session ends", async (t) => {
  const watching = await watcher(t, "delay/#");
  const options = (
    topic: string,
    clientId: string,
    expiry: number,
    willDelayInterval: number,
  ): Partial<IConnectPacket> => ({
    clientId,
    clean: false,
    properties: { sessionExpiryInterval: expiry },
    ...will(topic, { properties: { willDelayInterval, contentType: "text/plain" } }),
  });
  const back = await RawClient.in(url, 5, options("delay/back", "delay-back", 60, 1));
  back.destroy();
  await back.closed;
  const again = await RawClient.in(url, 5, { clientId: "delay-back", clean: false });
  t.after(() => again.destroy());
  const ended = await RawClient.in(url, 5, options("delay/ended", "delay-ended", 1, 30));
  const start = Date.now();
  ended.destroy();
  const packet = await watching.next("publish");
  assert.equal(packet.topic, "delay/ended");
  assert.equal(packet.properties?.contentType, "text/plain");
  assert.ok(Date.now() - start >= 900, "no sooner than the session's end");
  assert.deepEqual(await watching.messages(), []);
});

test("version 5 - the session's expiry is capped and said, and cannot be raised from nothing", async (t) => {
  const long = new RawClient(url, 5);
  t.after(() => long.destroy());
  long.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 5,
    clientId: "long",
    clean: true,
    keepalive: 0,
    properties: { sessionExpiryInterval: 100_000 },
  });
  const { properties } = await long.next("connack");
  assert.equal(properties?.sessionExpiryInterval, 3600);
  assert.equal(properties?.sharedSubscriptionAvailable, undefined);
  const none = await RawClient.in(url, 5);
  none.send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 60 } });
  await none.closed;
  assert.equal((await none.next("disconnect")).reasonCode, 0x82);
});

test("version 5 - DISCONNECT with reason 4 asks for the will", async (t) => {
  const watching = await watcher(t, "wanted");
  const client = await RawClient.in(url, 5, will("wanted"));
  client.send({ cmd: "disconnect", reasonCode: 4 });
  assert.deepEqual(await said(watching, 1), ["wanted gone"]);
});

test("a retained will is there for who comes later", async (t) => {
  const client = await RawClient.in(url, 5, will("status/x", { retain: true }));
  client.destroy();
  await client.closed;
  await until("it is kept", async () => {
    const late = await watcher(t, "status/x");
    return (await late.messages()).length > 0;
  });
});

test("a version 5 client without a name is given one", async (t) => {
  const client = new RawClient(url, 5);
  t.after(() => client.destroy());
  client.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 5,
    clientId: "",
    clean: true,
    keepalive: 0,
  });
  const { properties } = await client.next("connack");
  assert.ok((properties?.assignedClientIdentifier ?? "").length > 8);
});
