import assert from "node:assert/strict";
import { Skipped } from "./broker.ts";
import { type Case, v5 } from "./case.ts";

/** What a client says in CONNECT that it takes, and flow control (§4.9). */
export const limitsCases: readonly Case[] = [
  v5(
    ["MQTT-3.1.2-24"],
    "a message larger than the client takes is left out, and others come",
    async (broker) => {
      const reader = await broker.connect({ properties: { maximumPacketSize: 256 } });
      await reader.subscribe(broker.topic());
      const writer = await broker.connect();
      for (const qos of [0, 1, 2] as const) {
        if (qos > broker.can.maximumQos) continue;
        const sizes = [300, 256, 40, 20_000].map((size) => "x".repeat(size));
        for (const payload of sizes) await writer.publish(broker.topic(), payload, { qos });
        const came = await broker.messagesAt(reader);
        assert.deepEqual(came, [`${broker.topic()} ${"x".repeat(40)}`], `QoS ${qos}`);
      }
    },
  ),

  v5(
    ["MQTT-3.1.2-25"],
    "a message larger than the client takes counts as delivered",
    async (broker) => {
      broker.needsQos(1);
      const properties = { maximumPacketSize: 256, receiveMaximum: 1 };
      const reader = await broker.connect({ properties });
      await reader.subscribe(broker.topic());
      const writer = await broker.connect();
      for (const payload of ["x".repeat(300), "small", "x".repeat(400), "last"]) {
        await writer.publish(broker.topic(), payload, { qos: 1 });
      }
      for (const text of ["small", "last"]) {
        assert.equal(await reader.message(), `${broker.topic()} ${text}`);
      }
    },
  ),

  v5(
    ["MQTT-3.3.4-9", "MQTT-4.9.0-1", "MQTT-4.9.0-2"],
    "no more messages are under way than the client takes, QoS 1 and 2 together",
    async (broker) => {
      broker.needsQos(2);
      const reader = await broker.connect({
        properties: { receiveMaximum: 2 },
        acknowledges: false,
      });
      await reader.subscribe(broker.topic());
      const writer = await broker.connect();
      for (const [i, qos] of ([1, 2, 1, 2] as const).entries()) {
        await writer.publish(broker.topic(), `${i}`, { qos });
      }
      const [first, second] = [await reader.next("publish"), await reader.next("publish")];
      assert.deepEqual(await broker.messagesAt(reader), [], "a third came");
      assert.ok(first.qos === 1 && second.qos === 2);
      reader.send({ cmd: "pubrec", messageId: second.messageId! });
      await reader.next("pubrel");
      assert.deepEqual(await broker.messagesAt(reader), [], "PUBREC made room for a third");
      reader.send({ cmd: "puback", messageId: first.messageId! });
      assert.equal(await reader.message(), `${broker.topic()} 2`);
      reader.send({ cmd: "pubcomp", messageId: second.messageId! });
      assert.equal(await reader.message(), `${broker.topic()} 3`);
    },
  ),

  v5(
    ["MQTT-3.3.4-9", "MQTT-4.4.0-2"],
    "a message that a client refuses is done with",
    async (broker) => {
      broker.needsQos(2);
      const kept = broker.kept(broker.clientId());
      const properties = { ...kept.properties, receiveMaximum: 1 };
      const reader = await broker.connect({ ...kept, properties, acknowledges: false });
      await reader.subscribe(broker.topic());
      const writer = await broker.connect();
      for (const qos of [2, 1, 1] as const) {
        await writer.publish(broker.topic(), `${qos}`, { qos });
      }
      const refused = await reader.next("publish");
      reader.send({ cmd: "pubrec", messageId: refused.messageId!, reasonCode: 0x97 });
      const also = await reader.next("publish");
      reader.send({ cmd: "puback", messageId: also.messageId!, reasonCode: 0x97 });
      const last = await reader.next("publish");
      reader.send({ cmd: "puback", messageId: last.messageId! });
      assert.deepEqual(await broker.messagesAt(reader), []);
      await reader.drop();
      const again = await broker.connect(kept);
      assert.deepEqual(await broker.messagesAt(again), []);
    },
  ),

  v5(
    ["MQTT-3.3.4-10", "MQTT-4.9.0-3"],
    "all but messages goes on where no more messages may",
    async (broker) => {
      broker.needsQos(1);
      const reader = await broker.connect({
        properties: { receiveMaximum: 1 },
        acknowledges: false,
      });
      await reader.subscribe({ topic: broker.topic("#"), qos: 1 });
      const writer = await broker.connect();
      for (const name of ["a", "b"]) await writer.publish(broker.topic(name), name, { qos: 1 });
      await reader.next("publish");
      await reader.settled();
      await reader.subscribe(broker.topic("other"));
      await reader.unsubscribe(broker.topic("other"));
      assert.ok((await reader.publish("conformance/elsewhere", "x", { qos: 1 })) < 0x80);
      await writer.publish(broker.topic("c"), "of QoS 0");
      assert.equal(await reader.message(), `${broker.topic("c")} of QoS 0`);
    },
  ),

  v5(["MQTT-3.3.4-7"], "who sends more than the server takes is disconnected", async (broker) => {
    broker.needsQos(2);
    const { receiveMaximum } = broker.can;
    if (receiveMaximum === 65_535) throw new Skipped("the broker takes as many as there may be");
    const client = await broker.connect();
    const flags = { qos: 2, dup: false, retain: false } as const;
    const all = Array.from({ length: receiveMaximum + 1 }, (_, i) =>
      client.encoded({
        cmd: "publish",
        topic: broker.topic(),
        payload: "",
        messageId: i + 1,
        ...flags,
      }),
    );
    client.send(Buffer.concat(all));
    await client.ended(0x93);
  }),

  v5(
    ["MQTT-3.1.2-24", "MQTT-4.4.0-1"],
    "what was sent before is not sent again to a client that takes no packets of its size any more",
    async (broker) => {
      broker.needsQos(1);
      const kept = { ...broker.kept(broker.clientId()), acknowledges: false };
      const before = await broker.connect(kept);
      await before.subscribe(broker.topic());
      const writer = await broker.connect();
      for (const payload of ["x".repeat(1000), "small"]) {
        await writer.publish(broker.topic(), payload, { qos: 1 });
      }
      await before.next("publish");
      const { messageId } = await before.next("publish");
      await before.drop();
      const properties = { ...kept.properties, maximumPacketSize: 256 };
      const reader = await broker.connect({ ...kept, properties });
      const again = await reader.next("publish");
      assert.deepEqual([again.payload.toString(), again.messageId], ["small", messageId]);
      assert.deepEqual(await broker.messagesAt(reader), []);
    },
  ),

  v5(
    ["MQTT-3.1.2-24"],
    "an answer larger than the client takes is not sent, and a CONNACK is none",
    async (broker) => {
      const filters = Array.from({ length: 60 }, (_, i) => broker.topic(`${i}`));
      const fields = { cmd: "subscribe", messageId: 1 } as const;
      for (const maximumPacketSize of [4, 12, 20, 60]) {
        const client = broker.open();
        const properties = { maximumPacketSize };
        client.send(
          broker.connectPacket({ properties }),
          { ...fields, subscriptions: filters.map((topic) => ({ topic, qos: 0 })) },
          { cmd: "unsubscribe", messageId: 2, unsubscriptions: filters },
        );
        // It is ended, or goes on without the answer.
        await client.settled().catch(() => client.closed());
        for (const { cmd, body } of client.arrived) {
          const length = body.length + 2;
          assert.ok(length <= maximumPacketSize, `${cmd.toUpperCase()} has ${length} bytes`);
        }
      }
    },
  ),

  v5(
    ["MQTT-3.3.4-7", "MQTT-4.3.3-10"],
    "messages that are sent again on a new connection count once",
    async (broker) => {
      broker.needsQos(2);
      const { receiveMaximum } = broker.can;
      if (receiveMaximum > 2000) throw new Skipped(`the broker takes ${receiveMaximum} at once`);
      const kept = broker.kept(broker.clientId());
      const ids = Array.from({ length: receiveMaximum }, (_, i) => i + 1);
      const message = { topic: broker.topic(), payload: "", qos: 2, retain: false } as const;
      for (const dup of [false, true]) {
        const client = await broker.connect(kept);
        client.send(
          ...ids.map((messageId) => ({ cmd: "publish" as const, ...message, dup, messageId })),
        );
        for (const id of ids) assert.equal((await client.next("pubrec")).messageId, id);
        await client.drop();
      }
      const client = await broker.connect(kept);
      client.send(...ids.map((messageId) => ({ cmd: "pubrel" as const, messageId })));
      for (const id of ids) assert.equal((await client.next("pubcomp")).messageId, id);
    },
  ),
];
