/** QoS 2 both ways, flow control and topic aliases, at the socket. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node } = await oneNode({ receiveMaximum: 10, keepAliveSecondsMax: 30 });
const url = node.mqttUrl;

for (const version of [4, 5] as const) {
  test(`version ${version} - [MQTT-4.3.3-8] a message of QoS 2 is sent, received, released and complete`, async (t) => {
    const reader = await RawClient.in(url, version);
    const writer = await RawClient.in(url, version);
    t.after(() => [reader, writer].forEach((client) => client.destroy()));
    assert.deepEqual(await reader.subscribe({ topic: `twice${version}`, qos: 2 }), [2]);
    writer.send(publishPacket(`twice${version}`, "once", { qos: 2, messageId: 9 }));
    assert.equal((await writer.next("pubrec")).messageId, 9);
    const { qos, messageId, payload, dup } = await reader.next("publish");
    assert.deepEqual([qos, dup, payload.toString()], [2, false, "once"]);
    const id = messageId!;
    reader.send({ cmd: "pubrec", messageId: id });
    assert.equal((await reader.next("pubrel")).messageId, id);
    reader.send({ cmd: "pubcomp", messageId: id });
    writer.send({ cmd: "pubrel", messageId: 9 });
    assert.equal((await writer.next("pubcomp")).messageId, 9);
    assert.deepEqual(await reader.messages(), []);
  });

  test(`version ${version} - [MQTT-4.4.0-1] what is not complete is sent again with its identifier: PUBLISH, or PUBREL`, async (t) => {
    const kept = {
      clientId: `kept${version}`,
      clean: false,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
    };
    const reader = await RawClient.in(url, version, kept);
    const writer = await RawClient.in(url, version);
    t.after(() => writer.destroy());
    await reader.subscribe({ topic: `again${version}`, qos: 2 });
    for (const [i, text] of ["a", "b", "c"].entries()) {
      writer.send(publishPacket(`again${version}`, text, { qos: 2, messageId: i + 1 }));
      await writer.next("pubrec");
    }
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) ids.push((await reader.next("publish")).messageId!);
    reader.send({ cmd: "pubrec", messageId: ids[1]! });
    await reader.next("pubrel");
    reader.destroy();
    await reader.closed;
    const again = await RawClient.in(url, version, kept);
    t.after(() => again.destroy());
    await again.settled();
    const came = again.received.splice(0);
    assert.deepEqual(
      came.map((packet) => [packet.cmd, packet.messageId]),
      [
        ["publish", ids[0]],
        ["pubrel", ids[1]],
        ["publish", ids[2]],
      ],
    );
    for (const packet of came) if (packet.cmd === "publish") assert.equal(packet.dup, true);
    again.send({ cmd: "pubcomp", messageId: ids[1]! });
    for (const id of [ids[0]!, ids[2]!]) {
      again.send({ cmd: "pubrec", messageId: id });
      await again.next("pubrel");
      again.send({ cmd: "pubcomp", messageId: id });
    }
    await again.settled();
    again.destroy();
    await again.closed;
    const last = await RawClient.in(url, version, kept);
    t.after(() => last.destroy());
    assert.deepEqual(await last.messages(), []);
  });
}

test("[MQTT-3.8.4-8] the QoS is the lower of what was published and what was granted", async (t) => {
  const client = await RawClient.in(url, 5);
  t.after(() => client.destroy());
  assert.deepEqual(await client.subscribe({ topic: "low/+", qos: 1 }), [1]);
  client.send(
    publishPacket("low/2", "2", { qos: 2, messageId: 1 }),
    publishPacket("low/1", "1", { qos: 1, messageId: 2 }),
    publishPacket("low/0", "0"),
  );
  const seen: number[] = [];
  for (let i = 0; i < 3; i++) seen.push((await client.next("publish")).qos);
  assert.deepEqual(seen, [1, 1, 0]);
});

test("[MQTT-4.3.3-4] PUBREC that refuses ends the message; an unknown identifier is named so", async (t) => {
  const reader = await RawClient.in(url, 5, { properties: { receiveMaximum: 1 } });
  const writer = await RawClient.in(url, 5);
  t.after(() => [reader, writer].forEach((client) => client.destroy()));
  await reader.subscribe({ topic: "refused", qos: 2 });
  for (const [i, text] of ["a", "b"].entries()) {
    writer.send(publishPacket("refused", text, { qos: 2, messageId: i + 1 }));
    await writer.next("pubrec");
  }
  const first = await reader.next("publish");
  reader.send({ cmd: "pubrec", messageId: first.messageId!, reasonCode: 0x97 });
  assert.equal((await reader.next("publish")).payload.toString(), "b");
  assert.equal(reader.received.length, 0);
  reader.send({ cmd: "pubrec", messageId: 777 });
  assert.equal((await reader.next("pubrel")).reasonCode, 0x92);
  reader.send({ cmd: "pubrel", messageId: 778 });
  assert.equal((await reader.next("pubcomp")).reasonCode, 0x92);
});

test("[MQTT-3.3.4-9] a client is told how many may be under way, and ended when it sends more", async () => {
  const client = new RawClient(url, 5);
  const connack = await (async () => {
    client.send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 5,
      clientId: "many",
      clean: true,
      keepalive: 600,
    });
    return client.next("connack");
  })();
  assert.equal(connack.properties?.receiveMaximum, 10);
  assert.equal(connack.properties?.serverKeepAlive, 30);
  for (let id = 1; id <= 10; id++) {
    client.send(publishPacket("many", "x", { qos: 2, messageId: id }));
  }
  for (let id = 1; id <= 10; id++) await client.next("pubrec");
  client.send(publishPacket("many", "x", { qos: 2, messageId: 11 }));
  assert.equal((await client.next("disconnect")).reasonCode, 0x93);
  await client.closed;
});

test("[MQTT-3.3.2-12] a topic alias stands for its topic until it is given another; it goes no further", async (t) => {
  const reader = await RawClient.in(url, 5);
  const writer = await RawClient.in(url, 5);
  t.after(() => [reader, writer].forEach((client) => client.destroy()));
  await reader.subscribe({ topic: "alias/#", qos: 1 });
  const named = (topic: string, topicAlias: number, text: string) =>
    publishPacket(topic, text, { properties: { topicAlias, contentType: "text/plain" } });
  writer.send(
    named("alias/a", 1, "1"),
    named("", 1, "2"),
    named("alias/b", 2, "3"),
    named("", 1, "4"),
    named("", 2, "5"),
    named("alias/c", 1, "6"),
    named("", 1, "7"),
    publishPacket("", "8", { qos: 1, messageId: 3, properties: { topicAlias: 2 } }),
  );
  await writer.next("puback");
  const seen: string[] = [];
  for (let i = 0; i < 8; i++) {
    const { topic, payload, properties } = await reader.next("publish");
    assert.equal(properties?.topicAlias, undefined);
    if (i < 7) assert.equal(properties?.contentType, "text/plain");
    seen.push(`${topic} ${payload.toString()}`);
  }
  const topics = ["a", "a", "b", "a", "b", "c", "c", "b"];
  assert.deepEqual(
    seen,
    topics.map((name, i) => `alias/${name} ${i + 1}`),
  );
});

test("[MQTT-3.1.2-26] a client that takes topic aliases is sent no more than it takes, each told once", async (t) => {
  const reader = await RawClient.in(url, 5, { properties: { topicAliasMaximum: 2 } });
  const writer = await RawClient.in(url, 5);
  t.after(() => [reader, writer].forEach((client) => client.destroy()));
  await reader.subscribe({ topic: "number/#", qos: 1 });
  const topics = ["one", "two", "three", "one", "two", "three"];
  for (const [i, name] of topics.entries()) {
    const more = i % 2 === 0 ? {} : ({ qos: 1, messageId: i + 1 } as const);
    writer.send(publishPacket(`number/${name}`, name, more));
    if (i % 2 === 1) await writer.next("puback");
  }
  const seen: (readonly [string, number | undefined])[] = [];
  for (let i = 0; i < 6; i++) {
    const { topic, properties } = await reader.next("publish");
    seen.push([topic, properties?.topicAlias]);
  }
  assert.deepEqual(seen, [
    ["number/one", 1],
    ["number/two", 2],
    ["number/three", undefined],
    ["", 1],
    ["", 2],
    ["number/three", undefined],
  ]);
});
