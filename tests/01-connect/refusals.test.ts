/** What is against the protocol or the limits ends the offender's connection and no other's. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Packet } from "mqtt-packet";
import { until } from "../two-nodes.ts";
import { oneNode } from "./one-node.ts";
import { connectPacket, publishPacket, RawClient } from "./raw-client.ts";

const connectTimeoutMs = 1200;
const { node, http } = await oneNode({
  connectionsMax: 20,
  packetBytesMax: 10_000,
  subscriptionsPerClientMax: 3,
  connectTimeoutMs,
});
const url = node.mqttUrl;
const witness = await RawClient.in(url, 5);
await witness.subscribe({ topic: "witness", qos: 0 });
after(() => witness.destroy());

async function othersAreServed(): Promise<void> {
  const other = await RawClient.in(url, 4);
  other.send(publishPacket("witness", "still here"));
  const { payload } = await witness.next("publish");
  assert.equal(payload.toString(), "still here");
  other.destroy();
  await other.closed;
  assert.equal(witness.isClosed, false);
}

/** Bytes of a packet whose remaining length is its content's. */
function packet(first: number, ...content: readonly number[]): number[] {
  return [first, content.length, ...content];
}

function text(value: string | readonly number[]): number[] {
  const bytes = [...Buffer.from(value)];
  return [bytes.length >> 8, bytes.length & 255, ...bytes];
}

type Sent = Packet | readonly number[];

const offences: readonly (readonly [string, 4 | 5, Sent, number])[] = [
  ["a second CONNECT", 5, connectPacket(5), 0x82],
  ["packet type 0", 5, packet(0x00), 0x81],
  ["a packet only a server sends", 5, packet(0x20, 0, 0, 0), 0x82],
  ["AUTH without an authentication method", 5, packet(0xf0), 0x82],
  ["a remaining length of five bytes", 5, [0x30, 0x80, 0x80, 0x80, 0x80, 0x01], 0x81],
  ["PUBLISH with QoS 3", 5, packet(0x36, ...text("a"), 0, 1, 0), 0x81],
  ["PUBLISH with packet identifier 0", 5, packet(0x32, ...text("a"), 0, 0, 0), 0x82],
  ["an empty topic", 5, packet(0x30, ...text(""), 0), 0x82],
  ["an empty topic, 3.1.1", 4, packet(0x30, ...text("")), 0],
  ["a wildcard in a topic", 5, packet(0x30, ...text("a/#"), 0), 0x90],
  ["NUL in a topic", 5, packet(0x30, ...text("a\0b"), 0), 0x81],
  ["invalid UTF-8 in a topic", 5, packet(0x30, ...text([0x61, 0xff]), 0), 0x81],
  ["a topic longer than 1024 bytes", 5, publishPacket("t".repeat(1025), "x"), 0x90],
  ["a topic of the node's own", 5, publishPacket("$SYS/x", "x"), 0x87],
  ["a topic that only links write", 5, publishPacket("from/peer/x", "x"), 0x87],
  ["a topic alias too high", 5, publishPacket("a", "x", { properties: { topicAlias: 33 } }), 0x94],
  ["topic alias 0", 5, packet(0x30, ...text("a"), 3, 0x23, 0, 0), 0x82],
  ["a topic alias without its topic", 5, packet(0x30, ...text(""), 3, 0x23, 0, 1), 0x82],
  ["a property that does not belong there", 5, packet(0x30, ...text("a"), 3, 0x21, 0, 9), 0x82],
  ["a property that is not known", 5, packet(0x30, ...text("a"), 2, 0x7f, 0), 0x81],
  ["properties that pass the packet's end", 5, packet(0x30, ...text("a"), 9, 1), 0x81],
  ["a packet larger than the limit", 5, publishPacket("a", "x".repeat(10_001)), 0x95],
  ["an empty SUBSCRIBE", 5, packet(0x82, 0, 1, 0), 0x82],
  [
    "SUBSCRIBE with subscription identifier 0",
    5,
    packet(0x82, 0, 1, 2, 11, 0, ...text("a"), 0),
    0x82,
  ],
  ["SUBSCRIBE with wrong flags", 5, packet(0x80, 0, 1, 0, ...text("a"), 0), 0x81],
  ["PINGREQ with content", 5, packet(0xc0, 1), 0x81],
  ["PUBLISH with invalid UTF-8, 3.1.1", 4, packet(0x30, ...text([0xc0, 0xaf])), 0],
  ["a wildcard in a topic, 3.1.1", 4, packet(0x30, ...text("+")), 0],
  ["DUP with QoS 0, 3.1.1", 4, packet(0x38, ...text("a")), 0],
];
for (const [what, version, bytes, reasonCode] of offences) {
  test(`refusals - ${what} ends its connection alone`, async () => {
    const offender = await RawClient.in(url, version);
    offender.send(bytes);
    await offender.closed;
    if (version === 5) assert.equal((await offender.next("disconnect")).reasonCode, reasonCode);
    await othersAreServed();
  });
}

