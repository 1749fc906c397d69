/** Clients that do not read, or ask for more than they read: bounded, and nobody else's trouble. */
import assert from "node:assert/strict";
import { test } from "node:test";
import mqttPacket from "mqtt-packet";
import { until } from "../two-nodes.ts";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node } = await oneNode({ queueBytesMax: 1_000_000 });
const url = node.mqttUrl;

test("a subscriber that stops reading loses the oldest; another one gets all", async (t) => {
  const stalled = await RawClient.in(url, 4);
  const reader = await RawClient.in(url, 4);
  const publisher = await RawClient.in(url, 4);
  t.after(() => [stalled, reader, publisher].forEach((client) => client.destroy()));
  await stalled.subscribe({ topic: "flood", qos: 0 });
  await reader.subscribe({ topic: "flood", qos: 0 });
  stalled.socket.pause();
  const total = 20_000;
  const payload = "x".repeat(1000);
  let received = 0;
  for (let i = 0; i < total; i += 500) {
    const packets = Array.from({ length: 500 }, (_, j) =>
      publishPacket("flood", `${i + j} ${payload}`),
    );
    publisher.send(...packets);
    await publisher.settled();
    received += (await reader.messages()).length;
  }
  await until("the reader has all", async () => {
    received += (await reader.messages()).length;
    return received === total;
  });
  stalled.socket.resume();
  await stalled.settled();
  const seen = await stalled.messages();
  assert.ok(seen.length < total, "some were dropped");
  assert.ok(seen.at(-1)?.startsWith(`flood ${total - 1} `), "the newest is there");
  const numbers = seen.map((text) => Number(text.split(" ")[1]));
  assert.ok(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!));
});

test("a client that asks and never reads the answers is not read from either", async (t) => {
  const client = await RawClient.in(url, 4);
  t.after(() => client.destroy());
  client.socket.pause();
  const pings = Buffer.alloc(100_000);
  for (let i = 0; i < pings.length; i += 2) pings[i] = 0xc0;
  // Its answers fill the way back, then the node's bound, then its own way there.
  let sent = 0;
  while (client.socket.write(pings) || client.socket.writableLength < 1_500_000) {
    sent += pings.length / 2;
    assert.ok(sent < 20_000_000, "the node takes whatever it is sent");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  const stuck = client.socket.writableLength;
  assert.ok(stuck > 1_000_000, `${stuck} bytes wait here`);
  client.socket.resume();
  await until("all is read in the end", () => client.socket.writableLength === 0);
  await client.settled();
});

test("one topic after the other in one write arrives in order, run by run", async (t) => {
  const subscriber = await RawClient.in(url, 5);
  const publisher = await RawClient.in(url, 4);
  t.after(() => [subscriber, publisher].forEach((client) => client.destroy()));
  await subscriber.subscribe({ topic: "order/#", qos: 1 });
  const packets: Buffer[] = [];
  const expected: string[] = [];
  for (let i = 0; i < 3000; i++) {
    const topic = `order/${Math.floor(i / 7) % 5}`;
    const packet = publishPacket(topic, String(i), { qos: 1, messageId: i + 1 });
    packets.push(mqttPacket.generate(packet));
    expected.push(`${topic} ${i}`);
  }
  publisher.send(Buffer.concat(packets));
  const seen: string[] = [];
  await until("all arrive", async () => {
    seen.push(...(await subscriber.messages()));
    return seen.length === expected.length;
  });
  assert.deepEqual(seen, expected);
  await until("all are acknowledged", () => publisher.received.length === 3000);
  assert.deepEqual(
    publisher.received.map((packet) => packet.messageId),
    Array.from({ length: 3000 }, (_, i) => i + 1),
    "acknowledged in order",
  );
});
