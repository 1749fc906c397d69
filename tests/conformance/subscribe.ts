import assert from "node:assert/strict";
import { bytes, packet, text, uint16 } from "./bytes.ts";
import type { Broker } from "./broker.ts";
import { type Case, both, endsFor, v5 } from "./case.ts";

const illFormed = Buffer.from([0xc3, 0x28]);
/** Of SUBACK (§3.9.3) and UNSUBACK (§3.11.3). */
const subackCodes = [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2];
const unsubackCodes = [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91];

/** SUBSCRIBE with one filter, byte by byte. */
function subscribe(
  broker: Broker,
  filter: string | Uint8Array,
  options: number,
  first = 0x82,
): Buffer {
  return packet(first, uint16(1), broker.noProperties, text(filter), bytes(options));
}

function unsubscribe(broker: Broker, filter: string | Uint8Array, first = 0xa2): Buffer {
  return packet(first, uint16(1), broker.noProperties, text(filter));
}

/** UNSUBACK has reason codes in version 5 only. */
function of5(broker: Broker, codes: readonly number[]): readonly number[] {
  return broker.level === 5 ? codes : [];
}

export const subscribeCases: readonly Case[] = [
  ...both(
    {
      v5: ["MQTT-3.8.1-1", "MQTT-3.10.1-1", "MQTT-2.1.3-1"],
      v3: ["MQTT-3.8.1-1", "MQTT-3.10.1-1", "MQTT-2.2.2-1", "MQTT-2.2.2-2"],
    },
    "SUBSCRIBE and UNSUBSCRIBE with other flags than 2 end the connection",
    async (broker) => {
      const wrong = [0, 1, 3, 6, 10].flatMap((flags) => [
        [`SUBSCRIBE, ${flags}`, subscribe(broker, broker.topic(), 0, 0x80 | flags)] as const,
        [`UNSUBSCRIBE, ${flags}`, unsubscribe(broker, broker.topic(), 0xa0 | flags)] as const,
      ]);
      await endsFor(broker, Object.fromEntries(wrong), 0x81);
    },
  ),

  ...both(
    {
      v5: ["MQTT-3.8.3-1", "MQTT-3.10.3-1", "MQTT-4.7.3-2", "MQTT-1.5.4-1", "MQTT-1.5.4-2"],
      v3: ["MQTT-3.8.3-1", "MQTT-3.10.3-1", "MQTT-4.7.3-2", "MQTT-1.5.3-1", "MQTT-1.5.3-2"],
    },
    "filters that are no text, or have a NUL, end the connection",
    async (broker) => {
      await endsFor(broker, {
        "SUBSCRIBE to no UTF-8": subscribe(broker, illFormed, 0),
        "SUBSCRIBE to NUL": subscribe(broker, broker.topic("a\0b"), 0),
        "UNSUBSCRIBE of no UTF-8": unsubscribe(broker, illFormed),
        "UNSUBSCRIBE of NUL": unsubscribe(broker, broker.topic("a\0b")),
      });
    },
  ),

  ...both(
    { v5: ["MQTT-3.8.3-2", "MQTT-3.10.3-2"], v3: ["MQTT-3.8.3-3", "MQTT-3.10.3-2"] },
    "SUBSCRIBE and UNSUBSCRIBE without a filter end the connection",
    async (broker) => {
      const SUBSCRIBE = packet(0x82, uint16(1), broker.noProperties);
      const UNSUBSCRIBE = packet(0xa2, uint16(1), broker.noProperties);
      await endsFor(broker, { SUBSCRIBE, UNSUBSCRIBE }, 0x82, 0x81);
    },
  ),

  v5(
    ["MQTT-3.8.3-3"],
    "no local: a client's own messages are not sent back to it",
    async (broker) => {
      const client = await broker.connect();
      const other = await broker.connect();
      const topic = broker.topic();
      await client.subscribe({ topic, nl: true });
      for (const qos of [0, 1, 2] as const) {
        if (qos > broker.can.maximumQos) continue;
        await client.publish(topic, "own", { qos });
        await other.publish(topic, `other's ${qos}`, { qos });
        assert.deepEqual(await broker.messagesAt(client), [`${topic} other's ${qos}`]);
      }
    },
  ),

  v5(["MQTT-3.8.4-3"], "a subscription again may take no local back", async (broker) => {
    const client = await broker.connect();
    for (const nl of [true, false]) {
      await client.subscribe({ topic: broker.topic(), nl });
      await client.publish(broker.topic(), "own");
      const came = await broker.messagesAt(client);
      assert.deepEqual(came, nl ? [] : [`${broker.topic()} own`]);
    }
  }),

  ...both(
    { v5: ["MQTT-3.8.3-5"], v3: ["MQTT-3.8.3-4"] },
    "SUBSCRIBE with reserved bits, QoS 3 or retain handling 3 ends the connection",
    async (broker) => {
      await endsFor(
        broker,
        Object.fromEntries(
          [0x40, 0x80, 0xc0, 0x03, 0x30, ...(broker.level === 4 ? [4, 8, 16] : [])].map(
            (options) => [`options ${options}`, subscribe(broker, broker.topic(), options)],
          ),
        ),
        0x81,
        0x82,
      );
    },
  ),

  ...both(
    {
      v5: ["MQTT-3.8.4-1", "MQTT-3.8.4-2", "MQTT-2.2.1-6", "MQTT-3.10.4-4", "MQTT-3.10.4-5"],
      v3: ["MQTT-3.8.4-1", "MQTT-3.8.4-2", "MQTT-2.3.1-7", "MQTT-3.10.4-4", "MQTT-3.10.4-5"],
    },
    "SUBACK and UNSUBACK have the identifier of what they answer, though nothing was removed",
    async (broker) => {
      const client = await broker.connect();
      for (const messageId of [1, 256, 65_535]) {
        const topic = broker.topic();
        client.send({ cmd: "subscribe", messageId, subscriptions: [{ topic, qos: 0 }] });
        assert.equal((await client.next("suback")).messageId, messageId);
        for (const expected of [0x00, 0x11]) {
          client.send({ cmd: "unsubscribe", messageId, unsubscriptions: [topic] });
          const unsuback = await client.next("unsuback");
          assert.equal(unsuback.messageId, messageId);
          assert.deepEqual([...(unsuback.granted ?? [])], of5(broker, [expected]));
        }
      }
    },
  ),

  ...both(
    { v5: ["MQTT-3.8.4-3", "MQTT-3.8.4-8"], v3: ["MQTT-3.8.4-3", "MQTT-3.8.4-6"] },
    "a subscription of the same filter replaces the one before it",
    async (broker) => {
      broker.needsQos(1);
      const client = await broker.connect();
      const writer = await broker.connect();
      for (const qos of [1, 0, 1] as const) {
        await client.subscribe({ topic: broker.topic("+"), qos });
        await writer.publish(broker.topic(), `${qos}`, { qos: 1 });
        const came = await client.next("publish");
        assert.deepEqual([came.payload.toString(), came.qos], [`${qos}`, qos]);
      }
      assert.deepEqual(await broker.messagesAt(client), [], "it came more than once");
    },
  ),

  ...both(
    {
      v5: ["MQTT-3.8.4-5", "MQTT-3.8.4-6", "MQTT-3.8.4-7", "MQTT-3.9.3-1", "MQTT-3.9.3-2"],
      v3: ["MQTT-3.8.4-4", "MQTT-3.8.4-5", "MQTT-3.9.3-1", "MQTT-3.9.3-2"],
    },
    "several filters are answered together, each in its place",
    async (broker) => {
      const client = await broker.connect();
      const wanted = [2, 0, 1, 1, 0].map((qos, i) => ({
        topic: broker.topic(`${i}`),
        qos: qos as 0 | 1 | 2,
      }));
      const granted = await client.subscribe(wanted);
      const most = broker.can.maximumQos;
      assert.deepEqual(
        granted,
        wanted.map(({ qos }) => Math.min(qos, most)),
      );
      const writer = await broker.connect();
      for (const { topic } of wanted) await writer.publish(topic, "each");
      assert.deepEqual(
        await broker.messagesAt(client),
        wanted.map(({ topic }) => `${topic} each`),
      );
      const mixed = [broker.topic("good"), "bad/#/bad", "bad#"];
      const codes = await client
        .subscribe(mixed.map((topic) => ({ topic, qos: 1 })))
        .catch(() => client.ended(0x81, 0x82, 0x8f)); // a server may end it as malformed
      if (codes === undefined) return;
      assert.equal(codes.length, 3);
      assert.ok(
        codes.every((code) => (broker.level === 5 ? subackCodes : [0, 1, 2, 0x80]).includes(code)),
        `codes ${codes.join(", ")}`,
      );
      assert.deepEqual(
        codes.map((code) => code < 0x80),
        [true, false, false],
      );
    },
  ),

  ...both(
    { v5: ["MQTT-3.8.4-8"], v3: ["MQTT-3.8.4-6"] },
    "the QoS is the lower of what was published and granted",
    async (broker) => {
      broker.needsQos(2);
      const writer = await broker.connect();
      for (const granted of [0, 1, 2] as const) {
        const reader = await broker.connect();
        await reader.subscribe({ topic: broker.topic(), qos: granted });
        for (const published of [0, 1, 2] as const) {
          await writer.publish(broker.topic(), "", { qos: published });
          assert.equal((await reader.next("publish")).qos, Math.min(granted, published));
        }
      }
    },
  ),

  ...both(
    { v5: ["MQTT-3.10.4-1", "MQTT-3.10.4-2"], v3: ["MQTT-3.10.4-1", "MQTT-3.10.4-2"] },
    "a filter is removed where it is the same to the character, and then nothing comes for it",
    async (broker) => {
      const client = await broker.connect();
      const filters = ["+", "a", "A", "#", "a/"].map((name) => broker.topic(name));
      await client.subscribe(filters.map((topic) => ({ topic, qos: 0 })));
      const others = [broker.topic("b"), broker.topic("a/+"), broker.topic("+/")];
      assert.deepEqual([...(await client.unsubscribe(...others))], of5(broker, [0x11, 0x11, 0x11]));
      const all = [broker.topic("#"), broker.topic("+"), broker.topic("a")];
      assert.deepEqual([...(await client.unsubscribe(...all))], of5(broker, [0, 0, 0]));
      const writer = await broker.connect();
      for (const name of ["a", "A", "b", "a/"]) await writer.publish(broker.topic(name), "");
      const came = (await broker.messagesAt(client)).map((message) => message.trim());
      assert.deepEqual(came, [broker.topic("A"), broker.topic("a/")]);
    },
  ),

  ...both(
    { v5: ["MQTT-3.10.4-1"], v3: ["MQTT-3.10.4-1"] },
    "a filter that matches others, or is matched by them, removes none of them",
    async (broker) => {
      const client = await broker.connect();
      const filters = ["a", "b/+", "c/#"].map((name) => broker.topic(name));
      await client.subscribe(filters.map((topic) => ({ topic, qos: 0 })));
      const others = ["#", "+", "A", "a/", "b/x", "b/#", "c", "c/+"];
      await client.unsubscribe(...others.map((name) => broker.topic(name)));
      const writer = await broker.connect();
      const topics = ["a", "b/x", "c/x/y"].map((name) => broker.topic(name));
      for (const topic of topics) await writer.publish(topic, "stays");
      assert.deepEqual(
        await broker.messagesAt(client),
        topics.map((topic) => `${topic} stays`),
      );
    },
  ),

  ...both(
    { v5: ["MQTT-3.10.4-3"], v3: ["MQTT-3.10.4-3"] },
    "what was begun before UNSUBSCRIBE is completed",
    async (broker) => {
      broker.needsQos(2);
      const kept = { ...broker.kept(broker.clientId()), acknowledges: false };
      const reader = await broker.connect(kept);
      await reader.subscribe(broker.topic());
      const writer = await broker.connect();
      await writer.publish(broker.topic(), "begun", { qos: 1 });
      await writer.publish(broker.topic(), "begun", { qos: 2 });
      const first = [await reader.next("publish"), await reader.next("publish")];
      await reader.unsubscribe(broker.topic());
      const [one, two] = first.map(({ messageId }) => messageId!);
      reader.send({ cmd: "pubrec", messageId: two! });
      assert.equal((await reader.next("pubrel")).messageId, two);
      await reader.drop();
      const again = await broker.connect(kept);
      const came = await again.next("publish");
      assert.deepEqual([came.messageId, came.dup], [one, true]);
      assert.equal((await again.next("pubrel")).messageId, two);
    },
  ),

  ...both(
    { v5: ["MQTT-3.10.4-6", "MQTT-3.11.3-1", "MQTT-3.11.3-2"], v3: ["MQTT-3.10.4-6"] },
    "several filters are removed with one answer, each in its place",
    async (broker) => {
      const client = await broker.connect();
      await client.subscribe(["a", "c"].map((name) => ({ topic: broker.topic(name), qos: 0 })));
      const names = ["a", "b", "c", "d"];
      const codes = await client.unsubscribe(...names.map((name) => broker.topic(name)));
      assert.deepEqual([...codes], of5(broker, [0x00, 0x11, 0x00, 0x11]));
      assert.ok(codes.every((code) => unsubackCodes.includes(code)));
      const writer = await broker.connect();
      for (const name of names) await writer.publish(broker.topic(name), "");
      assert.deepEqual(await broker.messagesAt(client), []);
      assert.deepEqual(client.arrived, []);
    },
  ),
];
