/** Whatever bytes come to the door, the node lives and the others are served. */
import assert from "node:assert/strict";
import { test } from "node:test";
import mqttPacket, { type Packet } from "mqtt-packet";
import { oneNode } from "./one-node.ts";
import { connectPacket, publishPacket, RawClient } from "./raw-client.ts";

const seed = Number(process.env["COMITY_SEED"] ?? Date.now() % 1_000_000_007);
const runMs = 3000;
const { node, http } = await oneNode({ packetBytesMax: 50_000, connectTimeoutMs: 1000 });

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
  ];
  return packets.map((packet) => mqttPacket.generate(packet, { protocolVersion: version }));
}

const good = { 4: goodPackets(4), 5: goodPackets(5) };

async function attack(random: (below: number) => number): Promise<void> {
  const version = random(2) === 0 ? 4 : 5;
  const client = new RawClient(node.mqttUrl, version);
  client.socket.removeAllListeners("data").on("data", () => {});
  const parts: Buffer[] = [];
  if (random(10) > 0) {
    const connect = connectPacket(version, { clientId: `fuzz-${random(5)}` });
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

test("fuzz - random and damaged packets harm nobody but who sent them", async (t) => {
  t.diagnostic(`COMITY_SEED=${seed}`);
  const random = randomFrom(seed);
  const subscriber = await RawClient.in(node.mqttUrl, 5);
  const publisher = await RawClient.in(node.mqttUrl, 4);
  await subscriber.subscribe({ topic: "steady", qos: 1 });
  const end = Date.now() + runMs;
  let attacks = 0;
  let sent = 0;
  const seen: string[] = [];
  while (Date.now() < end) {
    publisher.send(publishPacket("steady", String(sent++)));
    await Promise.all(Array.from({ length: 8 }, () => attack(random)));
    attacks += 8;
    seen.push(...(await subscriber.messages()));
  }
  await publisher.settled();
  seen.push(...(await subscriber.messages()));
  t.diagnostic(`${attacks} connections`);
  assert.ok(attacks > 100, `${attacks}`);
  assert.deepEqual(
    seen,
    Array.from({ length: sent }, (_, i) => `steady ${i}`),
  );
  assert.equal((await http.health()).status, "ok");
  subscriber.destroy();
  publisher.destroy();
});
