import assert from "node:assert/strict";
import { bytes, packet, properties, text } from "./bytes.ts";
import { type Case, both, endsFor, v5 } from "./case.ts";
import { refused } from "./connect.ts";

const maximumPacketSize = 40;

export const disconnectCases: readonly Case[] = [
  ...both(
    { v5: ["MQTT-3.12.4-1"], v3: ["MQTT-3.12.4-1"] },
    "PINGREQ is answered by PINGRESP, each",
    async (broker) => {
      const client = await broker.connect();
      client.send({ cmd: "pingreq" }, { cmd: "pingreq" }, { cmd: "pingreq" });
      for (let i = 0; i < 3; i++) {
        const { first, body } = await client.next("pingresp");
        assert.deepEqual([first, body.length], [0xd0, 0]);
      }
    },
  ),

  v5(["MQTT-3.14.0-1"], "who was not let in hears of no DISCONNECT", async (broker) => {
    const stranger = broker.open();
    stranger.send(packet(0xe0), bytes(0x00, 0x00));
    await stranger.closed();
    assert.deepEqual(stranger.arrived, []);
    const turnedAway = broker.open();
    turnedAway.send(packet(0x10, text("MQTT"), bytes(5, 0xff)));
    await refused(turnedAway);
  }),

  ...both(
    { v5: ["MQTT-3.14.1-1", "MQTT-2.1.3-1"], v3: ["MQTT-3.14.1-1", "MQTT-2.2.2-2"] },
    "DISCONNECT, PINGREQ and acknowledgements with reserved flags end the connection",
    async (broker) => {
      await endsFor(
        broker,
        {
          DISCONNECT: bytes(0xe1, 0),
          PINGREQ: bytes(0xc4, 0),
          PUBACK: bytes(0x41, 2, 0, 1),
          PUBREC: bytes(0x52, 2, 0, 1),
          PUBCOMP: bytes(0x78, 2, 0, 1),
        },
        0x81,
      );
    },
  ),

  ...both(
    { v5: ["MQTT-3.6.1-1", "MQTT-2.1.3-1"], v3: ["MQTT-3.6.1-1"] },
    "PUBREL with other flags than 2 ends the connection",
    async (broker) => {
      await endsFor(broker, { "0": bytes(0x60, 2, 0, 1), "3": bytes(0x63, 2, 0, 1) }, 0x81);
    },
  ),

  v5(
    ["MQTT-3.15.1-1", "MQTT-4.12.0-7"],
    "AUTH from who named no method, or with reserved flags, ends the connection",
    async (broker) => {
      await endsFor(broker, {
        "with flags": bytes(0xf1, 0),
        "without a method": bytes(0xf0, 2, 0x18, 0),
        "again, without a method": bytes(0xf0, 2, 0x19, 0),
      });
    },
  ),

  v5(
    ["MQTT-4.12.0-1", "MQTT-3.2.2-7"],
    "an authentication method the server does not have is refused",
    async (broker) => {
      const client = broker.open();
      const authenticationMethod = "CONFORMANCE-NO-SUCH-METHOD";
      client.send(broker.connectPacket({ properties: { authenticationMethod } }));
      await refused(client, 0x8c, 0x87);
    },
  ),

  v5(["MQTT-4.12.0-6"], "who names no authentication method hears of none", async (broker) => {
    const { client, connack } = await broker.greet();
    assert.equal(connack.properties?.authenticationMethod, undefined);
    await client.settled();
    assert.deepEqual(client.arrived, []);
  }),

  v5(
    ["MQTT-3.14.2-1", "MQTT-3.14.2-2", "MQTT-3.14.4-1", "MQTT-3.14.4-2", "MQTT-4.13.2-1"],
    "a server's DISCONNECT has a reason of its own, no session expiry, and nothing behind it",
    async (broker) => {
      for (const wrong of [bytes(0x00, 0), packet(0x10), bytes(0x82, 2, 0, 1)]) {
        const client = await broker.connect(broker.kept(broker.clientId()));
        client.send(wrong, bytes(0xc0, 0));
        await client.ended();
        const told = client.arrived.findIndex(({ cmd }) => cmd === "disconnect");
        if (told < 0) continue;
        const disconnect = client.arrived[told]!;
        assert.equal(told, client.arrived.length - 1, "more came behind DISCONNECT");
        const { sessionExpiryInterval } = {
          ...(disconnect as { properties?: object }).properties,
        } as {
          sessionExpiryInterval?: number;
        };
        assert.equal(sessionExpiryInterval, undefined);
      }
    },
  ),

  v5(
    ["MQTT-3.14.4-1", "MQTT-3.14.4-2"],
    "what comes behind a client's DISCONNECT is not taken, and the connection is closed",
    async (broker) => {
      const reader = await broker.connect();
      await reader.subscribe(broker.topic());
      const client = await broker.connect();
      client.send({ cmd: "disconnect" }, packet(0x30, text(broker.topic()), bytes(0)));
      await client.closed();
      assert.deepEqual(client.arrived, []);
      assert.deepEqual(await broker.messagesAt(reader), []);
    },
  ),

  v5(
    [
      ...["MQTT-3.4.2-2", "MQTT-3.4.2-3", "MQTT-3.5.2-2", "MQTT-3.5.2-3", "MQTT-3.6.2-2"],
      ...["MQTT-3.6.2-3", "MQTT-3.7.2-2", "MQTT-3.7.2-3", "MQTT-3.9.2-1", "MQTT-3.9.2-2"],
      ...["MQTT-3.11.2-1", "MQTT-3.11.2-2", "MQTT-3.14.2-3", "MQTT-3.14.2-4", "MQTT-3.1.2-24"],
    ],
    "no answer is larger than the client takes, whatever there is to say",
    async (broker) => {
      broker.needsQos(2);
      const client = await broker.connect({ properties: { maximumPacketSize } });
      const topic = "$SYS/conformance";
      const flags = { payload: "", dup: false, retain: false } as const;
      client.send(
        { cmd: "publish", topic, qos: 1, messageId: 1, ...flags },
        { cmd: "publish", topic, qos: 2, messageId: 2, ...flags },
        { cmd: "pubrel", messageId: 3 },
        { cmd: "pubrec", messageId: 4 },
        { cmd: "subscribe", messageId: 5, subscriptions: [{ topic: "$share/+/a", qos: 1 }] },
        { cmd: "unsubscribe", messageId: 6, unsubscriptions: [broker.topic()] },
      );
      await client.settled().catch(() => client.closed());
      client.send(packet(0x32, text(broker.topic("#")), bytes(0, 9), properties()));
      await client.closed();
      for (const { cmd, body } of client.arrived) {
        const length = body.length + (body.length < 128 ? 2 : 3);
        assert.ok(length <= maximumPacketSize, `${cmd.toUpperCase()} has ${length} bytes`);
      }
    },
  ),
];
