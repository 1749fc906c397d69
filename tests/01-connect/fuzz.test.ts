/** Whatever bytes come to the door, the node lives and the others are served. */
import assert from "node:assert/strict";
import { test } from "node:test";
import mqttPacket, { type IConnectPacket, type Packet } from "mqtt-packet";
import { oneNode } from "./one-node.ts";
import { until } from "../two-nodes.ts";
import { connectPacket, publishPacket, RawClient } from "./raw-client.ts";
import { SteadyPair } from "./steady-pair.ts";

const seed = Number(process.env["COMITY_SEED"] ?? Date.now() % 1_000_000_007);
/** Three seconds of it; or, for a night, as many packets as are named. */
const packetsMin = Number(process.env["COMITY_FUZZ_PACKETS"] ?? 0);
const runMs = 3000;
let packetsSent = 0;
const { node, http } = await oneNode({
  packetBytesMax: 50_000,
  connectTimeoutMs: 1000,
  // Whatever an attacker's session asks for, it is soon gone with all that was its own.
  sessionExpirySecondsMax: 1,
});

/** mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const onlyIn5: readonly Packet[] = [
  publishPacket("fuzz/alias", "3", { properties: { topicAlias: 1 } }),
  publishPacket("", "4", { qos: 1, messageId: 8, properties: { topicAlias: 1 } }),
  publishPacket("fuzz/ask", "5", {
    properties: { responseTopic: "", correlationData: Buffer.alloc(0), messageExpiryInterval: 1 },
  }),
  {
    cmd: "subscribe",
    messageId: 9,
    properties: { subscriptionIdentifier: 268_435_455 },
    subscriptions: [{ topic: "#", qos: 2, nl: true, rap: true, rh: 1 }],
  },
  { cmd: "disconnect", reasonCode: 4, properties: { sessionExpiryInterval: 1 } },
  { cmd: "auth", reasonCode: 0x19, properties: { authenticationMethod: "x" } },
];

/** What a client may say of itself: tight limits, a session that stays, a will that waits. */
function manner(version: 4 | 5, random: (below: number) => number): Partial<IConnectPacket> {
  const isKept = random(3) === 0;
  if (version === 4) return { clean: !isKept };
  return {
    clean: !isKept,
    properties: {
      ...(isKept ? { sessionExpiryInterval: 1 + random(3) } : {}),
      ...(random(3) === 0 ? { receiveMaximum: 1 + random(3) } : {}),
      ...(random(3) === 0 ? { topicAliasMaximum: random(4) } : {}),
      ...(random(3) === 0 ? { maximumPacketSize: 20 + random(100) } : {}),
    },
    ...(random(3) > 0
      ? {}
      : {
          will: {
            ...{ topic: "fuzz/will", payload: Buffer.from("w"), qos: 2, retain: random(2) === 0 },
            properties: { willDelayInterval: random(2) },
          },
        }),
  };
}

function goodPackets(version: 4 | 5): Buffer[] {
  const properties = version === 5 ? { contentType: "x", userProperties: { a: "b" } } : {};
  const packets: Packet[] = [
    publishPacket("fuzz/a", "0", { properties }),
    publishPacket("fuzz/b", "1", { qos: 1, messageId: 1, retain: true }),
    publishPacket("fuzz/c", "2", { qos: 2, messageId: 2, properties }),
    { cmd: "pubrel", messageId: 2 },
    { cmd: "puback", messageId: 3 },
    { cmd: "subscribe", messageId: 4, subscriptions: [{ topic: "fuzz/#", qos: 1 }] },
    { cmd: "unsubscribe", messageId: 5, unsubscriptions: ["fuzz/#"] },
    { cmd: "pingreq" },
    connectPacket(version, { will: { topic: "fuzz/w", payload: "x", qos: 1, retain: false } }),
    { cmd: "disconnect" },
    { cmd: "pubrec", messageId: 1 },
    { cmd: "pubcomp", messageId: 1 },
    {
      cmd: "subscribe",
      messageId: 6,
      subscriptions: [
        { topic: "$share/g/fuzz/#", qos: 2 },
        { topic: "+/a", qos: 2 },
      ],
    },
    { cmd: "unsubscribe", messageId: 7, unsubscriptions: ["$share/g/fuzz/#", "+/a"] },
  ];
  if (version === 5) packets.push(...onlyIn5);
  return packets.map((packet) => mqttPacket.generate(packet, { protocolVersion: version }));
}

const good = { 4: goodPackets(4), 5: goodPackets(5) };

async function attack(random: (below: number) => number): Promise<void> {
  const version = random(2) === 0 ? 4 : 5;
  const client = new RawClient(node.mqttUrl, version);
  client.socket.removeAllListeners("data").on("data", () => {});
  const parts: Buffer[] = [];
  if (random(10) > 0) {
    const clientId = `fuzz-${random(5)}`;
    const connect = connectPacket(version, { clientId, ...manner(version, random) });
    parts.push(mqttPacket.generate(connect, { protocolVersion: version }));
  }
  for (let i = random(20); i >= 0; i--) {
    if (random(6) === 0) {
      parts.push(Buffer.from(Array.from({ length: random(60) }, () => random(256))));
      continue;
    }
    const packet = Buffer.from(good[version][random(good[version].length)]!);
    for (let changes = random(3); changes > 0; changes--) {
      packet[random(packet.length)] = random(256);
    }
    parts.push(packet);
  }
  packetsSent += parts.length;
  const bytes = Buffer.concat(parts);
  for (let at = 0; at < bytes.length && !client.isClosed;) {
    const next = at + 1 + random(bytes.length);
    client.send(bytes.subarray(at, next));
    at = next;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise((resolve) => setTimeout(resolve, random(20)));
  client.destroy();
  await client.closed;
}

async function subscriptions(): Promise<number> {
  const text = await (await fetch(new URL("/metrics", node.httpUrl))).text();
  return Number(/^comity_subscriptions (\d+)$/m.exec(text)![1]);
}

/** Everything that comes through has a topic that is text and no filter. */
function checkTopics(observer: RawClient): void {
  for (const packet of observer.received.splice(0)) {
    if (packet.cmd !== "publish") continue;
    assert.doesNotMatch(packet.topic, /[\ufffd\0+#]/, "a topic that no client may publish to");
  }
}

test("fuzz - random and damaged packets harm nobody but who sent them", async (t) => {
  t.diagnostic(`COMITY_SEED=${seed}`);
  const random = randomFrom(seed);
  const pair = await SteadyPair.in(node.mqttUrl);
  const observer = await RawClient.in(node.mqttUrl, 5);
  assert.deepEqual(await observer.subscribe({ topic: "fuzz/#", qos: 0 }), [0]);
  t.after(() => {
    pair.destroy();
    observer.destroy();
  });
  const before = await subscriptions();
  const end = Date.now() + runMs;
  let attacks = 0;
  const isDone = (): boolean => Date.now() >= end && packetsSent >= packetsMin;
  while (!isDone()) {
    await Promise.all([pair.exchange(), ...Array.from({ length: 8 }, () => attack(random))]);
    attacks += 8;
    checkTopics(observer);
  }
  await pair.exchange();
  t.diagnostic(`${attacks} connections, ${packetsSent} packets`);
  assert.ok(attacks > 100, `${attacks}`);
  assert.equal((await http.health()).status, "ok");
  const isGone = async (): Promise<boolean> => (await subscriptions()) === before;
  await until("nothing is left of who attacked", isGone, 5000);
});
