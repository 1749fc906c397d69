/** A session that waits in a log, and messages of QoS 0 on the same log: each comes once or not at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../two-nodes.ts";
import { oneNode } from "./one-node.ts";
import { publishPacket, RawClient } from "./raw-client.ts";

const { node, http } = await oneNode({ sessionExpirySecondsMax: 3600 });
const terms = { price: { amount: "0", currency: "EUR", perMessages: 1 } };
await http.addProduct({ title: "Mixed", topics: ["mixed/#"], delivery: "logged", terms });

const kept = (receiveMaximum?: number) => ({
  ...{ clientId: "waits", clean: false },
  properties: { sessionExpiryInterval: 600, ...(receiveMaximum && { receiveMaximum }) },
});

async function publisher(): Promise<{
  readonly publish: (text: string, qos: 0 | 1) => Promise<void>;
  readonly end: () => void;
}> {
  const client = await RawClient.in(node.mqttUrl, 5);
  let messageId = 0;
  return {
    async publish(text, qos) {
      if (qos === 0) {
        client.send(publishPacket("mixed/1", text));
        await client.settled();
        return;
      }
      client.send(publishPacket("mixed/1", text, { qos, messageId: ++messageId }));
      await client.next("puback");
    },
    end: () => client.destroy(),
  };
}

test("mixed qos - what is published with QoS 0 never waits for who is away", async (t) => {
  const first = await RawClient.in(node.mqttUrl, 5, kept());
  await first.subscribe({ topic: "mixed/1", qos: 1 });
  first.destroy();
  await first.closed;
  const { publish, end } = await publisher();
  t.after(end);
  await publish("one", 1);
  await publish("two, QoS 0", 0);
  await publish("three", 1);

  // It takes one at a time, so that what waits stays in the log.
  const again = await RawClient.in(node.mqttUrl, 5, kept(1));
  t.after(() => again.destroy());
  const got: string[] = [];
  const take = async (): Promise<void> => {
    const { payload, messageId, qos } = await again.next("publish");
    got.push(`${payload.toString()} ${qos}`);
    if (qos === 1) again.send({ cmd: "puback", messageId: messageId! });
  };
  await take();
  await publish("four, QoS 0", 0);
  await publish("five", 1);
  await until("four came while others wait", async () => {
    await take();
    return got.length === 4;
  });
  await again.settled();
  assert.deepEqual(
    again.received.filter(({ cmd }) => cmd === "publish"),
    [],
    "nothing comes twice",
  );
  const sorted = (texts: readonly string[]) => texts.toSorted();
  assert.deepEqual(sorted(got), sorted(["one 1", "three 1", "four, QoS 0 0", "five 1"]));
  assert.deepEqual(
    got.filter((text) => text.endsWith(" 1")),
    ["one 1", "three 1", "five 1"],
  );
});
