/** Prices by class of buyer, between two real nodes and at the protocol: Data Act, Art. 9(4). */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OfferResource } from "../../src/client/resources.ts";
import { runCli } from "../../src/cli/program.ts";
import { systemEntropy } from "../../src/kernel/id.ts";
import { Dataset, dspPath, message } from "../../src/wire/dsp/messages.ts";
import { parseMessage } from "../../src/wire/dsp/parse.ts";
import { twoNodes, type TwoNodes, until } from "../two-nodes.ts";
import { leaveSeat, type Seat, takeSeat } from "./side.ts";
import { openStranger, type Stranger } from "./stranger.ts";

const eur = (amount: string) => ({ amount, currency: "EUR", perMessages: 1 });
const tram = {
  ...{ id: "tram", title: "Tram positions", topics: ["tram/#"], delivery: "logged" as const },
  terms: { price: eur("0.02") },
  tariffs: [
    { class: "sme" as const, price: eur("0.005") },
    { class: "research" as const, price: eur("0") },
  ],
  cost: eur("0.005"),
};

let world: TwoNodes;
let seat: Seat;
let stranger: Stranger;

before(async () => {
  seat = await takeSeat("stranger");
  stranger = await openStranger(seat);
  world = await twoNodes({ crawlMs: 100 });
  await world.restart("provider", {
    localPeers: [...world.provider.options.localPeers, { did: seat.did, url: seat.url }],
    crawlMs: 100,
  });
  await world.provider.http.addProduct(tram);
});

after(async () => {
  await stranger.stop();
  await world.close();
  await leaveSeat(seat);
});

const refused = (code: string, words: RegExp) => (error: Error & { code?: string }) =>
  error.code === code && words.test(error.message);

async function found(product: string): Promise<OfferResource> {
  let offers: OfferResource[] = [];
  await until(`${product} is found`, async () => {
    offers = await world.consumer.http.find({ q: product, fresh: true });
    return offers.some((one) => one.product === product);
  });
  assert.equal(offers.filter((one) => one.product === product).length, 1);
  return offers.find((one) => one.product === product) as OfferResource;
}

const variantOf = ({ variants = [] }: OfferResource, as: string) => {
  const variant = variants.find(({ recipientClass }) => recipientClass === as);
  assert.ok(variant, `no price for ${as}`);
  return variant;
};

const provider = () => world.provider.options.did ?? "";

/** The catalogue as any participant reads it. */
async function datasetOf(product: string): Promise<Record<string, unknown>> {
  const to = { did: provider(), url: world.provider.node.httpUrl };
  const { status, body } = await stranger.call(to, `${dspPath}/catalog/datasets/${product}`);
  assert.equal(status, 200);
  return body;
}

/** A request as its sender writes it: with this offer, and this in our member `comity`. */
async function ask(product: string, offer: string, attested?: object) {
  const to = { did: provider(), url: world.provider.node.httpUrl };
  const { hasPolicy } = parseMessage(Dataset, await datasetOf(product));
  const policy = hasPolicy.find((one) => one["@id"] === offer) ?? { "@id": offer };
  const request = message("ContractRequestMessage", {
    consumerPid: `urn:uuid:${systemEntropy.uuid()}`,
    offer: { ...policy, "@type": "Offer", target: product },
    callbackAddress: stranger.callbackAddress,
    comity: { version: 1, ...(attested && { attested }) },
  });
  return stranger.call(to, `${dspPath}/negotiations/request`, request);
}

test("tariffs - each class is an offer of the same dataset; found is everybody's, with the others beside it", async () => {
  const offer = await found("tram");
  assert.equal(offer.price.amount, "0.02");
  assert.deepEqual(offer.cost, eur("0.005"));
  assert.deepEqual(
    (offer.variants ?? []).map(({ recipientClass, price }) => [recipientClass, price.amount]),
    [
      ["sme", "0.005"],
      ["research", "0"],
    ],
  );
  const sme = variantOf(offer, "sme");
  assert.match(sme.plain, /only as a small or medium-sized enterprise, which you state to be/);
  assert.deepEqual(
    sme.promises.filter(({ kind }) => kind === "attested").map(({ text }) => text),
    ["Only for small and medium-sized enterprises, which the recipient states to be."],
  );
  const { hasPolicy } = parseMessage(Dataset, await datasetOf("tram"));
  assert.deepEqual(
    hasPolicy.map((one) => one["@id"]),
    [offer.offer, sme.offer, variantOf(offer, "research").offer],
  );
});

