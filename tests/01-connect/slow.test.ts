/** Clients that do not read, or ask for more than they read: bounded, and nobody else's trouble. */
import assert from "node:assert/strict";
import { test } from "node:test";
import mqttPacket from "mqtt-packet";
import { until } from "../two-nodes.ts";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node, http } = await oneNode({ queueBytesMax: 1_000_000 });
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

for (const qos of [1, 2] as const) {
  test(`QoS ${qos} - a subscriber of a logged stream that falls far behind goes on from its log`, async (t) => {
    const topic = `behind${qos}`;
    const price = { amount: "0", currency: "EUR", perMessages: 1 };
    const product = { id: topic, title: topic, topics: [topic], delivery: "logged" } as const;
    await http.addProduct({ ...product, terms: { price } });
    const slow = await RawClient.in(url, 4);
    const publisher = await RawClient.in(url, 4);
    t.after(() => [slow, publisher].forEach((client) => client.destroy()));
    await slow.subscribe({ topic, qos });
    const total = 6000;
    const payload = "x".repeat(1000);
    // Nothing is acknowledged: what is under way fills, then what waits in memory would.
    for (let i = 0; i < total; i += 500) {
      for (let id = 1; id <= 500; id++) {
        const more = { qos, messageId: id } as const;
        publisher.send(publishPacket(topic, `${i + id - 1} ${payload}`, more));
      }
      for (let id = 1; id <= 500; id++) {
        if (qos === 1) await publisher.next("puback");
        else {
          const { messageId } = await publisher.next("pubrec");
          publisher.send({ cmd: "pubrel", messageId: messageId! });
          await publisher.next("pubcomp");
        }
      }
    }
    for (let i = 0; i < total; i++) {
      // A log keeps no QoS: what is read from it comes with QoS 1.
      const { payload: got, messageId, qos: with1or2 } = await slow.next("publish");
      assert.equal(got.toString().split(" ")[0], String(i));
      slow.send({ cmd: with1or2 === 1 ? "puback" : "pubrec", messageId: messageId! });
      if (with1or2 === 1) continue;
      await slow.next("pubrel");
      slow.send({ cmd: "pubcomp", messageId: messageId! });
    }
  });
}
