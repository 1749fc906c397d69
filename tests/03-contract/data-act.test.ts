/** A user's right to the data of their Thing, at real nodes: Data Act, Art. 4 and 5. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connectMqtt } from "../../src/client/mqtt.ts";
import type { OfferResource } from "../../src/client/resources.ts";
import type { NodeOptions } from "../../src/node.ts";
import { freePort } from "../free-port.ts";
import { nodeOptions, startTestNode, type TestNode, until } from "../two-nodes.ts";

const names = ["maker", "farmer", "mechanic", "giant"] as const;
type Name = (typeof names)[number];

let folder = "";
const options = {} as Record<Name, NodeOptions>;
const nodes = {} as Record<Name, TestNode>;
const did = (name: Name): string => options[name].did ?? "";
const refused = (code: string, words: RegExp) => (error: Error & { code?: string }) =>
  error.code === code && words.test(error.message);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "comity-data-act-"));
  const ports = new Map<Name, number>();
  for (const name of names) ports.set(name, await freePort());
  const didAt = (name: Name): string => `did:web:localhost%3A${ports.get(name)}`;
  const localPeers = names.map((name) => {
    return { did: didAt(name), url: `http://127.0.0.1:${ports.get(name)}` };
  });
  for (const name of names) {
    options[name] = await nodeOptions(join(folder, name), {
      ...{ name, title: name, localPeers, did: didAt(name), receiptWindowMs: 100 },
      http: { host: "127.0.0.1", port: ports.get(name) ?? 0 },
      gatekeepers: [didAt("giant")],
    });
    nodes[name] = await startTestNode(options[name]);
  }
  const { http } = nodes.maker;
  for (const other of ["farmer", "mechanic", "giant"] as const) {
    await nodes[other].http.addPeer(nodes.maker.node.httpUrl);
  }
  await http.addThing({ name: "pump-1", kind: "pump" });
  await http.addThing({ name: "pump-2", kind: "pump" });
  await http.addProduct({
    ...{ id: "pumps", title: "All pumps", delivery: "logged" },
    topics: ["pump-1/#", "pump-2/#"],
    terms: { price: { amount: "1", currency: "EUR", perMessages: 1 } },
  });
});

after(async () => {
  for (const name of names) await nodes[name].node.close();
  await rm(folder, { recursive: true, force: true });
});

/** What arrives from the maker, by topic and text. */
async function listen(name: Name): Promise<string[]> {
  const { node, token } = nodes[name];
  const client = await connectMqtt({ url: node.mqttUrl, username: "token", password: token });
  const heard: string[] = [];
  await client.subscribe("from/maker/#", {}, ({ topic, payload }) =>
    heard.push(`${topic.split("/").slice(3).join("/")} ${payload.toString()}`),
  );
  after(() => client.end());
  return heard;
}

/** The offer as a buyer finds it; a reading of the catalogue may be under way when it is asked. */
async function found(name: Name, product: string): Promise<OfferResource> {
  let offers: OfferResource[] = [];
  const { http } = nodes[name];
  await until(`${name} finds ${product}`, async () => {
    offers = await http.find({ q: product, fresh: true });
    return offers.some((offer) => offer.product === product);
  });
  return offers.find((offer) => offer.product === product) as OfferResource;
}

const publish = (topic: string, text: string) => nodes.maker.http.publish(topic, text, { qos: 1 });

test("data access - who is not the Thing's user gets a signed refusal, once, that both sides keep", async () => {
  const { http } = nodes.farmer;
  const ask = () => http.requestAccess({ provider: "maker", thing: "pump-1" });
  await assert.rejects(ask, refused("ACCESS_REFUSED", /\(Art\. 4\(1\)\): no Thing pump-1 has/));
  await assert.rejects(ask, refused("ACCESS_REFUSED", /Art\. 4\(1\)/));
  // a Thing that is not there is refused in the same words
  await assert.rejects(
    http.requestAccess({ provider: "maker", thing: "pump-9" }),
    refused("ACCESS_REFUSED", /no Thing pump-9 has/),
  );
  const kept = await http.refusals();
  assert.deepEqual(kept, await nodes.maker.http.refusals());
  assert.deepEqual(
    kept.map(({ record }) => [record.asker, record.by, record.subject]),
    [
      [did("farmer"), did("maker"), "the data of pump-9"],
      [did("farmer"), did("maker"), "the data of pump-1"],
    ],
  );
});

