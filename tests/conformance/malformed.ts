import { bytes, packet, properties, text, uint16 } from "./bytes.ts";
import assert from "node:assert/strict";
import { type Case, both, endsFor, v5 } from "./case.ts";

/** What is wrong whatever packet it is in: numbers, lengths, identifiers, properties (§1.5, §2). */
export const malformedCases: readonly Case[] = [
  ...both(
    { v5: ["MQTT-1.5.5-1", "MQTT-4.13.1-1"], v3: ["MQTT-4.8.0-1"] },
    "a variable byte integer with more bytes than four ends the connection",
    async (broker) => {
      const topic = text(broker.topic());
      const tooLong = bytes(0x80, 0x80, 0x80, 0x80, 1);
      await endsFor(
        broker,
        {
          "remaining length": bytes(0xc0, 0x80, 0x80, 0x80, 0x80, 0x01),
          ...(broker.level === 5 ? { "property length": packet(0x30, topic, tooLong) } : {}),
        },
        0x81,
      );
    },
  ),

  v5(
    ["MQTT-1.5.5-1"],
    "the broker's own variable byte integers have no more bytes than they need",
    async (broker) => {
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      for (const length of [1, 100, 127, 128, 300, 16_500]) {
        const payload = "x".repeat(length);
        await reader.publish(broker.topic(), payload);
        const { body } = await reader.next("publish");
        const before = 2 + broker.topic().length;
        assert.equal(body.length, before + 1 + length);
      }
    },
  ),

  ...both(
    { v5: ["MQTT-2.2.1-2"], v3: ["MQTT-2.3.1-5"] },
    "PUBLISH of QoS 0 has no packet identifier: what stands there is properties and payload",
    async (broker) => {
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      const payload = bytes(0, 1, 0x78);
      reader.send(packet(0x30, text(broker.topic()), broker.noProperties, payload));
      const came = await reader.next("publish");
      assert.equal(came.messageId, undefined);
      assert.deepEqual(came.payload, payload);
      const { length } = broker.topic();
      assert.equal(came.body.length, 2 + length + broker.noProperties.length + 3);
    },
  ),

  ...both(
    { v5: ["MQTT-2.2.1-3", "MQTT-4.13.1-1"], v3: ["MQTT-2.3.1-1", "MQTT-4.8.0-1"] },
    "packet identifier 0 ends the connection",
    async (broker) => {
      const none = broker.noProperties;
      const topic = text(broker.topic());
      await endsFor(
        broker,
        {
          "PUBLISH of QoS 1": packet(0x32, topic, uint16(0), none),
          "PUBLISH of QoS 2": packet(0x34, topic, uint16(0), none),
          SUBSCRIBE: packet(0x82, uint16(0), none, topic, bytes(0)),
          UNSUBSCRIBE: packet(0xa2, uint16(0), none, topic),
        },
        0x82,
        0x81,
      );
    },
  ),

  ...both(
    { v5: ["MQTT-3.3.1-2", "MQTT-4.13.1-1"], v3: ["MQTT-3.3.1-2", "MQTT-4.8.0-1"] },
    "QoS 0 that is marked as a duplicate ends the connection",
    async (broker) => {
      const marked = packet(0x38, text(broker.topic()), broker.noProperties);
      await endsFor(broker, { marked }, 0x81, 0x82);
    },
  ),

  v5(
    ["MQTT-2.2.2-1", "MQTT-4.13.1-1"],
    "a packet that lacks its property length, or passes its end, ends the connection",
    async (broker) => {
      const topic = text(broker.topic());
      await endsFor(broker, {
        "PUBLISH without it": packet(0x30, topic),
        "SUBSCRIBE without it": packet(0x82, uint16(1)),
        "UNSUBSCRIBE without it": packet(0xa2, uint16(1)),
        "PUBLISH past its end": packet(0x30, topic, bytes(9, 0x01, 1)),
        "SUBSCRIBE past its end": packet(0x82, uint16(1), bytes(0x7f), topic, bytes(0)),
      });
    },
  ),

  v5(
    ["MQTT-2.2.2-1"],
    "SUBACK, UNSUBACK and PUBLISH without properties say so with a length of 0",
    async (broker) => {
      const client = await broker.connect({ properties: { requestProblemInformation: false } });
      const topic = broker.topic();
      client.send({ cmd: "subscribe", messageId: 7, subscriptions: [{ topic, qos: 0 }] });
      assert.deepEqual(Buffer.from((await client.next("suback")).body), bytes(0, 7, 0, 0));
      await client.publish(topic, "");
      assert.equal((await client.next("publish")).body.at(-1), 0);
      client.send({ cmd: "unsubscribe", messageId: 8, unsubscriptions: [topic] });
      assert.deepEqual(Buffer.from((await client.next("unsuback")).body), bytes(0, 8, 0, 0));
    },
  ),

  v5(
    ["MQTT-4.13.1-1"],
    "properties there are not, of other packets, twice, or with no value they may have, end it",
    async (broker) => {
      const publish = (...parts: readonly Uint8Array[]): Buffer =>
        packet(0x30, text(broker.topic()), properties(...parts));
      const subscribe = (...parts: readonly Uint8Array[]): Buffer =>
        packet(0x82, uint16(1), properties(...parts), text(broker.topic()), bytes(0));
      await endsFor(broker, {
        "no such property": publish(bytes(0x7e, 0)),
        "a property of CONNECT in PUBLISH": publish(bytes(0x21, 0, 9)),
        "content type twice": publish(bytes(3), text("a"), bytes(3), text("b")),
        "a topic alias of PUBLISH in SUBSCRIBE": subscribe(bytes(0x23, 0, 1)),
        "subscription identifier 0": subscribe(bytes(0x0b, 0)),
        "subscription identifier twice": subscribe(bytes(0x0b, 1, 0x0b, 2)),
        "a property cut short": publish(bytes(0x02, 0, 0)),
      });
    },
  ),

  ...both(
    { v5: ["MQTT-4.13.1-1", "MQTT-2.1.3-1"], v3: ["MQTT-4.8.0-1", "MQTT-2.2.2-2", "MQTT-4.7.3-1"] },
    "packets of no type, those of a server, and those cut short end the connection",
    async (broker) => {
      const none = broker.noProperties;
      await endsFor(broker, {
        "type 0": bytes(0x00, 0),
        CONNACK: bytes(0x20, 3, 0, 0, 0),
        SUBACK: bytes(0x90, 4, 0, 1, 0, 0),
        UNSUBACK: bytes(0xb0, 4, 0, 1, 0, 0),
        PINGRESP: bytes(0xd0, 0),
        "PUBACK cut short": bytes(0x40, 1, 0),
        "PUBREL cut short": bytes(0x62, 0),
        "SUBSCRIBE cut short": packet(0x82, uint16(1), none, bytes(0, 5, 0x61)),
        "SUBSCRIBE without options": packet(0x82, uint16(1), none, text(broker.topic())),
        "PUBLISH without a topic": packet(0x30, bytes(0, 9, 0x61)),
        "an empty topic without an alias": packet(0x30, text(""), none),
        "QoS 1 without an identifier": packet(0x32, text(broker.topic())),
      });
    },
  ),

  ...both(
    { v5: ["MQTT-4.2-1"], v3: ["MQTT-7.1.1-1"] },
    "packets may come byte by byte, or many at once",
    async (broker) => {
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      const writer = await broker.connect();
      const one = packet(0x30, text(broker.topic()), broker.noProperties, Buffer.from("bytes"));
      for (const byte of one) {
        writer.send(bytes(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(await reader.message(), `${broker.topic()} bytes`);
      writer.send(Buffer.concat(Array.from({ length: 500 }, () => one)));
      for (let i = 0; i < 500; i++) assert.equal(await reader.message(), `${broker.topic()} bytes`);
    },
  ),
];