const strangers: readonly (readonly [string, readonly Sent[], number | undefined])[] = [
  ["HTTP", [[...Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]], undefined],
  ["PUBLISH before CONNECT", [publishPacket("witness", "early")], undefined],
  ["PINGREQ before CONNECT", [packet(0xc0)], undefined],
  ["protocol level 3", [packet(0x10, ...text("MQIsdp"), 3, 2, 0, 0, ...text("c"))], 1],
  ["protocol level 6", [packet(0x10, ...text("MQTT"), 6, 2, 0, 0, 0, ...text("c"))], 1],
  [
    "CONNECT with its reserved flag",
    [packet(0x10, ...text("MQTT"), 4, 3, 0, 0, ...text("c"))],
    undefined,
  ],
  [
    "CONNECT with bytes left over",
    [packet(0x10, ...text("MQTT"), 4, 2, 0, 0, ...text("c"), 9)],
    undefined,
  ],
  ["CONNECT cut short", [packet(0x10, ...text("MQTT"), 4, 2, 0)], undefined],
  ["a first packet of a megabyte", [[0x10, 0x80, 0x80, 0x40]], undefined],
];
for (const [what, packets, returnCode] of strangers) {
  test(`refusals - ${what} is not let in`, async () => {
    const stranger = new RawClient(url, 4);
    stranger.send(...packets);
    await stranger.closed;
    if (returnCode === undefined) assert.deepEqual(stranger.received, []);
    else assert.equal((await stranger.next("connack")).returnCode, returnCode);
    await othersAreServed();
    assert.deepEqual(await witness.messages(), []);
  });
}

test("refusals - who does not finish CONNECT in time is closed, however slowly it drips", async () => {
  const silent = new RawClient(url);
  const dripping = new RawClient(url);
  const bytes = [0x10, 0x7f, 0, 4, 77, 81, 84, 84, 5, 2];
  const drip = setInterval(() => dripping.send([bytes.shift() ?? 0]), 150);
  const start = Date.now();
  await Promise.all([silent.closed, dripping.closed]);
  clearInterval(drip);
  assert.ok(Date.now() - start >= connectTimeoutMs - 50);
  await othersAreServed();
});

test("refusals - a will with a wildcard, or on a topic that is not the client's, is refused", async () => {
  for (const [topic, code] of [
    ["a/#", 0x90],
    ["from/x", 0x87],
    ["$SYS/x", 0x87],
  ] as const) {
    const client = new RawClient(url, 5);
    const will = { topic, payload: Buffer.from("x"), qos: 0, retain: false } as const;
    client.send(connectPacket(5, { will }));
    assert.equal((await client.next("connack")).reasonCode, code);
    await client.closed;
  }
});

test("refusals - an unnamed 3.1.1 client needs a clean session", async () => {
  const client = new RawClient(url, 4);
  client.send(packet(0x10, ...text("MQTT"), 4, 0, 0, 0, ...text("")));
  assert.equal((await client.next("connack")).returnCode, 2);
  await client.closed;
});

test("refusals - enhanced authentication is not offered", async () => {
  const client = new RawClient(url, 5);
  client.send(connectPacket(5, { properties: { authenticationMethod: "SCRAM-SHA-256" } }));
  assert.equal((await client.next("connack")).reasonCode, 0x8c);
});

