import assert from "node:assert/strict";
import type { Broker } from "./broker.ts";
import { type Case, both, v5 } from "./case.ts";
import { type Arrived, type Client, messageOf } from "./client.ts";

const flags = { dup: false, retain: false } as const;

/** A client whose session is kept, subscribed to the case's topic, which acknowledges nothing. */
async function patient(broker: Broker): Promise<{ reader: Client; again: () => Promise<Client> }> {
  const kept = { ...broker.kept(broker.clientId()), acknowledges: false };
  const reader = await broker.connect(kept);
  await reader.subscribe(broker.topic());
  return { reader, again: () => broker.connect(kept) };
}

async function several(reader: Client, count: number): Promise<Arrived<"publish">[]> {
  const came: Arrived<"publish">[] = [];
  while (came.length < count) came.push(await reader.next("publish"));
  return came;
}

export const deliveryCases: readonly Case[] = [
  ...both(
    {
      v5: ["MQTT-2.2.1-4", "MQTT-4.3.2-1", "MQTT-4.3.2-2", "MQTT-4.3.3-1", "MQTT-4.3.3-2"],
      v3: ["MQTT-2.3.1-4", "MQTT-4.3.2-1", "MQTT-4.3.3-1"],
    },
    "messages under way have identifiers of their own, not 0, and are no duplicates",
    async (broker) => {
      broker.needsQos(2);
      const { reader } = await patient(broker);
      const writer = await broker.connect();
      const qualities = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 1 : 2));
      for (const qos of qualities) await writer.publish(broker.topic(), "", { qos });
      const came = await several(reader, qualities.length);
      const ids = came.map(({ messageId }) => messageId ?? 0);
      assert.equal(new Set(ids).size, ids.length, `identifiers ${ids.join(", ")}`);
      assert.ok(!ids.includes(0));
      assert.deepEqual(
        came.map(({ qos, dup }) => [qos, dup]),
        qualities.map((qos) => [qos, false]),
      );
    },
  ),

  ...both(
    {
      v5: ["MQTT-3.3.1-1", "MQTT-4.3.2-3", "MQTT-4.3.3-3", "MQTT-4.4.0-1", "MQTT-4.6.0-1"],
      v3: ["MQTT-3.3.1-1", "MQTT-4.4.0-1", "MQTT-4.6.0-1"],
    },
    "what is not acknowledged is sent again, as duplicates, in order, to a session that is back",
    async (broker) => {
      broker.needsQos(2);
      const { reader, again } = await patient(broker);
      const writer = await broker.connect();
      for (const [i, qos] of ([1, 2, 1, 2] as const).entries()) {
        await writer.publish(broker.topic(), `${i}`, { qos });
      }
      const first = await several(reader, 4);
      assert.deepEqual(await broker.messagesAt(reader), [], "more came while the client was there");
      await reader.drop();
      const back = await again();
      const second = await several(back, 4);
      assert.deepEqual(
        second.map(({ messageId, dup, payload }) => [messageId, dup, payload.toString()]),
        first.map(({ messageId, payload }) => [messageId, true, payload.toString()]),
      );
      for (const { qos, messageId } of second) {
        back.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId: messageId! });
      }
      assert.deepEqual(await broker.messagesAt(back), []);
    },
  ),

  ...both(
    {
      v5: ["MQTT-4.3.3-4", "MQTT-4.3.3-5", "MQTT-4.3.3-6", "MQTT-4.4.0-1", "MQTT-4.6.0-4"],
      v3: ["MQTT-4.3.3-1", "MQTT-4.4.0-1", "MQTT-4.6.0-4"],
    },
    "behind PUBREC it is PUBREL that is sent again, in order, until PUBCOMP",
    async (broker) => {
      broker.needsQos(2);
      const { reader, again } = await patient(broker);
      const writer = await broker.connect();
      for (const text of ["a", "b", "c"]) await writer.publish(broker.topic(), text, { qos: 2 });
      const ids = (await several(reader, 3)).map(({ messageId }) => messageId!);
      for (const messageId of ids) reader.send({ cmd: "pubrec", messageId });
      for (const id of ids) assert.equal((await reader.next("pubrel")).messageId, id);
      await reader.drop();
      let back = await again();
      for (const id of ids) assert.equal((await back.next("pubrel")).messageId, id);
      assert.deepEqual(await broker.messagesAt(back), [], "a message came behind its PUBREL");
      for (const messageId of ids) back.send({ cmd: "pubcomp", messageId });
      await back.settled();
      await back.drop();
      back = await again();
      assert.deepEqual(await broker.messagesAt(back), []);
      assert.deepEqual(back.arrived, []);
    },
  ),

  ...both(
    { v5: ["MQTT-4.4.0-1", "MQTT-4.5.0-1"], v3: ["MQTT-4.4.0-1", "MQTT-4.5.0-1"] },
    "what was acknowledged is not sent again; what waited comes behind what was begun",
    async (broker) => {
      broker.needsQos(1);
      const { reader, again } = await patient(broker);
      const writer = await broker.connect();
      for (const text of ["a", "b"]) await writer.publish(broker.topic(), text, { qos: 1 });
      const [first] = await several(reader, 2);
      reader.send({ cmd: "puback", messageId: first!.messageId! });
      await reader.settled();
      await reader.drop();
      await writer.publish(broker.topic(), "c", { qos: 1 });
      const back = await again();
      const came = (await several(back, 2)).map(messageOf);
      assert.deepEqual(
        came,
        ["b", "c"].map((text) => `${broker.topic()} ${text}`),
      );
      assert.deepEqual(await broker.messagesAt(back), []);
    },
  ),

  ...both(
    { v5: ["MQTT-4.3.2-5"], v3: ["MQTT-4.3.2-2"] },
    "after PUBACK an identifier is another message's, marked as a duplicate or not",
    async (broker) => {
      broker.needsQos(1);
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      const writer = await broker.connect();
      for (const dup of [false, true, false]) {
        await writer.publish(broker.topic(), `${dup}`, { qos: 1, messageId: 5, dup });
        assert.equal(await reader.message(), `${broker.topic()} ${dup}`);
      }
    },
  ),

  ...both(
    { v5: ["MQTT-4.3.3-10", "MQTT-4.3.3-12"], v3: ["MQTT-4.3.3-2"] },
    "until PUBREL a message comes once, however often it is sent; after PUBCOMP it is another",
    async (broker) => {
      broker.needsQos(2);
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      const kept = broker.kept(broker.clientId());
      const message = { topic: broker.topic(), qos: 2, messageId: 5, ...flags } as const;
      let writer = await broker.connect(kept);
      writer.send({ cmd: "publish", payload: "once", ...message });
      await writer.next("pubrec");
      writer.send({ cmd: "publish", payload: "once", ...message, dup: true });
      await writer.next("pubrec");
      await writer.drop();
      writer = await broker.connect(kept);
      writer.send({ cmd: "publish", payload: "once", ...message, dup: true });
      assert.equal((await writer.next("pubrec")).messageId, 5);
      writer.send({ cmd: "pubrel", messageId: 5 });
      assert.equal((await writer.next("pubcomp")).messageId, 5);
      await writer.publish(broker.topic(), "another", { qos: 2, messageId: 5 });
      const came = await broker.messagesAt(reader);
      assert.deepEqual(
        came,
        ["once", "another"].map((text) => `${broker.topic()} ${text}`),
      );
    },
  ),

  v5(
    ["MQTT-4.3.3-9"],
    "after a PUBREC that refuses, its identifier is another message's",
    async (broker) => {
      broker.needsQos(2);
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      const writer = await broker.connect();
      const qos = 2;
      await broker.isRefusing(writer, { qos, messageId: 5 });
      await writer.publish(broker.topic(), "another", { qos, messageId: 5 });
      assert.equal(await reader.message(), `${broker.topic()} another`);
    },
  ),

  v5(["MQTT-4.3.3-7"], "what was sent with QoS 2 does not expire any more", async (broker) => {
    broker.needsQos(2);
    const { reader, again } = await patient(broker);
    const writer = await broker.connect();
    const properties = { messageExpiryInterval: 1 };
    await writer.publish(broker.topic(), "expired", { qos: 2, properties });
    const { messageId = 0 } = await reader.next("publish");
    await reader.drop();
    await broker.secondsPass(2);
    const back = await again();
    const came = await back.next("publish");
    assert.deepEqual([came.messageId, came.payload.toString()], [messageId, "expired"]);
    back.send({ cmd: "pubrec", messageId });
    assert.equal((await back.next("pubrel")).messageId, messageId);
  }),

  v5(
    ["MQTT-4.3.3-13"],
    "what came with QoS 2 is completed, though it has expired",
    async (broker) => {
      broker.needsQos(2);
      const writer = await broker.connect();
      const properties = { messageExpiryInterval: 1 };
      const message = { topic: broker.topic(), qos: 2, messageId: 5, ...flags } as const;
      writer.send({ cmd: "publish", payload: "expired", ...message, properties });
      await writer.next("pubrec");
      await broker.secondsPass(2);
      writer.send({ cmd: "pubrel", messageId: 5 });
      assert.equal((await writer.next("pubcomp")).messageId, 5);
    },
  ),

  ...both(
    { v5: ["MQTT-4.6.0-2", "MQTT-4.6.0-3"], v3: ["MQTT-4.6.0-2", "MQTT-4.6.0-3"] },
    "messages are answered in the order they came",
    async (broker) => {
      broker.needsQos(2);
      const writer = await broker.connect();
      const count = Math.min(20, broker.can.receiveMaximum);
      const ids = Array.from({ length: count }, (_, i) => ((i * 7) % count) + 100);
      for (const qos of [1, 2] as const) {
        const message = { topic: broker.topic(), payload: "", qos, ...flags };
        writer.send(
          ...ids.map((messageId) => ({ cmd: "publish" as const, messageId, ...message })),
        );
        for (const id of ids) {
          const { messageId } = await writer.next(qos === 1 ? "puback" : "pubrec");
          assert.equal(messageId, id);
        }
      }
    },
  ),

  ...both(
    { v5: ["MQTT-4.6.0-5", "MQTT-4.6.0-6"], v3: ["MQTT-4.6.0-5", "MQTT-4.6.0-6"] },
    "messages of one client keep their order, by topic and QoS",
    async (broker) => {
      const reader = await broker.connect();
      await reader.subscribe(broker.topic("+"));
      const writer = await broker.connect();
      const qualities = ([0, 1, 2] as const).filter((qos) => qos <= broker.can.maximumQos);
      for (let i = 0; i < 15; i++) {
        for (const qos of qualities) {
          for (const name of ["a", "b"]) {
            const topic = broker.topic(name);
            const messageId = i * 10 + qos * 2 + (name === "a" ? 1 : 2);
            const id = qos === 0 ? {} : { messageId };
            writer.send({ cmd: "publish", topic, payload: `${i}`, qos, ...id, ...flags });
            if (qos === 2) {
              await writer.next("pubrec");
              writer.send({ cmd: "pubrel", messageId });
            }
          }
        }
      }
      const seen = new Map<string, string[]>();
      for (let i = 0; i < 15 * 2 * qualities.length; i++) {
        const { topic, qos, payload } = await reader.next("publish");
        const key = `${topic} ${qos}`;
        seen.set(key, [...(seen.get(key) ?? []), payload.toString()]);
      }
      const order = Array.from({ length: 15 }, (_, i) => `${i}`);
      for (const [key, texts] of seen) assert.deepEqual(texts, order, key);
    },
  ),
];