test("tariffs - what is asked of a price is asked of everybody's, unless a class is named", async () => {
  await found("tram");
  const prices = async (query: object) =>
    (await world.consumer.http.find({ q: "tram", ...query })).map(({ product }) => product);
  assert.deepEqual(await prices({ priceMax: "0.02 EUR" }), ["tram"]);
  assert.deepEqual(await prices({ priceMax: "0.019 EUR" }), []);
  assert.deepEqual(await prices({ priceMax: "0.005 EUR", as: "sme" }), ["tram"]);
  assert.deepEqual(await prices({ priceMax: "0.0049 EUR", as: "sme" }), []);
  assert.deepEqual(await prices({ free: true }), []);
  assert.deepEqual(await prices({ free: true, as: "sme" }), []);
  assert.deepEqual(await prices({ free: true, as: "research" }), ["tram"]);
  assert.deepEqual(await prices({ priceMax: "0.02 EUR", as: "public" }), ["tram"], "everybody's");
});

test("tariffs - who states nothing pays everybody's price, and nobody has another's by its id", async () => {
  const offer = await found("tram");
  const { http } = world.consumer;
  const standard = await http.agree(offer.offer, provider());
  assert.equal(standard.price.amount, "0.02");
  const detail = await http.agreement(standard.id);
  assert.equal(detail.attested, undefined);
  const sme = variantOf(offer, "sme").offer;
  const before = (await http.agreements()).length;
  await assert.rejects(
    http.agree(sme, provider()),
    refused("ATTESTATION_NEEDED", /small and medium-sized enterprises \("sme"\), and nobody/),
  );
  await assert.rejects(
    http.agree(sme, provider(), undefined, { as: "research" }),
    refused("ATTESTATION_NEEDED", /and "research" was stated/),
  );
  await assert.rejects(
    http.agree(offer.offer, provider(), undefined, { as: "public" }),
    refused("ATTESTATION_NEEDED", /has no price for public sector bodies/),
  );
  await assert.rejects(
    http.agree(offer.offer, provider(), undefined, { as: "bank" as "sme" }),
    refused("BODY_INVALID", /as/),
  );
  assert.equal((await http.agreements()).length, before);
});

test("tariffs - what is stated is in the agreement both signed, and shown on both sides", async () => {
  const offer = await found("tram");
  const { http } = world.consumer;
  // by the product's offer, and by the class's own
  for (const id of [offer.offer, variantOf(offer, "sme").offer]) {
    const { id: agreement } = await http.agree(id, undefined, undefined, { as: "sme" });
    const both = [await http.agreement(agreement), await world.provider.http.agreement(agreement)];
    for (const side of both) {
      assert.equal(side.price.amount, "0.005");
      assert.equal(side.evidence, "two-sided");
      assert.deepEqual(side.attested, { recipientClass: "sme" });
      assert.match(side.plain, /only as a small or medium-sized enterprise/);
      const { payload } = side.jws as { payload: string };
      const signed = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as {
        comity: { attested: unknown };
        permission: { constraint: unknown }[];
      };
      assert.deepEqual(signed.comity.attested, { recipientClass: "sme" });
      assert.deepEqual(signed.permission[0]?.constraint, [
        { leftOperand: "comity:recipientClass", operator: "eq", rightOperand: "sme" },
      ]);
    }
    assert.equal(both[0]?.policyHash, both[1]?.policyHash);
  }
});

test("tariffs - a class that pays nothing beside one that pays has a free agreement, and its formats", async () => {
  const offer = await found("tram");
  const { http } = world.consumer;
  const { distribution } = (await datasetOf("tram")) as { distribution: { format: string }[] };
  assert.ok(distribution.some(({ format }) => format === "HttpData-PULL"));
  const free = await http.agree(offer.offer, undefined, undefined, { as: "research" });
  assert.deepEqual(free.price, eur("0"));
  const { pid } = await http.transfers.request(free.id, "HttpData-PULL");
  await until("the free one is handed over", async () => {
    return (await http.transfers.get(pid)).state === "STARTED";
  });
  const paid = await http.agree(offer.offer, undefined, undefined, { as: "sme" });
  const other = await http.transfers.request(paid.id, "HttpData-PULL");
  await until("the paid one is not", async () => {
    return (await http.transfers.get(other.pid)).state === "TERMINATED";
  });
});

