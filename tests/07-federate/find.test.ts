/** Two sovereign nodes: what one offers is found on the other, from its index. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { NewProduct } from "../../src/client/resources.ts";
import { twoNodes, type TwoNodes, until } from "../two-nodes.ts";

let world: TwoNodes;

before(async () => {
  world = await twoNodes({ crawlMs: 200 });
});
after(() => world.close());

function product(id: string, more: Partial<NewProduct> = {}): NewProduct {
  const price = { amount: "0.01", currency: "EUR", perMessages: 10 };
  return { id, title: `Soil ${id}`, topics: [`${id}/#`], terms: { price }, ...more };
}

async function foundBy(query: Parameters<typeof world.consumer.http.find>[0]): Promise<string[]> {
  return (await world.consumer.http.find(query)).map((offer) => offer.product).toSorted();
}

test("find - by words, sector, unit, place, price and delivery, own and peers' alike", async () => {
  const { provider, consumer } = world;
  const near = { lat: 51.92, lon: 4.48, name: "Rotterdam" };
  await provider.http.addProduct(
    product("moist", { units: ["%"], sector: "agriculture", place: near, delivery: "live" }),
  );
  const free = { price: { amount: "0", currency: "EUR", perMessages: 1 } };
  await provider.http.addProduct(product("warmth", { units: ["CEL"], terms: free }));
  await consumer.http.addProduct(product("mine", { place: { lat: -1.28, lon: 36.82 } }));
  await consumer.http.find({ fresh: true });
  assert.deepEqual(await foundBy("soi"), ["mine", "moist", "warmth"]);
  assert.deepEqual(await foundBy({ sector: "agriculture" }), ["moist"]);
  assert.deepEqual(await foundBy({ unit: "Cel" }), ["warmth"], "UCUM, whoever wrote CEL");
  assert.deepEqual(await foundBy({ unit: "unit:DEG_C" }), ["warmth"]);
  assert.deepEqual(await foundBy({ near: "52,4.5,20" }), ["moist"]);
  assert.deepEqual(await foundBy({ box: "-5,30,5,40" }), ["mine"]);
  assert.deepEqual(await foundBy({ free: true }), ["warmth"]);
  assert.deepEqual(await foundBy({ priceMax: "0.001 EUR" }), ["mine", "moist", "warmth"]);
  assert.deepEqual(await foundBy({ priceMax: "0.0009 EUR" }), ["warmth"]);
  assert.deepEqual(await foundBy({ q: "soil", delivery: "live" }), ["moist"]);
  assert.deepEqual(await foundBy({ provider: "provider", q: "soil" }), ["moist", "warmth"]);
  assert.equal((await foundBy({ q: "soil", limit: 1, offset: 1 })).length, 1);
  await assert.rejects(consumer.http.find({ near: "52,4.5" }), { code: "BODY_INVALID" });
  const [own] = await consumer.http.find("mine");
  const [peers] = await consumer.http.find("moist");
  assert.equal(own?.seenAt, undefined);
  assert.ok(Date.now() - Date.parse(peers?.seenAt ?? "") < 60_000);
});

test("find - what is offered, changed and withdrawn is noticed without being asked", async () => {
  const { provider } = world;
  await provider.http.addProduct(product("later"));
  // Words that others have too, so that the answer comes from the index alone.
  await until("it is crawled", async () => (await foundBy("soil")).includes("later"));
  await provider.http.removeProduct("later");
  await until("it is gone", async () => !(await foundBy("soil")).includes("later"));
});

test("find - a catalogue is read again and again, by participants alone", async () => {
  const { provider } = world;
  const url = `${provider.node.httpUrl}/dsp/2025-1/catalog/request`;
  const refused = await fetch(url, { method: "POST", headers: { "if-none-match": '"x"' } });
  assert.equal(refused.status, 401);
  const seen = async (): Promise<string> =>
    (await world.consumer.http.find("moist"))[0]?.seenAt ?? "";
  const before = await seen();
  await until("it was read again", async () => (await seen()) > before);
  const [peer] = await world.consumer.http.peers();
  assert.deepEqual([peer?.offers, peer?.problem], [2, undefined]);
});

test("find - the index outlives its node, and a lost one is filled again", async () => {
  await world.restart("consumer", { crawlMs: 600_000 });
  assert.deepEqual(await foundBy("moist"), ["moist"]);
  await world.consumer.node.close();
  await rm(join(world.consumer.options.data, "search.db"));
  await world.restart("consumer", { crawlMs: 200 });
  await until("it is filled", async () => (await foundBy("soil")).length === 3);
});

test("find - an offer is agreed to by its id alone", async () => {
  const [offer] = await world.consumer.http.find("warmth");
  const made = await world.consumer.http.agree(offer?.offer ?? "");
  assert.equal(made.provider, world.provider.node.did);
});

test("find - a peer that stopped keeps its offers, with when they were seen and why", async () => {
  const { consumer } = world;
  await world.provider.node.close();
  await until("it is told", async () => (await consumer.http.peers())[0]?.problem !== undefined);
  assert.deepEqual(await foundBy("moist"), ["moist"]);
});

test("find - a peer is removed with its offers, once no agreement with it stands", async () => {
  const { consumer } = world;
  await assert.rejects(consumer.http.removePeer("provider"), { code: "STATE_INVALID" });
  for (const { id } of await consumer.http.agreements()) await consumer.http.revoke(id);
  await consumer.http.removePeer("provider");
  assert.deepEqual(await consumer.http.peers(), []);
  assert.deepEqual(await foundBy("soil"), ["mine"]);
  await assert.rejects(consumer.http.removePeer("provider"), { code: "NOT_FOUND" });
});
