import assert from "node:assert/strict";
import { bytes, connectBytes, connectFlag, packet, properties, text, uint16 } from "./bytes.ts";
import { type Broker, codeOf, Skipped } from "./broker.ts";
import { type Case, both, each, v3, v5 } from "./case.ts";
import { type Client, hex } from "./client.ts";

const { clean, will, willQos1, willQos2, willRetain, username, password } = connectFlag;
const illFormed = Buffer.from([0xed, 0xa0, 0x80]); // a surrogate

/** Of CONNACK, what a version 5 server may refuse with (§3.2.2.2). */
const refusals = [
  ...[0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97],
  ...[0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f],
];

/**
 * The connection is closed; if that was said, then by a CONNACK with one of these codes. Without
 * any: of version 5 one for errors, and of 3.1.1 no CONNACK [MQTT-3.1.4-1].
 */
export async function refused(client: Client, ...codes: readonly number[]): Promise<void> {
  await client.closed();
  const [told, ...more] = client.arrived;
  if (told === undefined) return;
  assert.equal(told.cmd, "connack", `${told.cmd.toUpperCase()} came instead of a CONNACK`);
  assert.deepEqual(more, [], "more came behind the CONNACK that refuses");
  assert.equal(told.body[0], 0, "CONNACK says that a session is present");
  const code = told.body[1] ?? 0;
  const some = client.level === 5 ? refusals : [];
  assert.ok((codes.length > 0 ? codes : some).includes(code), `CONNACK says ${hex(code)}`);
}

/** Each of these, sent on a new connection, is refused. */
async function isRefused(
  broker: Broker,
  packets: Readonly<Record<string, Uint8Array>>,
  ...codes: readonly number[]
): Promise<void> {
  await each(packets, async (sent) => {
    const client = broker.open();
    client.send(sent);
    await refused(client, ...codes);
  });
}

