import assert from "node:assert/strict";
import { bytes, packet, properties, publishBytes, text, uint16 } from "./bytes.ts";
import { type Case, both, endsFor, v3, v5 } from "./case.ts";

const illFormed = Buffer.from([0xff]);
const userProperty = (key: string, value: string): Buffer =>
  Buffer.concat([bytes(0x26), text(key), text(value)]);

/** User properties may have others between them, and keep their order. */
function inOrder(body: Buffer, pairs: readonly Buffer[]): void {
  let at = 0;
  for (const pair of pairs) {
    const found = body.indexOf(pair, at);
    assert.ok(found >= 0, "user properties are not as they were, or not in their order");
    at = found + pair.length;
  }
}

export const publishCases: readonly Case[] = [
  ...both(
    { v5: ["MQTT-3.3.1-2", "MQTT-4.3.1-1"], v3: ["MQTT-3.3.1-2", "MQTT-4.3.1-1"] },
    "QoS 0 is sent on as QoS 0, and not as a duplicate",
    async (broker) => {
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      await reader.publish(broker.topic(), "once");
      const { qos, dup, first } = await reader.next("publish");
      assert.deepEqual([qos, dup, first], [0, false, 0x30]);
    },
  ),

  ...both(
    { v5: ["MQTT-3.3.1-3"], v3: ["MQTT-3.3.1-3"] },
    "the mark of a duplicate does not go on",
    async (broker) => {
      broker.needsQos(2);
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      const writer = await broker.connect();
      for (const qos of [1, 2] as const) {
        await writer.publish(broker.topic(), `${qos}`, { qos, dup: true });
        const came = await reader.next("publish");
        assert.deepEqual([came.qos, came.dup], [qos, false]);
      }
    },
  ),

  ...both(
    { v5: ["MQTT-3.3.1-4"], v3: ["MQTT-3.3.1-4"] },
    "QoS 3 ends the connection",
    async (broker) => {
      const qos3 = packet(0x36, text(broker.topic()), uint16(1), broker.noProperties);
      await endsFor(broker, { qos3 }, 0x81);
    },
  ),

  ...both(
    {
      v5: ["MQTT-3.3.2-1", "MQTT-3.3.2-2", "MQTT-4.7.0-1", "MQTT-4.7.3-1", "MQTT-4.7.3-2"],
      v3: [
        "MQTT-3.3.2-1",
        "MQTT-3.3.2-2",
        "MQTT-4.7.1-1",
        "MQTT-4.7.3-1",
        "MQTT-4.7.3-2",
        "MQTT-1.5.3-1",
        "MQTT-1.5.3-2",
      ],
    },
    "a topic that is no text, is empty, or has wildcards or a NUL, ends the connection",
    async (broker) => {
      const to = (topic: string | Uint8Array): Buffer =>
        packet(0x30, text(topic), broker.noProperties);
      await endsFor(broker, {
        "no topic": packet(0x30),
        "no UTF-8": to(illFormed),
        "a surrogate": to(Buffer.from([0xed, 0xa0, 0x80])),
        NUL: to(broker.topic("a\0b")),
        "#": to(broker.topic("#")),
        "+": to(broker.topic("+/a")),
        empty: to(""),
      });
    },
  ),

  v5(
    [
      ...["MQTT-3.3.2-4", "MQTT-3.3.2-15", "MQTT-3.3.2-16", "MQTT-3.3.2-17", "MQTT-3.3.2-18"],
      ...["MQTT-3.3.2-20", "MQTT-1.5.4-3", "MQTT-1.5.7-1"],
    ],
    "properties go on unaltered, user properties in their order, for each QoS",
    async (broker) => {
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      const writer = await broker.connect();
      const pairs = [
        userProperty("b", "1"),
        userProperty("a", "\ufeff2"),
        userProperty("b", "3"),
        userProperty("", ""),
      ];
      const sent = properties(
        pairs[0]!,
        Buffer.concat([bytes(0x01, 1), bytes(0x03), text("text/\ufeffplain")]),
        pairs[1]!,
        Buffer.concat([bytes(0x08), text(broker.topic("answer"))]),
        pairs[2]!,
        Buffer.concat([bytes(0x09), text(bytes(0, 1, 255))]),
        pairs[3]!,
      );
      for (const qos of [0, 1, 2] as const) {
        if (qos > broker.can.maximumQos) continue;
        const id = qos === 0 ? [] : [uint16(7)];
        writer.send(packet(0x30 | (qos << 1), text(broker.topic()), ...id, sent));
        if (qos === 1) await writer.next("puback");
        if (qos === 2) {
          await writer.next("pubrec");
          writer.send({ cmd: "pubrel", messageId: 7 });
        }
        const { properties: came, body } = await reader.next("publish");
        inOrder(body, pairs);
        assert.equal(Object.keys(came?.userProperties ?? {}).length, 3);
        assert.equal(came?.payloadFormatIndicator, true);
        assert.equal(came.contentType, "text/\ufeffplain");
        assert.equal(came.responseTopic, broker.topic("answer"));
        assert.deepEqual(came.correlationData, bytes(0, 1, 255));
      }
    },
  ),

  v5(
    ["MQTT-3.3.2-13", "MQTT-3.3.2-14", "MQTT-3.3.2-19", "MQTT-1.5.4-1", "MQTT-1.5.7-1"],
    "strings of PUBLISH that are none, and a response topic with wildcards, end the connection",
    async (broker) => {
      const of = (...parts: readonly Uint8Array[]) => publishBytes(broker.topic(), ...parts);
      await endsFor(broker, {
        "response topic": of(bytes(0x08), text(illFormed)),
        "response topic with #": of(bytes(0x08), text("a/#")),
        "response topic with +": of(bytes(0x08), text("+/a")),
        "content type": of(bytes(0x03), text(illFormed)),
        "user property's name": of(bytes(0x26), text(illFormed), text("value")),
        "user property's value": of(bytes(0x26), text("name"), text("a\0b")),
      });
    },
  ),

  ...both(
    {
      v5: ["MQTT-3.3.4-1", "MQTT-2.2.1-5", "MQTT-4.3.2-4", "MQTT-4.3.3-8", "MQTT-4.3.3-11"],
      v3: ["MQTT-3.3.4-1", "MQTT-2.3.1-6", "MQTT-4.3.2-2", "MQTT-4.3.3-2"],
    },
    "QoS 1 is answered with PUBACK, QoS 2 with PUBREC and PUBCOMP, QoS 0 with nothing",
    async (broker) => {
      broker.needsQos(2);
      const writer = await broker.connect();
      const flags = { topic: broker.topic(), payload: "", dup: false, retain: false } as const;
      writer.send(
        { cmd: "publish", qos: 0, ...flags },
        { cmd: "publish", qos: 1, messageId: 1000, ...flags },
        { cmd: "publish", qos: 2, messageId: 65_535, ...flags },
      );
      assert.equal((await writer.next("puback")).messageId, 1000);
      assert.equal((await writer.next("pubrec")).messageId, 65_535);
      writer.send({ cmd: "pubrel", messageId: 65_535 });
      assert.equal((await writer.next("pubcomp")).messageId, 65_535);
      await writer.settled();
      assert.deepEqual(writer.arrived, []);
    },
  ),

  v5(
    ["MQTT-3.3.4-2", "MQTT-3.3.4-3", "MQTT-3.3.4-4", "MQTT-3.3.4-5"],
    "overlapping subscriptions: the highest QoS, and each one's identifier",
    async (broker) => {
      broker.needsQos(2);
      broker.needs("subscriptionIds");
      const reader = await broker.connect();
      for (const [id, filter, qos] of [
        [1, "#", 0],
        [300, "+", 2],
        [3, "a", 1],
      ] as const) {
        const properties = { subscriptionIdentifier: id };
        await reader.subscribe({ topic: broker.topic(filter), qos }, { properties });
      }
      await reader.subscribe({ topic: broker.topic("other"), qos: 2 });
      const writer = await broker.connect();
      await writer.publish(broker.topic("a"), "", { qos: 2 });
      const granted = new Map([
        [1, 0],
        [300, 2],
        [3, 1],
      ]);
      const came = [await reader.next("publish")];
      const idsOf = (one: (typeof came)[number]): number[] =>
        [one.properties?.subscriptionIdentifier ?? []].flat();
      if (idsOf(came[0]!).length === 1) {
        came.push(await reader.next("publish"), await reader.next("publish"));
        for (const one of came) assert.equal(one.qos, granted.get(idsOf(one)[0]!));
      }
      assert.deepEqual(new Set(came.flatMap(idsOf)), new Set([1, 3, 300]));
      assert.equal(Math.max(...came.map(({ qos }) => qos)), 2);
      assert.deepEqual(await broker.messagesAt(reader), []);
    },
  ),

  v5(
    ["MQTT-3.3.4-6"],
    "who publishes with a subscription identifier is disconnected",
    async (broker) => {
      const own = publishBytes(broker.topic(), bytes(0x0b, 1));
      await endsFor(broker, { own }, 0x82, 0x81);
    },
  ),

  v5(
    ["MQTT-3.4.2-1", "MQTT-3.5.2-1", "MQTT-3.6.2-1", "MQTT-3.7.2-1"],
    "acknowledgements have reason codes of their own",
    async (broker) => {
      broker.needsQos(2);
      const codes = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
      const client = await broker.connect({ acknowledges: false });
      for (const topic of [broker.topic("nobody"), broker.topic(), "$SYS/conformance"]) {
        for (const qos of [1, 2] as const) {
          const code = await client.publish(topic, "", { qos });
          assert.ok(codes.includes(code), `${qos === 1 ? "PUBACK" : "PUBREC"} says ${code}`);
        }
        await client.subscribe(broker.topic());
      }
      client.send({ cmd: "pubrel", messageId: 999 }, { cmd: "pubrec", messageId: 999 });
      for (const cmd of ["pubcomp", "pubrel"] as const) {
        const { reasonCode = 0, messageId } = await client.next(cmd);
        assert.equal(messageId, 999);
        assert.ok([0x00, 0x92].includes(reasonCode), `${cmd.toUpperCase()} says ${reasonCode}`);
      }
    },
  ),

  v3(
    ["MQTT-3.3.5-1"],
    "overlapping subscriptions have the highest QoS among them",
    async (broker) => {
      const reader = await broker.connect();
      for (const [filter, qos] of [
        ["#", 0],
        ["+", 2],
        ["a", 1],
      ] as const) {
        await reader.subscribe({ topic: broker.topic(filter), qos });
      }
      const writer = await broker.connect();
      await writer.publish(broker.topic("a"), "", { qos: 2 });
      assert.deepEqual(
        new Set(await broker.messagesAt(reader)),
        new Set([`${broker.topic("a")} `]),
      );
      const again = await broker.connect();
      await again.subscribe({ topic: broker.topic("#"), qos: 0 });
      await again.subscribe({ topic: broker.topic("a"), qos: 2 });
      await writer.publish(broker.topic("a"), "", { qos: 2 });
      const first = await again.next("publish");
      // One copy, or one a subscription: the highest is among them.
      const qualities = [first.qos];
      if (first.qos !== 2) qualities.push((await again.next("publish")).qos);
      assert.ok(qualities.includes(2));
    },
  ),

  v3(
    ["MQTT-3.3.5-2"],
    "a message that is not allowed is acknowledged as any other, or ends the connection",
    async (broker) => {
      for (const qos of [1, 2] as const) {
        const writer = await broker.connect();
        await writer.publish("$SYS/conformance", "", { qos }).catch(() => writer.ended());
      }
    },
  ),
];
