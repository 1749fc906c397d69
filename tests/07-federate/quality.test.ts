/** What really passed on one node is read on another, in the offer it finds. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { twoNodes, type TwoNodes, until } from "../two-nodes.ts";

let world: TwoNodes;
let laterMs = 0;
const clock = { ...systemClock, now: () => systemClock.now() + laterMs };

before(async () => {
  world = await twoNodes({ crawlMs: 100, clock });
});
after(() => world.close());

async function measured(id: string) {
  return (await world.consumer.http.find(id)).find((one) => one.product === id)?.quality;
}

async function offer(id: string, delivery: "live" | "logged"): Promise<void> {
  const price = { amount: "1", currency: "EUR", perMessages: 1 };
  const topics = [`${id}/#`];
  await world.provider.http.addProduct({
    id,
    title: `Pump ${id}`,
    topics,
    delivery,
    terms: { price },
  });
}

test("quality - what passed is told to peers once a minute, live and logged, own and found", async () => {
  await offer("flow", "live");
  await offer("level", "logged");
  await offer("quiet", "live");
  const device = await world.mqtt("provider");
  const observed = () => JSON.stringify({ observedAt: new Date(clock.now() - 5_000) });
  for (let n = 0; n < 10; n++) await device.publish(`flow/${n}`, observed(), { qos: 1 });
  for (let n = 0; n < 6; n++) await device.publish("level/1", "1", { qos: 1 });
  await device.publish("elsewhere", "1", { qos: 1 });
  assert.equal(await measured("flow"), undefined);
  await new Promise((resolve) => setTimeout(resolve, 1_200)); // the counters are read
  laterMs += 120_000;
  await until("it is measured", async () => (await measured("flow")) !== undefined);
  const flow = await measured("flow");
  assert.deepEqual([flow?.messages, flow?.minutesWithData], [10, 1 / (flow?.minutes ?? 0)]);
  const seconds = flow?.lag?.medianSeconds ?? 0;
  assert.ok(seconds >= 4.5 && seconds <= 8, `a lag of ${seconds} s`);
  await until("the other too", async () => (await measured("level"))?.messages === 6);
  assert.equal(await measured("quiet"), undefined);
  assert.deepEqual((await world.provider.http.product("flow")).quality, flow);
  const fresh = await world.consumer.http.find({ q: "pump", newerThanSeconds: 3_600 });
  assert.deepEqual(fresh.map((one) => one.product).toSorted(), ["flow", "level"]);
  assert.deepEqual(await world.consumer.http.find({ q: "pump", newerThanSeconds: 60 }), []);
});

test("quality - a want agrees to nothing that a month of would cost more than its budget", async () => {
  const spendMax = { amount: "50", currency: "EUR" };
  const { id } = await world.consumer.http.addWant({ q: "flow", auto: true, spendMax });
  const find = async () => (await world.consumer.http.wants()).find((one) => one.id === id);
  await until("it is looked at", async () => (await find())?.matches.length === 1);
  const [match] = (await find())?.matches ?? [];
  assert.equal(match?.state, "refused");
  assert.match(match?.problem ?? "", /^a month of it would cost \d+ EUR, and the budget is 50$/);
});

test("quality - it outlives its node, and goes with its product", async () => {
  const before = await measured("flow");
  await world.restart("provider");
  const { quality } = await world.provider.http.product("flow");
  assert.deepEqual([quality?.messages, quality?.lastAt], [before?.messages, before?.lastAt]);
  await world.provider.http.removeProduct("flow");
  await offer("flow", "live");
  assert.equal((await world.provider.http.product("flow")).quality, undefined);
});

test("quality - what a month cost too much of is agreed to once it flows slowly enough", async () => {
  const spendMax = { amount: "100000", currency: "EUR" };
  const { id } = await world.consumer.http.addWant({ q: "level", auto: true, spendMax });
  const match = async () => (await world.consumer.http.wants()).find((one) => one.id === id);
  assert.equal((await match())?.matches[0]?.state, "refused");
  laterMs += 20 * 60_000;
  const device = await world.mqtt("provider");
  await device.publish("level/1", "1", { qos: 1 });
  await until("it is agreed to", async () => (await match())?.matches[0]?.state === "agreed");
  assert.equal((await match())?.matches.length, 1, "it is the same offer");
});