export const connectCases: readonly Case[] = [
  ...both(
    { v5: ["MQTT-3.1.0-1"], v3: ["MQTT-3.1.0-1"] },
    "whatever comes before CONNECT ends the connection",
    async (broker) => {
      const publish = packet(0x30, text(broker.topic()), broker.noProperties);
      for (const first of [packet(0xc0), publish, packet(0xe0)]) {
        const client = broker.open();
        client.send(first);
        await client.closed();
        assert.deepEqual(client.arrived, [], "it was answered");
      }
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.0-2"], v3: ["MQTT-3.1.0-2"] },
    "a second CONNECT ends the connection",
    async (broker) => {
      const client = await broker.connect();
      client.send(broker.connectPacket());
      await client.ended(0x82);
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.2-1"], v3: ["MQTT-3.1.2-1"] },
    "a protocol of another name is refused",
    async (broker) => {
      const payload = [text(broker.clientId())];
      const sent = { MQTX: broker.connectBytes(clean, payload, { name: "MQTX" }) };
      await isRefused(broker, sent, 0x84, 0x01);
    },
  ),

  v5(["MQTT-3.1.2-2"], "a version there is not is refused", async (broker) => {
    const payload = [text(broker.clientId())];
    const sent = { "version 6": broker.connectBytes(clean, payload, { level: 6 }) };
    await isRefused(broker, sent, 0x84, 0x01);
  }),

  ...both(
    { v5: ["MQTT-3.1.2-3"], v3: ["MQTT-3.1.2-3"] },
    "the reserved flag of CONNECT is not taken",
    async (broker) => {
      const flags = clean | connectFlag.reserved;
      const sent = { flag: broker.connectBytes(flags, [text(broker.clientId())]) };
      await isRefused(broker, sent, 0x81, 0x82);
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.2-9", "MQTT-3.1.3-1"], v3: ["MQTT-3.1.2-9"] },
    "a will flag without all of a will is refused",
    async (broker) => {
      const id = text(broker.clientId());
      const flags = clean | will;
      const topicFirst = broker.connectBytes(flags, [text(broker.topic()), text("payload"), id]);
      await isRefused(broker, {
        "no will at all": broker.connectBytes(flags, [id]),
        "no topic": broker.connectBytes(flags, [id, broker.noProperties, bytes(0)]),
        "no payload": broker.connectBytes(flags, [id, broker.noProperties, text(broker.topic())]),
        // Of version 3.1.1, three texts are three texts in any order.
        ...(broker.level === 5 ? { "the topic first": topicFirst } : {}),
      });
    },
  ),

  ...both(
    {
      v5: ["MQTT-3.1.2-11", "MQTT-3.1.2-12", "MQTT-3.1.2-13"],
      v3: ["MQTT-3.1.2-11", "MQTT-3.1.2-13", "MQTT-3.1.2-14", "MQTT-3.1.2-15"],
    },
    "will flags without a will, and QoS 3, are refused",
    async (broker) => {
      const id = text(broker.clientId());
      const whole = [id, broker.noProperties, text(broker.topic()), text("")];
      await isRefused(
        broker,
        {
          "QoS 1 without a will": broker.connectBytes(clean | willQos1, [id]),
          "QoS 2 without a will": broker.connectBytes(clean | willQos2, [id]),
          "retained without a will": broker.connectBytes(clean | willRetain, [id]),
          "QoS 3": broker.connectBytes(clean | will | willQos1 | willQos2, whole),
        },
        0x81,
        0x82,
      );
    },
  ),

  ...both(
    {
      v5: ["MQTT-3.1.2-16", "MQTT-3.1.2-17", "MQTT-3.1.2-18", "MQTT-3.1.2-19"],
      v3: ["MQTT-3.1.2-18", "MQTT-3.1.2-19", "MQTT-3.1.2-20", "MQTT-3.1.2-21"],
    },
    "user name and password stand there as their flags say",
    async (broker) => {
      const id = text(broker.clientId());
      await isRefused(broker, {
        "a flag without a user name": connectBytes(broker.level, clean | username, [id]),
        "a user name without a flag": connectBytes(broker.level, clean, [id, text("name")]),
        "a flag without a password": connectBytes(broker.level, clean | username | password, [
          id,
          text("name"),
        ]),
        "a password without a flag": connectBytes(broker.level, clean | username, [
          id,
          text("name"),
          text("password"),
        ]),
      });
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.3-3"], v3: ["MQTT-3.1.3-3"] },
    "a CONNECT without a client identifier is refused",
    async (broker) => {
      await isRefused(broker, { "no payload": broker.connectBytes(clean, []) });
    },
  ),

  ...both(
    {
      v5: ["MQTT-3.1.3-4", "MQTT-3.1.3-11", "MQTT-3.1.3-12", "MQTT-1.5.4-1", "MQTT-1.5.4-2"],
      v3: ["MQTT-3.1.3-4", "MQTT-3.1.3-10", "MQTT-3.1.3-11", "MQTT-1.5.3-1", "MQTT-1.5.3-2"],
    },
    "strings of CONNECT that are no UTF-8, or have a NUL, are refused",
    async (broker) => {
      const id = text(broker.clientId());
      for (const bad of [text(illFormed), text("a\0b"), text(bytes(0xc0, 0x80))]) {
        await isRefused(broker, {
          "client identifier": broker.connectBytes(clean, [bad]),
          "will's topic": broker.connectBytes(clean | will, [
            id,
            broker.noProperties,
            bad,
            text(""),
          ]),
          "user name": connectBytes(broker.level, clean | username, [id, bad]),
        });
      }
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.4-1"], v3: ["MQTT-3.1.4-1", "MQTT-3.2.2-6"] },
    "a CONNECT of another form is refused",
    async (broker) => {
      const id = text(broker.clientId());
      const of = (...parts: readonly Uint8Array[]) =>
        broker.connectBytes(clean, [id], { properties: properties(...parts) });
      const receiveMaximum = Buffer.concat([bytes(0x21), uint16(9)]);
      const wrongProperties = {
        "no such property": of(bytes(0x7f, 1)),
        "a property of other packets": of(bytes(0x23, 0, 1)),
        "a property twice": of(receiveMaximum, receiveMaximum),
        "a receive maximum of 0": of(bytes(0x21, 0, 0)),
        "a maximum packet size of 0": of(bytes(0x27, 0, 0, 0, 0)),
        "a flag of 2": of(bytes(0x17, 2)),
        "data without a method": of(bytes(0x16, 0, 1, 1)),
      };
      await isRefused(broker, {
        "it ends in its header": packet(0x10, text("MQTT"), bytes(broker.level, clean)),
        "no protocol name": packet(0x10),
        "more behind its end": broker.connectBytes(clean, [id, text("more")]),
        ...(broker.level === 5 ? wrongProperties : {}),
      });
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.4-2"], v3: ["MQTT-3.2.2-4", "MQTT-3.2.2-5"] },
    "a wrong password ends the connection",
    async (broker) => {
      const client = broker.open();
      const wrong = { username: "nobody", password: Buffer.from("wrong") };
      client.send(broker.connectPacket(wrong));
      const connack = await client.next("connack").catch((error: unknown) => {
        if (!client.isClosed) throw error; // it may close without a word
      });
      const code = connack === undefined ? undefined : codeOf(connack);
      if (code === 0) throw new Skipped("it lets anybody in, with any password");
      const refusing = broker.level === 5 ? [0x86, 0x87] : [4, 5];
      if (code !== undefined) assert.ok(refusing.includes(code), `CONNACK says ${hex(code)}`);
      assert.notEqual(connack?.sessionPresent, true);
      await client.closed();
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.4-3", "MQTT-4.13.2-1"], v3: ["MQTT-3.1.4-2"] },
    "an older connection of the same client identifier ends",
    async (broker) => {
      const clientId = broker.clientId();
      const older = await broker.connect({ clientId });
      const newer = await broker.connect({ clientId });
      await older.ended(0x8e);
      await newer.settled();
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.4-5", "MQTT-3.2.2-1"], v3: ["MQTT-3.1.4-4"] },
    "CONNACK answers with 0 and no more flags",
    async (broker) => {
      const client = broker.open();
      const connack = await client.introduce(broker.connectPacket());
      assert.equal(codeOf(connack), 0);
      assert.equal(connack.first, 0x20);
      assert.equal(connack.body[0], 0);
    },
  ),

  ...both(
    { v5: ["MQTT-3.1.4-6", "MQTT-3.2.2-6", "MQTT-3.2.2-7", "MQTT-3.2.2-8"], v3: ["MQTT-3.1.4-5"] },
    "behind a CONNECT that is refused nothing is taken",
    async (broker) => {
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      const client = broker.open();
      const bad = broker.connectBytes(clean | willRetain, [text(broker.clientId())]);
      client.send(bad, packet(0x30, text(broker.topic()), broker.noProperties, Buffer.from("no")));
      await refused(client);
      assert.deepEqual(await broker.messagesAt(reader), []);
    },
  ),

  v3(
    ["MQTT-3.1.2-2", "MQTT-3.2.2-4", "MQTT-3.2.2-5"],
    "a version there is not is answered with 0x01",
    async (broker) => {
      const client = broker.open();
      client.send(broker.connectBytes(clean, [text(broker.clientId())], { level: 6 }));
      const { body } = await client.next("connack");
      assert.deepEqual(Buffer.from(body), bytes(0, 1));
      await client.closed();
    },
  ),

  v3(["MQTT-3.1.2-22"], "a password without a user name is refused", async (broker) => {
    const flags = clean | password;
    const sent = connectBytes(4, flags, [text(broker.clientId()), text("password")]);
    await isRefused(broker, { sent });
  }),

  v3(["MQTT-3.1.3-6"], "an empty client identifier stands for one of its own", async (broker) => {
    const clients = [
      await broker.connect({ clientId: "" }),
      await broker.connect({ clientId: "" }),
    ];
    for (const client of clients) await client.subscribe(broker.topic());
    await clients[0]!.publish(broker.topic(), "both");
    for (const client of clients) assert.equal(await client.message(), `${broker.topic()} both`);
  }),

  v3(
    ["MQTT-3.1.3-8"],
    "an empty client identifier without a clean session is refused",
    async (broker) => {
      const client = broker.open();
      client.send(broker.connectBytes(0, [text("")]));
      const { body } = await client.next("connack");
      assert.deepEqual(Buffer.from(body), bytes(0, 2));
      await client.closed();
    },
  ),
];
