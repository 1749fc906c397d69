import assert from "node:assert/strict";
import { test } from "node:test";
import { twoNodes, until } from "../two-nodes.ts";

test("product - removed while in use it is logged until its last agreement ends, and no longer", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const { provider } = world;
  const price = { amount: "0", currency: "EUR", perMessages: 1 };
  const topics = ["bus/#"];
  const product = { id: "buses", title: "Buses", topics, terms: { price } };
  const { id } = await world.share({ ...product, delivery: "logged" });
  const device = await world.mqtt("provider");
  const logged = async (): Promise<number> => {
    const logs = await provider.http.logs();
    return logs.find(({ log }) => log === "product/buses")?.messages ?? 0;
  };
  await device.publish("bus/1", "1", { qos: 1 });
  await provider.http.removeProduct("buses");
  await device.publish("bus/1", "2", { qos: 1 });
  assert.equal(await logged(), 2);
  await provider.http.revoke(id);
  await until("it has ended", async () => {
    return (await provider.http.agreements()).every(({ state }) => state === "ended");
  });
  await device.publish("bus/1", "3", { qos: 1 });
  assert.equal(await logged(), 2);
});
