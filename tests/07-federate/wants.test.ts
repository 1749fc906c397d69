/** A standing demand on one node is met by what another begins to offer. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { WantResource } from "../../src/client/resources.ts";
import { twoNodes, type TwoNodes, until } from "../two-nodes.ts";

let world: TwoNodes;

before(async () => {
  world = await twoNodes({ crawlMs: 100 });
});
after(() => world.close());

async function offer(id: string, amount: string, currency = "EUR"): Promise<void> {
  const price = { amount, currency, perMessages: 1 };
  await world.provider.http.addProduct({ id, title: id, topics: [`${id}/#`], terms: { price } });
}

async function want(id: string): Promise<WantResource | undefined> {
  return (await world.consumer.http.wants()).find((one) => one.id === id);
}

async function matched(id: string, count: number): Promise<WantResource["matches"]> {
  const settled = async (): Promise<boolean> => {
    const matches = (await want(id))?.matches ?? [];
    return matches.length === count && matches.every(({ state }) => state !== "agreeing");
  };
  await until(`${count} matches`, settled);
  return (await want(id))?.matches ?? [];
}

test("wants - an offer that comes later is told, and nothing is agreed to", async () => {
  const { id, matches } = await world.consumer.http.addWant({ q: "ferry" });
  assert.deepEqual(matches, []);
  await offer("ferry-positions", "0.01");
  const [match] = await matched(id, 1);
  assert.deepEqual([match?.state, match?.agreement], ["told", undefined]);
  assert.deepEqual(await world.consumer.http.agreements(), []);
});

test("wants - one that agrees by itself needs a budget, and agrees once, within it", async () => {
  const { consumer } = world;
  await assert.rejects(consumer.http.addWant({ q: "tram", auto: true }), { code: "BODY_INVALID" });
  const spendMax = { amount: "0.05", currency: "EUR" };
  const { id } = await consumer.http.addWant({ q: "tram", auto: true, spendMax });
  await offer("tram-dollar", "0.01", "USD");
  const [refused] = await matched(id, 1);
  assert.match(refused?.problem ?? "", /paid in USD/);
  await offer("tram-euro", "0.01");
  const [, agreed] = await matched(id, 2);
  assert.equal(agreed?.state, "agreed");
  await offer("tram-other", "0.001");
  const [, , third] = await matched(id, 3);
  assert.match(third?.problem ?? "", /the agreement it may make/);
  const made = await consumer.http.agreements();
  assert.deepEqual(
    made.map((one) => [one.id, one.product]),
    [[agreed?.agreement, "tram-euro"]],
  );
  const device = await world.mqtt("provider");
  for (let n = 0; n < 20; n++) await device.publish("tram-euro/1", `{"n":${n}}`, { qos: 1 });
  const ended = async (): Promise<boolean> =>
    (await consumer.http.agreements()).every(({ state }) => state === "ended");
  await until("it ends when its budget is used", ended);
  const usage = (await consumer.http.usage()).find((one) => one.agreement === agreed?.agreement);
  assert.ok(Number(usage?.amount) <= 0.05, `it cost ${usage?.amount}`);
});

test("wants - they outlive their node, tell an offer once, and end when removed", async () => {
  await world.restart("consumer");
  const [first] = await world.consumer.http.wants();
  assert.equal(first?.matches.length, 1);
  await world.consumer.http.removeWant(first?.id ?? "");
  await assert.rejects(world.consumer.http.removeWant(first?.id ?? ""), { code: "NOT_FOUND" });
  assert.equal((await world.consumer.http.wants()).length, 1);
});