test("data access - the user gets exactly their Thing's stream, free, signed by both, and nobody else sees the offer", async () => {
  const thing = await nodes.maker.http.setThingAccess("pump-1", { user: did("farmer") });
  assert.deepEqual(thing.access, { user: did("farmer") });
  const heard = await listen("farmer");
  const { agreement: id = "" } = await nodes.farmer.http.requestAccess({
    provider: "maker",
    thing: "pump-1",
  });
  const agreement = await nodes.farmer.http.agreement(id);
  assert.equal(agreement.price.amount, "0");
  assert.equal(agreement.delivery, "logged", "as the data holder has it");
  assert.deepEqual(agreement.topics, ["pump-1/#"]);
  assert.equal(agreement.evidence, "two-sided");
  await publish("pump-2/level", "2");
  await publish("pump-1/level", "1");
  await until("the user hears their pump", () => heard.length > 0);
  assert.deepEqual(heard, ["pump-1/level 1"]);

  const [product] = (await nodes.maker.http.products()).filter(({ reservedFor }) => reservedFor);
  assert.equal(product?.reservedFor, did("farmer"));
  const offers = await nodes.mechanic.http.find({ q: "pump", fresh: true });
  assert.deepEqual(
    offers.map((offer) => offer.product),
    ["pumps"],
  );
  const own = await found("farmer", product?.id ?? "");
  await assert.rejects(
    nodes.mechanic.http.agree(own.offer, did("maker")),
    refused("PEER_REFUSED", /There is no dataset thing-pump-1/),
  );
  assert.equal((await nodes.mechanic.http.agreements()).length, 0);
});

test("data access - a third party pays the tariff, hears until the user withdraws it, and not again", async () => {
  const price = { amount: "0.01", currency: "EUR", perMessages: 10 };
  await nodes.maker.http.setThingAccess("pump-1", { user: did("farmer"), price });
  const { http } = nodes.farmer;
  const asked = { provider: "maker", thing: "pump-1", for: did("mechanic") };
  await assert.rejects(
    http.requestAccess({ ...asked, for: did("giant") }),
    refused("ACCESS_REFUSED", /\(Art\. 5\(3\)\): .* gatekeeper/),
  );
  const { offer, agreement: none } = await http.requestAccess(asked);
  assert.equal(none, undefined);
  const heard = await listen("mechanic");
  const agreement = await nodes.mechanic.http.agree(offer, did("maker"));
  assert.deepEqual(agreement.price, price);
  await publish("pump-1/level", "3");
  await until("the third party hears", () => heard.includes("pump-1/level 3"));

  await http.withdrawAccess(asked);
  const sold = await nodes.maker.http.agreement(agreement.id);
  assert.deepEqual([sold.state, sold.ended?.reason], ["ended", "revoked"]);
  await publish("pump-1/level", "4");
  await until("the third party is told", async () => {
    return (await nodes.mechanic.http.agreement(agreement.id)).state === "ended";
  });
  assert.ok(!heard.includes("pump-1/level 4"));
  await assert.rejects(nodes.mechanic.http.agree(offer, did("maker")));
});

test("data access - withheld with a reason, or another's from now on: what stood ends, after a restart too", async () => {
  const active = async () =>
    (await nodes.maker.http.agreements()).filter(({ state }) => state === "active");
  assert.equal((await active()).length, 1);
  await nodes.maker.node.close();
  nodes.maker = await startTestNode(options.maker);
  assert.equal((await active()).length, 1, "the right goes on");
  const withheld = { article: "Art. 4(2)", reason: "its valve could be opened from afar" };
  await nodes.maker.http.setThingAccess("pump-1", { user: did("farmer"), withheld });
  assert.deepEqual(await active(), []);
  const ask = () => nodes.farmer.http.requestAccess({ provider: "maker", thing: "pump-1" });
  await assert.rejects(ask, refused("ACCESS_REFUSED", /Art\. 4\(2\)\): its valve could be opened/));

  await nodes.maker.http.setThingAccess("pump-1", { user: did("farmer") });
  await ask();
  assert.equal((await active()).length, 1);
  await nodes.maker.http.setThingAccess("pump-1", { user: did("mechanic") });
  assert.deepEqual(await active(), []);
  await assert.rejects(ask, refused("ACCESS_REFUSED", /Art\. 4\(1\)/));
});

test("data access - a Thing whose topics another may publish on has no user, since its data cannot be told apart", async () => {
  const { http } = nodes.maker;
  await http.addThing({ name: "gateway", publish: ["pump-2/#"] });
  await assert.rejects(
    http.setThingAccess("pump-2", { user: did("farmer") }),
    refused("THING_INVALID", /gateway may publish on its topics too, by 'pump-2\/#'/),
  );
});

test("data sheet - what the owner says stands in the catalogue, and what was logged is counted", async () => {
  const sheet = {
    ...{ kind: "level of one pump", format: "application/json", messagesPerDay: 1440 },
    ...{
      bytesPerDay: 20_000,
      retentionDays: 30,
      tradeSecrets: false,
      contact: "data@maker.example",
    },
  };
  const product = {
    ...{ id: "levels", title: "Levels", topics: ["levels/#"], delivery: "logged" as const },
    terms: { price: { amount: "0", currency: "EUR", perMessages: 1 } },
  };
  await nodes.maker.http.addProduct({ ...product, sheet });
  assert.deepEqual((await found("mechanic", "levels")).sheet, sheet);
  await publish("levels/1", "12345");
  const shown = await nodes.maker.http.product("levels");
  assert.deepEqual([shown.sheet, shown.measured?.messages], [sheet, 1]);
  assert.ok((shown.measured?.bytes ?? 0) >= 5);
  for (const wrong of [{ format: "JSON" }, { kind: " " }]) {
    await assert.rejects(
      nodes.maker.http.addProduct({ ...product, id: "other", sheet: wrong }),
      refused("PRODUCT_INVALID", /sheet\.(format|kind)/),
    );
  }
});
