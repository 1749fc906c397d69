import assert from "node:assert/strict";
import type { Broker } from "./broker.ts";
import { type Case, each, endsFor, v5 } from "./case.ts";
import { bytes, packet, text, uint16 } from "./bytes.ts";
import type { Client, Subscription } from "./client.ts";

const share = (topic: string): string => `$share/s/${topic}`;

async function member(
  broker: Broker,
  options: Parameters<Broker["connect"]>[0] = {},
  more: Partial<Subscription> = {},
): Promise<Client> {
  const client = await broker.connect(options);
  await client.subscribe({ topic: share(broker.topic()), qos: 2, ...more });
  return client;
}

/** Which of them the next message comes to, and its packet identifier. */
async function whoGets(
  clients: readonly Client[],
): Promise<{ readonly member: Client; readonly messageId: number }> {
  const end = Date.now() + 5000;
  for (;;) {
    const found = clients.find(({ arrived }) => arrived.some(({ cmd }) => cmd === "publish"));
    if (found !== undefined) {
      const { messageId = 0 } = await found.next("publish");
      return { member: found, messageId };
    }
    assert.ok(Date.now() < end, "no member gets the message");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const shareGroupsCases: readonly Case[] = [
  v5(
    ["MQTT-4.8.2-1", "MQTT-4.8.2-2"],
    "a share without a name, with wildcards in it, or without a filter is refused",
    async (broker) => {
      broker.needs("shared");
      const t = broker.topic();
      const wrong = {
        "no name": `$share//${t}`,
        "+ in the name": `$share/a+/${t}`,
        "# in the name": `$share/#/${t}`,
        "no filter": "$share/a",
        "an empty filter": "$share/a/",
      };
      await each(wrong, async (topic) => {
        const client = await broker.connect();
        const codes = await client
          .subscribe({ topic, qos: 0 })
          .catch(() => client.ended(0x81, 0x82, 0x8f, 0x9e));
        assert.ok(codes === undefined || codes[0]! >= 0x80, "it is taken");
      });
    },
  ),

  v5(
    ["MQTT-4.8.2-1"],
    "each message goes to one of those who share, whatever its QoS",
    async (broker) => {
      broker.needs("shared");
      const members = [await member(broker), await member(broker)];
      const other = await member(broker, {}, { topic: `$share/other/${broker.topic()}` });
      const alone = await broker.connect();
      await alone.subscribe(broker.topic());
      const writer = await broker.connect();
      const texts: string[] = [];
      for (const qos of [0, 1, 2] as const) {
        if (qos > broker.can.maximumQos) continue;
        for (const i of [1, 2, 3, 4]) {
          texts.push(`${broker.topic()} ${qos}.${i}`);
          await writer.publish(broker.topic(), `${qos}.${i}`, { qos });
        }
      }
      const came = [];
      for (const one of members) came.push(...(await broker.messagesAt(one)));
      assert.deepEqual(came.toSorted(), texts, "the members together");
      assert.deepEqual(await broker.messagesAt(other), texts, "another share");
      assert.deepEqual(await broker.messagesAt(alone), texts, "a subscription alone");
    },
  ),

  v5(["MQTT-3.8.3-4"], "no local on a shared subscription ends the connection", async (broker) => {
    broker.needs("shared");
    const noLocal = packet(0x82, uint16(1), bytes(0), text(share(broker.topic())), bytes(4));
    await endsFor(broker, { noLocal }, 0x82);
  }),

  v5(["MQTT-4.8.2-3"], "who shares gets the QoS that was granted", async (broker) => {
    broker.needs("shared");
    broker.needsQos(2);
    const writer = await broker.connect();
    for (const granted of [0, 1, 2] as const) {
      const reader = await broker.connect();
      await reader.subscribe({ topic: share(broker.topic()), qos: granted });
      for (const published of [0, 1, 2] as const) {
        await writer.publish(broker.topic(), "", { qos: published });
        assert.equal((await reader.next("publish")).qos, Math.min(granted, published));
      }
      await reader.leave();
    }
  }),

  v5(
    ["MQTT-4.8.2-4"],
    "QoS 2 that was begun with one member is completed with that one",
    async (broker) => {
      broker.needs("shared");
      broker.needsQos(2);
      const kept = { ...broker.kept(broker.clientId()), acknowledges: false };
      const first = await member(broker, kept);
      const writer = await broker.connect();
      await writer.publish(broker.topic(), "begun", { qos: 2 });
      const { messageId } = await first.next("publish");
      const other = await member(broker);
      await first.drop();
      assert.deepEqual(await broker.messagesAt(other), [], "another member got it");
      const again = await broker.connect(kept);
      const came = await again.next("publish");
      assert.deepEqual([came.messageId, came.dup], [messageId, true]);
      again.send({ cmd: "pubrec", messageId: messageId! });
      assert.equal((await again.next("pubrel")).messageId, messageId);
      again.send({ cmd: "pubcomp", messageId: messageId! });
      assert.deepEqual(await broker.messagesAt(other), []);
    },
  ),

  v5(
    ["MQTT-4.8.2-5"],
    "QoS 2 that was begun with a member whose session ends goes to nobody else",
    async (broker) => {
      broker.needs("shared");
      broker.needsQos(2);
      const clientId = broker.clientId();
      const first = await member(broker, { clientId, acknowledges: false });
      const writer = await broker.connect();
      await writer.publish(broker.topic(), "begun", { qos: 2 });
      await first.next("publish");
      const other = await member(broker);
      await first.leave();
      const { connack } = await broker.greet({ clientId, clean: false });
      assert.equal(connack.sessionPresent, false);
      await writer.publish(broker.topic(), "next", { qos: 2 });
      assert.deepEqual(await broker.messagesAt(other), [`${broker.topic()} next`]);
    },
  ),

  v5(["MQTT-4.8.2-6"], "a message that one member refuses goes to nobody else", async (broker) => {
    broker.needs("shared");
    broker.needsQos(2);
    const members = [
      await member(broker, { acknowledges: false }),
      await member(broker, { acknowledges: false }),
    ];
    const writer = await broker.connect();
    for (const qos of [1, 2] as const) {
      await writer.publish(broker.topic(), "refused", { qos });
      const { member: one, messageId } = await whoGets(members);
      const cmd = qos === 1 ? "puback" : "pubrec";
      one.send({ cmd, messageId, reasonCode: 0x97 });
      for (const each of members) assert.deepEqual(await broker.messagesAt(each), []);
    }
  }),
];