test("tariffs - the provider itself refuses who states nothing, another class, or a class nobody asked for", async () => {
  const offer = await found("tram");
  const sme = variantOf(offer, "sme").offer;
  for (const [id, attested, words] of [
    [sme, undefined, /nobody stated to be one/],
    [sme, { recipientClass: "research" }, /"research" was stated/],
    [offer.offer, { recipientClass: "sme" }, /is for everybody, and a class was stated/],
  ] as const) {
    const { status, body } = await ask("tram", id, attested);
    assert.equal(status, 400, id);
    assert.equal(body["code"], "ATTESTATION_NEEDED");
    assert.match(String(body["reason"]), words);
  }
  const unknown = await ask("tram", sme, { recipientClass: "bank" });
  assert.deepEqual([unknown.status, unknown.body["code"]], [400, "BODY_INVALID"]);
  // other terms under the class's own id
  const { hasPolicy } = parseMessage(Dataset, await datasetOf("tram"));
  const [standard] = hasPolicy;
  const request = message("ContractRequestMessage", {
    consumerPid: `urn:uuid:${systemEntropy.uuid()}`,
    offer: { ...standard, "@id": sme, "@type": "Offer", target: "tram" },
    callbackAddress: stranger.callbackAddress,
    comity: { version: 1 },
  });
  const to = { did: provider(), url: world.provider.node.httpUrl };
  const moved = await stranger.call(to, `${dspPath}/negotiations/request`, request);
  assert.deepEqual([moved.status, moved.body["code"]], [400, "POLICY_CHANGED"]);
  assert.equal((await ask("tram", sme, { recipientClass: "sme" })).status, 201);
});

test("tariffs - the agreement's id covers the price: one that changed in between is not agreed to", async () => {
  const tariffs = [{ class: "sme" as const, price: eur("0.001") }];
  const bus = { ...tram, id: "bus", title: "Bus", topics: ["bus/#"], tariffs };
  await world.provider.http.addProduct(bus);
  const seen = await found("bus");
  const old = variantOf(seen, "sme").offer;
  await world.provider.http.removeProduct("bus");
  await world.provider.http.addProduct({
    ...bus,
    tariffs: [{ class: "sme", price: eur("0.004") }],
  });
  const { http } = world.consumer;
  await assert.rejects(
    http.agree(old, provider(), undefined, { as: "sme" }),
    refused("NOT_FOUND", /no offer bus:/),
  );
  const { status } = await ask("bus", old, { recipientClass: "sme" });
  assert.equal(status, 400);
  // everybody's did not change, and the class's new price is had by it
  const made = await http.agree(seen.offer, provider(), undefined, { as: "sme" });
  assert.equal(made.price.amount, "0.004");
  await until("the catalogue is read again", async () => {
    const [now] = await http.find({ q: "bus", fresh: true });
    return now !== undefined && variantOf(now, "sme").offer !== old;
  });
});

test("tariffs - a limit on what is spent weighs the price of the class", async () => {
  const offer = await found("tram");
  const { http } = world.consumer;
  const made = await http.agree(offer.offer, undefined, "0.01", { as: "sme" });
  const device = await world.mqtt("provider");
  for (let n = 0; n < 5; n++) await device.publish("tram/1", `{"n":${n}}`, { qos: 1 });
  await until("it ends before it costs more", async () => {
    return (await http.agreement(made.id)).state === "ended";
  });
  const usage = (await http.usage()).find((one) => one.agreement === made.id);
  // met exactly or under; at everybody's price not one message would be afforded
  assert.ok(["0.005", "0.01"].includes(usage?.amount ?? ""), `it cost ${usage?.amount}`);
});

test("tariffs - a want that states its class agrees at that class's price, and at everybody's where there is none", async () => {
  const { consumer } = world;
  const want = (q: string, as?: "sme" | "public") =>
    consumer.http.addWant({
      ...{ q, auto: true, priceMax: "0.005 EUR" },
      spendMax: { amount: "1", currency: "EUR" },
      ...(as && { as }),
    });
  const { id: sme } = await want("ferry", "sme");
  const { id: none } = await want("ferry");
  const { id: body } = await want("canal", "public");
  const ferry = { ...tram, id: "ferry", title: "Ferry", topics: ["ferry/#"] };
  await world.provider.http.addProduct(ferry);
  await world.provider.http.addProduct({
    ...{ ...tram, id: "canal", title: "Canal", topics: ["canal/#"] },
    terms: { price: eur("0.004") },
  });
  const matchOf = async (id: string) =>
    (await consumer.http.wants()).find((one) => one.id === id)?.matches[0];
  await until("both agree", async () => {
    const states = await Promise.all([matchOf(sme), matchOf(body)]);
    return states.every((one) => one?.state === "agreed");
  });
  const [first, second] = await Promise.all([matchOf(sme), matchOf(body)]);
  const made = await Promise.all(
    [first, second].map((one) => consumer.http.agreement(one?.agreement ?? "")),
  );
  assert.deepEqual(
    made.map(({ price, attested }) => [price.amount, attested]),
    [
      ["0.005", { recipientClass: "sme" }],
      ["0.004", undefined],
    ],
  );
  assert.equal(await matchOf(none), undefined, "too dear for everybody");
});

