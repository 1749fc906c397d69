import assert from "node:assert/strict";
import { test } from "node:test";
import { twoNodes, until } from "../two-nodes.ts";

test("link - follows a provider that comes back on another MQTT port", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const price = { amount: "0", currency: "EUR", perMessages: 1 };
  await world.share({
    id: "soil",
    title: "Soil",
    topics: ["soil"],
    delivery: "logged",
    terms: { price },
  });
  const before = world.provider.node.mqttUrl;
  const mqtt = { host: "127.0.0.1", port: 0 };
  await world.restart("provider", { mqtt });
  assert.notEqual(world.provider.node.mqttUrl, before);
  const device = await world.mqtt("provider");
  await device.publish("soil", "after the move", { qos: 1 });
  await until("it arrives", async () => {
    const [usage] = await world.consumer.http.usage();
    return usage?.messages === 1;
  });
});
