import assert from "node:assert/strict";
import { test } from "node:test";
import { twoNodes, until } from "../two-nodes.ts";

const month = new Date().toISOString().slice(0, 7);
const price = { amount: "0.002", currency: "EUR", perMessages: 1 };

test("a live stream crosses two nodes, both count it, both sign for it", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const agreement = await world.share({
    id: "buses",
    title: "Bus positions",
    topics: ["bus/#"],
    delivery: "live",
    terms: { price },
  });
  assert.equal(agreement.state, "active");
  const received: string[] = [];
  const app = await world.mqtt("consumer");
  await app.subscribe("from/provider/buses/#", {}, ({ topic, payload }) => {
    received.push(`${topic} ${payload.toString()}`);
  });
  const device = await world.mqtt("provider");
  await until("the link is up", async () => {
    const { links } = await world.consumer.http.status();
    return links[0]?.state === "up";
  });
  for (let i = 0; i < 100; i++) await device.publish("bus/1/position", `{"n":${i}}`, { qos: 1 });
  await until("all arrive", () => received.length === 100);
  assert.equal(received[99], `from/provider/buses/bus/1/position {"n":99}`);
  await until("both sides have counted", async () => {
    const [provider] = await world.provider.http.usage();
    const [consumer] = await world.consumer.http.usage();
    return provider?.messages === 100 && consumer?.messages === 100;
  });
  await until("a receipt is signed by both", async () => {
    const [line] = await world.provider.http.statement(month);
    return line?.messages === 100;
  });
  const [earned] = await world.provider.http.statement(month);
  const [owed] = await world.consumer.http.statement(month);
  assert.equal(earned?.amount, "0.2");
  const [sold] = await world.provider.http.agreements();
  const [bought] = await world.consumer.http.usage();
  for (const shown of [earned, sold, bought]) assert.equal(shown?.evidence, "two-sided");
  assert.deepEqual({ ...owed, role: "provider" }, earned);
});

test("a logged stream is whole on the consumer though its link breaks and both restart", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const agreement = await world.share({
    id: "soil",
    title: "Soil moisture",
    topics: ["soil/+"],
    delivery: "logged",
    terms: { price },
  });
  let device = await world.mqtt("provider");
  let sent = 0;
  const publish = async (count: number): Promise<void> => {
    const all: Promise<void>[] = [];
    for (let i = 0; i < count; i++)
      all.push(device.publish(`soil/${sent % 3}`, String(sent++), { qos: 1 }));
    await Promise.all(all);
  };
  const stored = async (): Promise<string[]> => {
    const rows: string[] = [];
    for await (const row of world.consumer.http.readLog("from/provider/soil", { limit: 10_000 })) {
      rows.push(row.payload ?? "");
    }
    return rows;
  };
  const committed = async (): Promise<number> => {
    const [usage] = await world.consumer.http.usage();
    return usage?.messages ?? 0;
  };
  await publish(200);
  await until("the first part is stored", async () => (await committed()) === 200);
  await world.consumer.http.link(agreement.id, "cut");
  await publish(150);
  await world.consumer.http.link(agreement.id, "mend");
  await until("the part behind the cut is stored", async () => (await committed()) === 350);
  await world.restart("consumer");
  await publish(50);
  await until("after the consumer's restart", async () => (await committed()) === 400);
  await world.restart("provider");
  device = await world.mqtt("provider");
  await publish(50);
  await until("after the provider's restart", async () => (await committed()) === 450);
  assert.deepEqual(
    await stored(),
    Array.from({ length: 450 }, (_, i) => String(i)),
  );
  const [provider] = await world.provider.http.usage();
  assert.equal(provider?.messages, 450);
});
