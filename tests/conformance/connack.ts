import assert from "node:assert/strict";
import { bytes, text, varint } from "./bytes.ts";
import { Skipped } from "./broker.ts";
import { type Case, both, v5 } from "./case.ts";
import { refused } from "./connect.ts";

const largestTriedBytes = 8_388_608;

export const connackCases: readonly Case[] = [
  ...both(
    { v5: ["MQTT-3.1.2-22", "MQTT-3.2.2-22"], v3: ["MQTT-3.1.2-24"] },
    "who is silent for one and a half keep-alive times is disconnected, and nobody sooner",
    async (broker) => {
      const { client, connack } = await broker.greet({ keepalive: 1 });
      const told = connack.properties?.serverKeepAlive ?? 1;
      if (told > 2) throw new Skipped(`the server's keep-alive time is ${told} s`);
      const since = performance.now();
      await client.closed(told * 1500 + 8000);
      const silentMs = performance.now() - since;
      await client.ended(0x8d);
      // Timers of two processes: a hundredth of the time is no difference.
      assert.ok(silentMs >= told * 1485, `it was closed after ${Math.round(silentMs)} ms`);
    },
  ),

  v5(["MQTT-3.1.2-28"], "who asks for no response information gets none", async (broker) => {
    for (const more of [{}, { properties: { requestResponseInformation: false } }]) {
      const { connack } = await broker.greet(more);
      assert.equal(connack.properties?.responseInformation, undefined);
    }
  }),

  v5(
    ["MQTT-3.1.2-29"],
    "who asks for no problem information gets it in CONNACK and DISCONNECT at most",
    async (broker) => {
      const client = await broker.connect({ properties: { requestProblemInformation: false } });
      client.send(
        { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a/#/b", qos: 1 }] },
        { cmd: "unsubscribe", messageId: 2, unsubscriptions: [broker.topic("never")] },
        { cmd: "pubrel", messageId: 3 },
        { cmd: "pubrec", messageId: 4 },
      );
      // A server may end the connection for a filter that is none, and say why.
      await client.settled().catch(() => client.closed());
      for (const { cmd, ...packet } of client.arrived) {
        if (cmd === "disconnect" || !("properties" in packet)) continue;
        const { reasonString, userProperties } = packet.properties as Record<string, unknown>;
        assert.equal(reasonString, undefined, `${cmd.toUpperCase()} has a reason string`);
        assert.equal(userProperties, undefined, `${cmd.toUpperCase()} has user properties`);
      }
    },
  ),

  v5(["MQTT-3.2.2-9"], "QoS 1 and 2 are taken where no maximum is told", async (broker) => {
    const reader = await broker.connect();
    await reader.subscribe(broker.topic());
    for (const qos of [0, 1, 2] as const) {
      if (qos > broker.can.maximumQos) continue;
      const writer = await broker.connect();
      assert.ok((await writer.publish(broker.topic(), `${qos}`, { qos })) < 0x80);
      assert.equal(await reader.message(), `${broker.topic()} ${qos}`);
    }
  }),

  v5(["MQTT-3.2.2-10"], "SUBSCRIBE is taken with any QoS", async (broker) => {
    const client = await broker.connect();
    for (const qos of [0, 1, 2] as const) {
      const [code = 0x80] = await client.subscribe({ topic: broker.topic(`${qos}`), qos });
      assert.ok(code <= qos, `QoS ${qos} is answered with ${code}`);
    }
  }),

  v5(["MQTT-3.2.2-12"], "a will with a QoS above the maximum is refused", async (broker) => {
    if (broker.can.maximumQos === 2) throw new Skipped("the broker takes QoS 2");
    const client = broker.open();
    const will = { topic: broker.topic(), payload: "", qos: 2, retain: false } as const;
    client.send(broker.connectPacket({ will }));
    await refused(client, 0x9b);
  }),

  v5(["MQTT-3.2.2-13"], "a will to be retained is refused where nothing is", async (broker) => {
    if (broker.can.retain) throw new Skipped("the broker keeps retained messages");
    const client = broker.open();
    const will = { topic: broker.topic(), payload: "", qos: 0, retain: true } as const;
    client.send(broker.connectPacket({ will }));
    await refused(client, 0x9a);
  }),

  v5(
    ["MQTT-3.2.2-15"],
    "a packet larger than the server takes ends the connection",
    async (broker) => {
      const { maximumPacketSize } = broker.can;
      if (maximumPacketSize > largestTriedBytes) {
        throw new Skipped(`CONNACK allows packets of ${maximumPacketSize} bytes`);
      }
      const client = await broker.connect();
      const payload = Buffer.alloc(maximumPacketSize);
      const { length } = payload;
      const header = [bytes(0x30), varint(length + 100)];
      const topic = text(broker.topic());
      client.send(Buffer.concat([...header, topic, bytes(0), payload]));
      await client.ended(0x95);
    },
  ),

  v5(
    ["MQTT-3.1.2-24", "MQTT-3.2.2-19", "MQTT-3.2.2-20"],
    "a CONNACK that refuses is not larger than the client takes",
    async (broker) => {
      const client = broker.open();
      client.send(
        broker.connectPacket({
          properties: { authenticationMethod: "none-that-any-server-knows", maximumPacketSize: 12 },
        }),
      );
      await client.closed();
      for (const { body } of client.arrived) assert.ok(body.length + 2 <= 12);
    },
  ),
];