test("refusals - bad filters are refused one by one, and the connection goes on", async (t) => {
  const client = await RawClient.in(url, 5);
  t.after(() => client.destroy());
  const asked = ["ok/+", "a/#/b", "a+", "", "$other/#", "$share/g/a", "x".repeat(1025)];
  const granted = await client.subscribe(...asked.map((topic) => ({ topic, qos: 1 as const })));
  assert.deepEqual(granted, [1, 0x8f, 0x8f, 0x8f, 0x87, 1, 0x8f]);
  await client.settled();
});

test("refusals - subscriptions beyond the limit are refused; one that is there may be changed", async (t) => {
  const client = await RawClient.in(url, 5);
  t.after(() => client.destroy());
  const ask = (...topics: string[]): Promise<readonly number[]> =>
    client.subscribe(...topics.map((topic) => ({ topic, qos: 1 as const })));
  assert.deepEqual(await ask("1", "2", "3", "4"), [1, 1, 1, 0x97]);
  assert.deepEqual(await ask("2"), [1]);
  client.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["1", "never"] });
  assert.deepEqual((await client.next("unsuback")).granted, [0, 0x11]);
  assert.deepEqual(await ask("4"), [1]);
});

test("refusals - connections beyond the limit are closed at once, those within go on", async () => {
  const clients: RawClient[] = [];
  for (let i = 0; i < 19; i++) clients.push(await RawClient.in(url, 4));
  const oneTooMany = new RawClient(url, 4);
  oneTooMany.send(connectPacket(4));
  await oneTooMany.closed;
  assert.deepEqual(oneTooMany.received, []);
  await witness.settled();
  for (const client of clients) client.destroy();
  await until("the node has seen them go", async () => {
    const { mqtt } = await http.status();
    return mqtt.connections === 1;
  });
  await othersAreServed();
});

test("refusals - a message of QoS 1 that may not be published is answered, the next one taken", async (t) => {
  const client = await RawClient.in(url, 5);
  t.after(() => client.destroy());
  client.send(publishPacket("$SYS/x", "x", { qos: 1, messageId: 7 }));
  const refused = await client.next("puback");
  assert.deepEqual([refused.messageId, refused.reasonCode], [7, 0x87]);
  client.send(publishPacket("from/x", "x", { qos: 2, messageId: 8 }));
  const received = await client.next("pubrec");
  assert.deepEqual([received.messageId, received.reasonCode], [8, 0x87]);
  client.send(publishPacket("witness", "fine", { qos: 1, messageId: 9 }));
  assert.equal((await client.next("puback")).messageId, 9);
  assert.deepEqual(await witness.messages(), ["witness fine"]);
});

test("refusals - a client's receive maximum and packet size are kept", async (t) => {
  const client = await RawClient.in(url, 5, {
    properties: { receiveMaximum: 2, maximumPacketSize: 100 },
  });
  t.after(() => client.destroy());
  await client.subscribe({ topic: "narrow", qos: 1 });
  for (const text of ["1", "2", "x".repeat(200), "3", "4", "5"]) {
    witness.send(publishPacket("narrow", text, { qos: 1, messageId: 1 }));
    await witness.next("puback");
  }
  const seen: string[] = [];
  while (seen.length < 5) {
    await client.settled();
    const waiting = client.received.filter(({ cmd }) => cmd === "publish");
    assert.ok(waiting.length > 0 && waiting.length <= 2, `${waiting.length} at once`);
    const { payload, messageId } = await client.next("publish");
    seen.push(payload.toString());
    client.send({ cmd: "puback", messageId: messageId! });
  }
  assert.deepEqual(seen, ["1", "2", "3", "4", "5"]);
});

test("refusals - QoS 2 sent twice before its release is one message", async (t) => {
  const client = await RawClient.in(url, 4);
  t.after(() => client.destroy());
  const twice = publishPacket("witness", "once", { qos: 2, messageId: 5 });
  client.send(twice, { ...twice, dup: true });
  assert.equal((await client.next("pubrec")).messageId, 5);
  assert.equal((await client.next("pubrec")).messageId, 5);
  client.send({ cmd: "pubrel", messageId: 5 }, { cmd: "pubrel", messageId: 5 });
  assert.equal((await client.next("pubcomp")).messageId, 5);
  assert.equal((await client.next("pubcomp")).messageId, 5);
  assert.deepEqual(await witness.messages(), ["witness once"]);
});
