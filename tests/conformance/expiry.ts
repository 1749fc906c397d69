import assert from "node:assert/strict";
import { bytes, publishBytes, uint32 } from "./bytes.ts";
import { type Case, v5 } from "./case.ts";
import { type Arrived, type Client, messageOf, type PublishOptions } from "./client.ts";

/** One message that is over within a second, and one that is not. */
async function publishBoth(
  writer: Client,
  topicOf: (payload: string) => string,
  more: PublishOptions,
): Promise<void> {
  for (const [payload, messageExpiryInterval] of [
    ["short", 1],
    ["long", 100],
  ] as const) {
    await writer.publish(topicOf(payload), payload, {
      ...more,
      properties: { messageExpiryInterval },
    });
  }
}

/** It tells how long it still has, in seconds. */
function hasLeft({ properties }: Arrived<"publish">, least: number, most: number): void {
  const left = properties?.messageExpiryInterval ?? 0;
  assert.ok(left >= least && left <= most, `it still has ${left} s, not ${least} to ${most}`);
}

/** Message expiry (§3.3.2.3.3). */
export const expiryCases: readonly Case[] = [
  v5(
    ["MQTT-3.3.2-5", "MQTT-3.3.2-6"],
    "a message expires while it waits; what has not is told how long it still has",
    async (broker) => {
      broker.needsQos(1);
      const kept = broker.kept(broker.clientId());
      const before = await broker.connect(kept);
      await before.subscribe(broker.topic());
      await before.drop();
      await publishBoth(await broker.connect(), () => broker.topic(), { qos: 1 });
      await broker.secondsPass(2);
      const reader = await broker.connect(kept);
      const came = await reader.next("publish");
      assert.equal(messageOf(came), `${broker.topic()} long`);
      hasLeft(came, 90, 99);
      assert.deepEqual(await broker.messagesAt(reader), []);
    },
  ),

  v5(["MQTT-3.3.2-5", "MQTT-3.3.2-6"], "what is retained expires as well", async (broker) => {
    broker.needs("retain");
    const writer = await broker.connect();
    await publishBoth(writer, (payload) => broker.topic(payload), { retain: true });
    await broker.secondsPass(2);
    const reader = await broker.connect();
    await reader.subscribe(broker.topic("+"));
    const came = await reader.next("publish");
    assert.equal(messageOf(came), `${broker.topic("long")} long`);
    hasLeft(came, 90, 99);
    assert.deepEqual(await broker.messagesAt(reader), []);
  }),

  v5(["MQTT-3.3.2-6"], "a message that is delivered at once keeps its expiry", async (broker) => {
    const reader = await broker.connect();
    await reader.subscribe(broker.topic());
    reader.send(publishBytes(broker.topic(), bytes(0x02), uint32(100_000)));
    hasLeft(await reader.next("publish"), 99_990, 100_000);
  }),
];
