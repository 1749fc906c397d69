import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { dspPath } from "../../src/wire/dsp/messages.ts";
import { assertFits, schemasMissing } from "../03-contract/dsp-schemas.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const buses = {
  ...{ sector: "transport", title: "Buses of the region" },
  messages: {
    Bus: {
      title: "A bus",
      source: "https://example.org/bus",
      required: ["id"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        driver: { type: "string" },
        speed: { type: "number", unit: "km/h", minimum: 0, maximum: 120 },
      },
    },
  },
};
const free = { amount: "0", currency: "EUR", perMessages: 1 };
const product = {
  ...{ id: "buses", title: "Buses", topics: ["bus/#"], sector: "transport" },
  ...{ delivery: "logged" as const, conformsTo: "transport", terms: { price: free } },
};

/** A bus company that publishes what its messages look like, and a buyer. */
async function marked(t: TestContext): Promise<TwoNodes> {
  const both = await twoNodes({ markEveryMs: 1, crawlMs: 0 });
  t.after(() => both.close());
  await both.provider.http.commissions.publish(buses);
  return both;
}

const text = (value: object) => JSON.stringify({ type: "Bus", ...value });

test("marks - a buyer that recognises the vocabulary finds what holds to it, and that alone", async (t) => {
  const both = await marked(t);
  const { provider, consumer } = both;
  const company = await both.mqtt("provider");
  await provider.http.addProduct(product);
  await provider.http.addProduct({ ...product, id: "plain", title: "Plain" });
  const { conformsTo: _mark, ...unmarked } = product;
  await provider.http.addProduct({ ...unmarked, id: "none" });
  await assert.rejects(consumer.http.find({ mark: "transport" }), { code: "NOT_FOUND" });
  await consumer.http.commissions.recognise(provider.node.did, "transport");
  // never checked: the mark says so, and does not count
  const markOf = async (query: object) => {
    const found = await consumer.http.find({ q: "buses", ...query });
    return found.find((offer) => offer.product === "buses")?.mark;
  };
  assert.equal((await markOf({ fresh: true }))?.state, "unchecked");
  assert.deepEqual(await consumer.http.find({ mark: "transport", fresh: true }), []);

  await company.publish("bus/7", text({ id: "7", speed: 50 }), { qos: 1 });
  await until("the mark holds", async () => {
    const found = await consumer.http.find({ mark: "transport", fresh: true });
    return found.length === 2;
  });
  const mark = await markOf({ mark: "transport" });
  assert.equal(mark?.recognised, true);
  assert.equal(mark?.issuer, provider.node.did);
  assert.deepEqual(
    [mark?.sector, mark?.version, mark?.state],
    ["transport", "1.0.0", "conforming"],
  );
  const { hash } = await provider.http.commissions.get("transport");
  assert.equal(mark?.hash, hash);

  // one that drifts loses it at once, and says in what
  await company.publish("bus/7", text({ id: "7", speed: 300 }), { qos: 1 });
  await until("the mark is lost", async () => {
    return (await consumer.http.find({ mark: "transport", fresh: true })).length === 0;
  });
  const lost = await markOf({});
  assert.equal(lost?.state, "departing");
  assert.deepEqual(lost?.departures, [{ text: "Bus.speed is above 120", count: 1 }]);
  const own = await provider.http.product("buses");
  assert.equal(own.mark?.state, "departing");
});

test("marks - what both signed is what the buyer holds the messages against", async (t) => {
  const both = await marked(t);
  const { provider, consumer } = both;
  const company = await both.mqtt("provider");
  const { id } = await both.share(product);
  const { hash } = await provider.http.commissions.get("transport");
  const signed = await consumer.http.agreement(id);
  assert.equal(signed.conformsTo, hash);
  assert.equal(signed.mark, undefined); // nobody here knows that document yet
  await consumer.http.commissions.recognise(provider.node.httpUrl, "transport");
  const markOf = async () => (await consumer.http.agreement(id)).mark;
  assert.equal((await markOf())?.state, "unchecked");
  await company.publish("bus/7", text({ id: "7" }), { qos: 1 });
  await until("one is looked at", async () => (await markOf())?.state === "conforming");
  await company.publish("bus/7", text({ speed: 1 }), { qos: 1 });
  await until("a departure is told", async () => (await markOf())?.state === "departing");
  assert.deepEqual((await markOf())?.departures, [{ text: "Bus.id is missing", count: 1 }]);
  // a later version changes nothing of what was promised
  const members = { ...buses.messages.Bus.members, line: { type: "string" } };
  const wider = { ...buses, messages: { Bus: { ...buses.messages.Bus, members } } };
  await provider.http.commissions.publish(wider);
  await consumer.http.commissions.check();
  await consumer.http.commissions.update("transport");
  assert.equal((await markOf())?.hash, hash);
});

test("marks - a product is looked at as its offer lets it through", async (t) => {
  const both = await marked(t);
  const company = await both.mqtt("provider");
  const { http } = both.provider;
  await http.addProduct({ ...product, terms: { price: free, drop: ["id"] } });
  await http.addProduct({ ...product, id: "rest", terms: { price: free, drop: ["driver"] } });
  await company.publish("bus/7", text({ id: "7", driver: "me" }), { qos: 1 });
  const stateOf = async (id: string) => (await http.product(id)).mark?.state;
  await until("what is left lacks its id", async () => (await stateOf("buses")) === "departing");
  await until("what is left conforms", async () => (await stateOf("rest")) === "conforming");
});

test("marks - a product names a vocabulary of its sector that counts here, or none", async (t) => {
  const { http } = (await marked(t)).provider;
  await assert.rejects(http.addProduct({ ...product, conformsTo: "health" }), {
    code: "NOT_FOUND",
  });
  await assert.rejects(http.addProduct({ ...product, sector: "energy" }), {
    code: "PRODUCT_INVALID",
    message: /conformsTo is of the sector transport, the product of energy/,
  });
});

test(
  "marks - the catalogue names the vocabulary as DCAT does",
  { skip: schemasMissing },
  async (t) => {
    const { provider, consumer } = await marked(t);
    await provider.http.addProduct(product);
    const { data, did = "" } = consumer.options;
    const signer = await openEmbeddedSigner({ dir: data, did, clock: systemClock });
    const url = `${provider.node.httpUrl}${dspPath}/catalog/datasets/buses`;
    const token = await signer.token(provider.node.did, 60);
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    const dataset = (await answer.json()) as Record<string, unknown>;
    assertFits("catalog/dataset", dataset);
    const path = `${provider.node.did}/commissions/transport/1.0.0`;
    assert.deepEqual(dataset["dct:conformsTo"], { "@id": path });
  },
);
