import assert from "node:assert/strict";
import { test } from "node:test";
import { twoNodes, until, type TwoNodes } from "../two-nodes.ts";
import { readWholeLog } from "./recorded.ts";

const price = { amount: "0.002", currency: "EUR", perMessages: 1 };
const agreementsCount = 200;
const noisyBatch = 2000;

async function add(world: TwoNodes, id: string, delivery: "live" | "logged"): Promise<void> {
  const product = { id, title: id, topics: [`${id}/+`], delivery, terms: { price } };
  await world.provider.http.addProduct(product);
}

async function agree(world: TwoNodes, id: string): Promise<string> {
  const offers = await world.consumer.http.find(id);
  const { offer, provider } = offers.find(({ product }) => product === id)!;
  return (await world.consumer.http.agree(offer, provider)).id;
}

async function countedBy(world: TwoNodes): Promise<ReadonlyMap<string, number>> {
  const usages = await world.consumer.http.usage();
  return new Map(usages.map(({ agreement, messages }) => [agreement, messages]));
}

test("one connection - 200 agreements share it, each gets its own, and a noisy one starves none", async (t) => {
  const world = await twoNodes({ receiptWindowMs: 2000 });
  t.after(() => world.close());
  const began = performance.now();
  const names = Array.from({ length: agreementsCount - 1 }, (_, i) => `quiet${i}`);
  await add(world, "noise", "live");
  for (const name of names) await add(world, name, "logged");
  const noisy = await agree(world, "noise");
  const quiet: string[] = [];
  for (let i = 0; i < names.length; i += 10) {
    const some = names.slice(i, i + 10).map((name) => agree(world, name));
    quiet.push(...(await Promise.all(some)));
  }
  await until(
    "all links are up",
    async () => {
      const { links } = await world.consumer.http.status();
      return links.filter(({ state }) => state === "up").length === agreementsCount;
    },
    20_000,
  );
  const agreedMs = Math.round(performance.now() - began);
  assert.equal((await world.provider.http.status()).mqtt.connections, 1);

  const shouter = await world.mqtt("provider");
  const device = await world.mqtt("provider");
  const shouting = { goesOn: true, sent: 0 };
  const noise = "n".repeat(1000);
  const shout = (async () => {
    while (shouting.goesOn) {
      for (let i = 0; i < noisyBatch; i++) void shouter.publish("noise/a", noise);
      await shouter.publish("noise/a", noise, { qos: 1 }); // so that it is taken in as fast as sent
      shouting.sent += noisyBatch + 1;
    }
  })();
  const cpu = process.cpuUsage();
  const from = performance.now();
  const perAgreement = 20;
  for (let n = 0; n < perAgreement; n++) {
    await Promise.all(names.map((name) => device.publish(`${name}/a`, `${name}:${n}`, { qos: 1 })));
  }
  await until(
    "every quiet one has all of its own while the noise goes on",
    async () => {
      const counts = await countedBy(world);
      return quiet.every((id) => counts.get(id) === perAgreement);
    },
    20_000,
  );
  const took = performance.now() - from;
  shouting.goesOn = false;
  await shout;
  const { user, system } = process.cpuUsage(cpu);
  const loud = (await countedBy(world)).get(noisy) ?? 0;
  assert.ok(loud > 0, "the noisy one is served as well");
  const quietCount = quiet.length * perAgreement;
  t.diagnostic(
    `${agreementsCount} agreements in ${agreedMs} ms; ${quietCount} quiet messages ` +
      `beside ${shouting.sent} noisy ones (${loud} taken) in ${Math.round(took)} ms, ` +
      `${Math.round((user + system) / 1000)} ms of CPU; ` +
      `${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB for both nodes`,
  );
  for (const name of names) {
    const lines = await readWholeLog(world.consumer.http, `from/provider/${name}`);
    const own = Array.from({ length: perAgreement }, (_, n) => `${name}:${n}`);
    assert.deepEqual(
      lines.map(({ payload }) => payload),
      own,
    );
  }
});