test("tariffs - a person who accepts a class's offer states it then, and not otherwise", async () => {
  const [seller, buyer] = [world.provider.http, world.consumer.http];
  await seller.addProduct({ ...tram, id: "barge", topics: ["barge/#"], approval: "manual" });
  const seen = await found("barge");
  const asked = await buyer.negotiations.request({ provider: provider(), offer: seen.offer });
  const theirs = async () =>
    (await seller.negotiations.list()).find(({ product, state }) => {
      return product === "barge" && state === "REQUESTED";
    });
  await until("it is asked for", async () => (await theirs()) !== undefined);
  const { hasPolicy } = parseMessage(Dataset, await datasetOf("barge"));
  const sme = hasPolicy.find((one) => one["@id"] === variantOf(seen, "sme").offer);
  await seller.negotiations.act((await theirs())?.pid ?? "", "offer", { offer: sme ?? {} });
  const mine = () => buyer.negotiations.get(asked.pid);
  await until("it is offered", async () => (await mine()).state === "OFFERED");
  for (const said of [{}, { as: "research" as const }]) {
    await assert.rejects(
      buyer.negotiations.act(asked.pid, "accept", said),
      refused("ATTESTATION_NEEDED", /small and medium-sized/),
    );
  }
  const { token, node } = world.consumer;
  const stderr = { write: (text: string) => assert.fail(text) };
  const stdout = { write: () => true };
  const flags = ["--url", node.httpUrl, "--token", token];
  const args = [...flags, "negotiation", "accept", asked.pid, "--as", "sme"];
  const signal = AbortSignal.timeout(10_000);
  assert.equal(await runCli(args, { stdout, stderr, env: {}, signal }), 0);
  await until("it stands", async () => (await mine()).state === "FINALIZED");
  const made = await buyer.agreement((await mine()).agreement ?? "");
  assert.deepEqual([made.price, made.attested], [eur("0.005"), { recipientClass: "sme" }]);
});

test("tariffs - a free product without any stays one plain offer, as every connector reads it", async () => {
  await world.provider.http.addProduct({
    ...{ id: "plain", title: "Plain", topics: ["plain/#"], terms: { price: eur("0") } },
  });
  const { hasPolicy } = (await datasetOf("plain")) as { hasPolicy: object[] };
  assert.deepEqual(
    hasPolicy.map((one) => ({ ...one, "@id": "" })),
    [{ "@type": "Offer", "@id": "", permission: [{ action: "use" }] }],
  );
});

test("tariffs - classes and prices that cannot be are refused by name", async () => {
  const { http } = world.provider;
  const add = (more: object) => http.addProduct({ ...tram, id: "wrong", ...more });
  const twice = [tram.tariffs[0], tram.tariffs[0]];
  const dollars = { amount: "1", currency: "USD", perMessages: 1 };
  await assert.rejects(add({ tariffs: twice }), refused("PRODUCT_INVALID", /"sme" twice/));
  await assert.rejects(
    add({ tariffs: [{ class: "sme", price: dollars }] }),
    refused("PRODUCT_INVALID", /sme: is in USD, and the price in EUR/),
  );
  await assert.rejects(add({ cost: dollars }), refused("PRODUCT_INVALID", /cost: is in USD/));
  await assert.rejects(
    add({ tariffs: [{ class: "bank", price: eur("1") }] }),
    refused("BODY_INVALID", /tariffs/),
  );
  const constraint = { leftOperand: "comity:recipientClass", operator: "eq", rightOperand: "sme" };
  await assert.rejects(
    add({ policy: { permission: [{ action: "use", constraint: [constraint] }] } }),
    refused("PRODUCT_INVALID", /say it as tariffs/),
  );
});

test("tariffs - they outlive a restart, offers and agreements alike", async () => {
  const before = await found("tram");
  await world.restart("provider");
  const again = await found("tram");
  assert.deepEqual(again.variants, before.variants);
});
