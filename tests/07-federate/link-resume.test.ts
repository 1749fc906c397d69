import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AgreementResource } from "../../src/client/resources.ts";
import { twoNodes, until, type TwoNodes } from "../two-nodes.ts";
import { readWholeLog } from "./recorded.ts";

const price = { amount: "0.002", currency: "EUR", perMessages: 1 };

function shareSoil(world: TwoNodes): Promise<AgreementResource> {
  const product = { id: "soil", title: "Soil moisture", topics: ["soil/+"] };
  return world.share({ ...product, delivery: "logged", terms: { price } });
}

async function publish(world: TwoNodes, from: number, count: number): Promise<void> {
  const device = await world.mqtt("provider");
  const payloads = Array.from({ length: count }, (_, i) => String(from + i));
  await Promise.all(payloads.map((text) => device.publish("soil/a", text, { qos: 1 })));
  await device.end();
}

async function received(world: TwoNodes): Promise<(string | undefined)[]> {
  const lines = await readWholeLog(world.consumer.http, "from/provider/soil");
  return lines.map(({ payload }) => payload);
}

async function arrived(world: TwoNodes, count: number): Promise<void> {
  await until(`${count} messages have arrived`, async () => {
    const usages = await world.consumer.http.usage();
    return usages.reduce((sum, { messages }) => sum + messages, 0) === count;
  });
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}

test("link - what was logged after a restart before the first message arrives as well", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const { id } = await shareSoil(world);
  await world.consumer.http.link(id, "cut");
  await world.restart("provider");
  await publish(world, 0, 10);
  await world.consumer.http.link(id, "mend");
  await arrived(world, 10);
  assert.deepEqual(await received(world), numbers(10));
});

test("link - mended twice at once it is still one connection", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const { id } = await shareSoil(world);
  await publish(world, 0, 5);
  await arrived(world, 5);
  await world.consumer.http.link(id, "cut");
  const connections = async () => (await world.provider.http.status()).mqtt.connections;
  await until("nobody is connected", async () => (await connections()) === 0);
  const mend = () => world.consumer.http.link(id, "mend");
  await Promise.all([mend(), mend(), mend()]);
  await publish(world, 5, 5);
  await arrived(world, 10);
  await until("only the link is connected", async () => (await connections()) === 1);
  assert.deepEqual(await received(world), numbers(10));
});

test("link - two agreements that overlap keep the stream once, and each counts its own", async (t) => {
  const world = await twoNodes();
  t.after(() => world.close());
  const old = await shareSoil(world);
  const device = await world.mqtt("provider");
  let sent = 0;
  const send = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const some = [sent++, sent++, sent++].map(String);
      await Promise.all(some.map((text) => device.publish("soil/a", text, { qos: 1 })));
      await sleep(2);
    }
  };
  const counted = async (id: string) => {
    const usages = await world.consumer.http.usage();
    return usages.find(({ agreement }) => agreement === id)?.messages ?? 0;
  };
  await send(20);
  const [offer] = await world.consumer.http.find("soil");
  const renewed = await world.consumer.http.agree(offer!.offer, offer!.provider);
  const start = sent;
  await send(100);
  await until("the old one has all of it", async () => (await counted(old.id)) === sent);
  const last = sent;
  await until("so has the new one", async () => (await counted(renewed.id)) === sent - start);
  await world.consumer.http.revoke(old.id);
  await send(20);
  await until("it goes on alone", async () => (await counted(renewed.id)) === sent - start);
  assert.deepEqual(await received(world), numbers(sent));
  // The provider counts what is acknowledged, a moment after it arrived.
  const sold = async (id: string) => {
    const usages = await world.provider.http.usage();
    return usages.find(({ agreement }) => agreement === id)?.messages ?? 0;
  };
  await until("the new one is acknowledged", async () => (await sold(renewed.id)) >= sent - start);
  await until("so is the old one", async () => (await sold(old.id)) >= last);
  assert.deepEqual([await sold(old.id), await sold(renewed.id)], [last, sent - start]);
});
