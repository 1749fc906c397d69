import assert from "node:assert/strict";
import type { Broker } from "./broker.ts";
import { type Case, both, v3, v5 } from "./case.ts";

const retain = true;

/** What a new subscriber is sent of it. */
async function retainedAt(broker: Broker, name = "t"): Promise<string[]> {
  const reader = await broker.connect();
  await reader.subscribe(broker.topic(name));
  const topic = broker.topic(name);
  return (await broker.messagesAt(reader)).map((message) => message.replace(`${topic} `, ""));
}

export const retainedCases: readonly Case[] = [
  ...both(
    {
      v5: ["MQTT-3.3.1-5", "MQTT-3.3.1-6", "MQTT-3.3.1-7"],
      v3: ["MQTT-3.3.1-5", "MQTT-3.3.1-7", "MQTT-3.3.1-10", "MQTT-3.3.1-11"],
    },
    "a retained message replaces the one before; an empty one removes it, and is not kept",
    async (broker) => {
      broker.needs("retain");
      const writer = await broker.connect();
      const watcher = await broker.connect();
      await watcher.subscribe(broker.topic());
      for (const qos of [0, 1, 2] as const) {
        if (qos > broker.can.maximumQos) continue;
        await writer.publish(broker.topic(), `first ${qos}`, { qos, retain });
        await writer.publish(broker.topic(), `second ${qos}`, { qos, retain });
        assert.deepEqual(await retainedAt(broker), [`second ${qos}`]);
        await writer.publish(broker.topic(), "", { qos, retain });
        assert.deepEqual(await retainedAt(broker), []);
        for (const text of [`first ${qos}`, `second ${qos}`, ""]) {
          assert.equal(await watcher.message(), `${broker.topic()} ${text}`);
        }
      }
    },
  ),

  ...both(
    { v5: ["MQTT-3.3.1-5"], v3: ["MQTT-3.3.1-5", "MQTT-3.8.4-6"] },
    "a retained message is kept with its QoS, and sent with no more than is granted",
    async (broker) => {
      broker.needs("retain");
      broker.needsQos(2);
      const writer = await broker.connect();
      for (const qos of [0, 1, 2] as const) {
        await writer.publish(broker.topic(), "kept", { qos, retain });
        for (const granted of [0, 1, 2] as const) {
          const reader = await broker.connect();
          await reader.subscribe({ topic: broker.topic(), qos: granted });
          assert.equal((await reader.next("publish")).qos, Math.min(qos, granted));
        }
      }
      await writer.publish(broker.topic(), "", { retain });
    },
  ),

  ...both(
    { v5: ["MQTT-3.8.4-5", "MQTT-4.7.3-4"], v3: ["MQTT-3.8.4-4", "MQTT-4.7.3-4"] },
    "each filter of a SUBSCRIBE is sent what is retained for it, matched as it is written",
    async (broker) => {
      broker.needs("retain");
      const writer = await broker.connect();
      const kept = ["a", "A", "b", "c"].map((name) => broker.topic(name));
      for (const topic of kept) await writer.publish(topic, "kept", { retain });
      const reader = await broker.connect();
      const wanted = ["A", "none", "b"].map((name) => broker.topic(name));
      await reader.subscribe(wanted.map((topic) => ({ topic, qos: 0 })));
      const came = await broker.messagesAt(reader);
      assert.deepEqual(came.toSorted(), [`${wanted[0]} kept`, `${wanted[2]} kept`]);
      for (const topic of kept) await writer.publish(topic, "", { retain });
    },
  ),

  ...both(
    { v5: ["MQTT-3.3.1-8"], v3: ["MQTT-3.3.1-12"] },
    "a message without the flag leaves what is retained alone",
    async (broker) => {
      broker.needs("retain");
      const writer = await broker.connect();
      await writer.publish(broker.topic(), "not kept");
      assert.deepEqual(await retainedAt(broker), []);
      await writer.publish(broker.topic(), "kept", { retain });
      await writer.publish(broker.topic(), "not kept");
      await writer.publish(broker.topic(), "");
      assert.deepEqual(await retainedAt(broker), ["kept"]);
      await writer.publish(broker.topic(), "", { retain });
    },
  ),

  v5(
    ["MQTT-3.3.1-9", "MQTT-3.3.1-10", "MQTT-3.3.1-11", "MQTT-3.8.4-4"],
    "retain handling: 0 sends always, 1 for a new subscription, 2 never",
    async (broker) => {
      broker.needs("retain");
      const writer = await broker.connect();
      await writer.publish(broker.topic(), "kept", { retain });
      const reader = await broker.connect();
      const sentFor = async (rh: 0 | 1 | 2): Promise<number> => {
        await reader.subscribe({ topic: broker.topic(), rh });
        return (await broker.messagesAt(reader)).length;
      };
      assert.equal(await sentFor(2), 0, "2, for a new one");
      assert.equal(await sentFor(1), 0, "1, for one that exists");
      assert.equal(await sentFor(0), 1, "0, for one that exists");
      await reader.unsubscribe(broker.topic());
      assert.equal(await sentFor(1), 1, "1, for a new one");
      await reader.unsubscribe(broker.topic());
      assert.equal(await sentFor(0), 1, "0, for a new one");
      await writer.publish(broker.topic(), "", { retain });
    },
  ),

  v5(
    ["MQTT-3.3.1-12", "MQTT-3.3.1-13"],
    "the retain flag goes on where a subscription asks for it; what was kept always has it",
    async (broker) => {
      broker.needs("retain");
      const writer = await broker.connect();
      const plain = await broker.connect();
      await plain.subscribe({ topic: broker.topic(), rap: false });
      const asPublished = await broker.connect();
      await asPublished.subscribe({ topic: broker.topic(), rap: true });
      for (const flag of [true, false]) {
        await writer.publish(broker.topic(), `${flag}`, { retain: flag });
        assert.equal((await plain.next("publish")).retain, false);
        assert.equal((await asPublished.next("publish")).retain, flag);
      }
      for (const rap of [true, false]) {
        const late = await broker.connect();
        await late.subscribe({ topic: broker.topic(), rap });
        assert.equal((await late.next("publish")).retain, true);
      }
      await writer.publish(broker.topic(), "", { retain });
    },
  ),

  ...both(
    { v5: ["MQTT-3.8.4-4", "MQTT-3.8.4-3"], v3: ["MQTT-3.8.4-3"] },
    "replacing a subscription loses no message",
    async (broker) => {
      broker.needsQos(1);
      const reader = await broker.connect();
      await reader.subscribe({ topic: broker.topic(), qos: 1 });
      const writer = await broker.connect();
      const flags = { topic: broker.topic(), qos: 1, dup: false, retain: false } as const;
      const texts = Array.from({ length: 30 }, (_, i) => `${i}`);
      for (const [i, payload] of texts.entries()) {
        writer.send({ cmd: "publish", messageId: i + 1, payload, ...flags });
        if (i % 3 === 0) await reader.subscribe({ topic: broker.topic(), qos: 1, rh: 0 });
        await writer.next("puback");
      }
      const came = await broker.messagesAt(reader);
      assert.deepEqual(
        came,
        texts.map((payload) => `${broker.topic()} ${payload}`),
      );
    },
  ),

  v3(
    ["MQTT-3.3.1-6", "MQTT-3.3.1-8", "MQTT-3.3.1-9", "MQTT-3.8.4-3"],
    "what is retained is sent for each subscription, and has the flag; what comes later has not",
    async (broker) => {
      const writer = await broker.connect();
      for (const name of ["a", "b"]) {
        await writer.publish(broker.topic(name), "kept", { qos: 1, retain });
      }
      const reader = await broker.connect();
      for (const round of ["new", "again"]) {
        await reader.subscribe(broker.topic("+"));
        const came = [await reader.next("publish"), await reader.next("publish")];
        const topics = came.map(({ topic }) => topic).toSorted();
        assert.deepEqual(topics, [broker.topic("a"), broker.topic("b")], round);
        assert.deepEqual(
          came.map((one) => one.retain),
          [true, true],
          round,
        );
      }
      for (const name of ["a", "b"]) {
        await writer.publish(broker.topic(name), "", { qos: 1, retain });
        assert.equal((await reader.next("publish")).retain, false);
      }
    },
  ),

  v3(["MQTT-3.1.2-7"], "what is retained stays when the session ends", async (broker) => {
    const clientId = broker.clientId();
    const before = await broker.connect(broker.kept(clientId));
    await before.publish(broker.topic(), "kept", { retain });
    await before.leave();
    const writer = await broker.connect({ clientId, clean: true });
    assert.deepEqual(await retainedAt(broker), ["kept"]);
    await writer.publish(broker.topic(), "", { retain });
  }),

  v5(
    ["MQTT-3.3.4-3", "MQTT-3.3.1-9", "MQTT-3.3.2-17"],
    "what is retained is sent with its properties, and the identifier of the subscription",
    async (broker) => {
      broker.needs("retain");
      broker.needs("subscriptionIds");
      const writer = await broker.connect();
      const properties = { contentType: "text/plain", userProperties: { a: "b" } };
      await writer.publish(broker.topic(), "kept", { retain, properties });
      const reader = await broker.connect();
      for (const subscriptionIdentifier of [7, 268_435_455]) {
        await reader.subscribe(broker.topic(), { properties: { subscriptionIdentifier } });
        const came = await reader.next("publish");
        assert.deepEqual([came.properties?.subscriptionIdentifier].flat(), [
          subscriptionIdentifier,
        ]);
        assert.equal(came.properties?.contentType, "text/plain");
        assert.deepEqual({ ...came.properties.userProperties }, { a: "b" });
      }
      await reader.subscribe({ topic: broker.topic(), rh: 2 });
      await writer.publish(broker.topic(), "", { retain });
      const plain = await reader.next("publish");
      assert.equal(plain.properties?.subscriptionIdentifier, undefined);
    },
  ),
];
