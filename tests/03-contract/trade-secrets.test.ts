/** Members that are trade secrets, between two real nodes: Data Act, Art. 4(6)–(7), 5(9)–(10). */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AgreementResource, NewProduct, OfferResource } from "../../src/client/resources.ts";
import { systemEntropy } from "../../src/kernel/id.ts";
import { Dataset, dspPath, message } from "../../src/wire/dsp/messages.ts";
import { parseMessage } from "../../src/wire/dsp/parse.ts";
import { twoNodes, type TwoNodes, until } from "../two-nodes.ts";
import { leaveSeat, type Seat, takeSeat } from "./side.ts";
import { openStranger, type Stranger } from "./stranger.ts";

const free = { amount: "0", currency: "EUR", perMessages: 1 };
const eur = (amount: string) => ({ amount, currency: "EUR", perMessages: 1 });
const measures = ["nda", "restricted-access"];
const press = {
  ...{ id: "press", title: "Press", topics: ["press/#"], delivery: "logged" as const },
  terms: { price: free },
  tradeSecrets: { fields: ["force", "recipe.heat"], measures },
};
const sent = { at: 1, force: 812, recipe: { heat: 220, name: "A" } };
const open = { at: 1, recipe: { name: "A" } };

let world: TwoNodes;
let seat: Seat;
let stranger: Stranger;

before(async () => {
  seat = await takeSeat("stranger");
  stranger = await openStranger(seat);
  world = await twoNodes({ crawlMs: 100 });
  const { localPeers } = world.provider.options;
  const known = [...localPeers, { did: seat.did, url: seat.url }];
  await world.restart("provider", { localPeers: known, crawlMs: 100 });
  await world.provider.http.addProduct(press);
});

after(async () => {
  await stranger.stop();
  await world.close();
  await leaveSeat(seat);
});

const refused = (code: string, words: RegExp) => (error: Error & { code?: string }) =>
  error.code === code && words.test(error.message);
const did = (side: "provider" | "consumer") => world[side].options.did ?? "";
const agree = (offer: string, names?: readonly string[]): Promise<AgreementResource> =>
  world.consumer.http.agree(offer, did("provider"), undefined, names ? { measures: names } : {});

async function found(product: string): Promise<OfferResource> {
  let offer: OfferResource | undefined;
  await until(`${product} is found`, async () => {
    const offers = await world.consumer.http.find({ q: product, fresh: true });
    offer = offers.find((one) => one.product === product);
    return offer !== undefined;
  });
  return offer as OfferResource;
}

const secretOffer = ({ variants = [] }: OfferResource): string => {
  const variant = variants.find((one) => one.measures !== undefined);
  assert.ok(variant, "no offer with measures");
  return variant.offer;
};

/** What arrives at the consumer while `text` is published under the topic. */
async function received(topic: string, value: unknown, product: string): Promise<unknown[]> {
  const heard: unknown[] = [];
  const app = await world.mqtt("consumer");
  const filter = `from/provider/${product}/#`;
  await app.subscribe(filter, {}, ({ payload }) => heard.push(JSON.parse(payload.toString())));
  await world.provider.http.publish(topic, JSON.stringify(value), { qos: 1 });
  // what is delivered is ordered: with the marker everything before it has come
  await world.provider.http.publish(topic, JSON.stringify({ marker: topic }), { qos: 1 });
  await until("the marker", () => heard.some((one) => (one as { marker?: string }).marker));
  await app.unsubscribe(filter);
  return heard.filter((one) => !(one as { marker?: string }).marker);
}

async function dataset(product: string) {
  const to = { did: did("provider"), url: world.provider.node.httpUrl };
  const { body } = await stranger.call(to, `${dspPath}/catalog/datasets/${product}`);
  return parseMessage(Dataset, body);
}

async function ask(product: string, offer: object, attested?: object) {
  const to = { did: did("provider"), url: world.provider.node.httpUrl };
  const request = message("ContractRequestMessage", {
    consumerPid: `urn:uuid:${systemEntropy.uuid()}`,
    offer: { "@type": "Offer", target: product, ...offer },
    callbackAddress: stranger.callbackAddress,
    comity: { version: 1, ...(attested && { attested }) },
  });
  return stranger.call(to, `${dspPath}/negotiations/request`, request);
}

test("trade secrets - the catalogue says that there are some, which, and what lets them out", async () => {
  const offer = await found("press");
  assert.equal(offer.sheet?.tradeSecrets, true);
  assert.deepEqual(offer.tradeSecrets, press.tradeSecrets);
  assert.match(offer.plain, /The fields force and recipe\.heat are left out\.$/);
  const [variant, ...more] = offer.variants ?? [];
  assert.deepEqual([variant?.measures, more], [measures, []]);
  assert.match(variant?.plain ?? "", /by these measures: nda and restricted-access\.$/);
  assert.doesNotMatch(variant?.plain ?? "", /left out/);
  assert.equal(variant?.promises.at(-1)?.kind, "attested");
});

test("trade secrets - without measures they are left out of every message, with all of them let through", async () => {
  const offer = await found("press");
  const plain = await agree(offer.offer);
  assert.deepEqual(await received("press/1", sent, "press"), [open]);
  await world.consumer.http.revoke(plain.id);
  const { id } = await agree(offer.offer, measures);
  assert.deepEqual(await received("press/1", sent, "press"), [sent]);
  for (const side of ["consumer", "provider"] as const) {
    const kept = await world[side].http.agreement(id);
    assert.equal(kept.evidence, "two-sided");
    assert.deepEqual(kept.attested, { measures });
    const { payload } = kept.jws as { payload: string };
    const text = Buffer.from(payload, "base64url").toString("utf8");
    const signed = JSON.parse(text) as { comity: { attested: object }; obligation: unknown };
    assert.deepEqual(signed.comity.attested, { measures });
    assert.deepEqual(signed.obligation, [
      {
        action: "comity:protect",
        constraint: [
          { leftOperand: "comity:measures", operator: "isAllOf", rightOperand: measures },
        ],
      },
    ]);
  }
  await world.consumer.http.revoke(id);
});

test("trade secrets - one measure short is refused by a signed record that both sides keep; one more does no harm", async () => {
  const offer = await found("press");
  const before = (await world.consumer.http.agreements()).length;
  for (const id of [offer.offer, secretOffer(offer)]) {
    await assert.rejects(
      agree(id, ["nda"]),
      refused("NEGOTIATION_ENDED", /Trade secrets are not let out: .*restricted-access/),
    );
  }
  await assert.rejects(agree(secretOffer(offer)), refused("TRADE_SECRETS", /nda, restricted/));
  assert.equal((await world.consumer.http.agreements()).length, before);
  const [record, ...more] = await world.consumer.http.refusals();
  assert.deepEqual(await world.provider.http.refusals(), [record]);
  assert.deepEqual(more, []);
  const { asker, by, subject, article, reason } = record?.record ?? {};
  assert.deepEqual(
    [asker, by, subject, article],
    [
      did("consumer"),
      did("provider"),
      "the trade secrets force, recipe.heat in press",
      "Art. 5(10)",
    ],
  );
  assert.match(reason ?? "", /measures that are not attested: restricted-access$/);

  const named = ["clean-room", ...measures];
  const made = await agree(offer.offer, named);
  const [here, there] = [
    await world.consumer.http.agreement(made.id),
    await world.provider.http.agreement(made.id),
  ];
  assert.deepEqual([here.attested, there.attested], [{ measures: named }, { measures: named }]);
  await world.consumer.http.revoke(made.id);
});

test("trade secrets - where there are none no measures are taken, and those that are none are refused", async () => {
  const { http } = world.provider;
  await http.addProduct({ id: "door", title: "Door", topics: ["door/#"], terms: { price: free } });
  const { offer } = await found("door");
  await assert.rejects(
    agree(offer, ["nda"]),
    refused("ATTESTATION_NEEDED", /has no trade secrets/),
  );
  const pressed = (await found("press")).offer;
  await assert.rejects(agree(pressed, ["N D A"]), refused("BODY_INVALID", /measure "N D A"/));
  await assert.rejects(agree(pressed, ["nda", "nda"]), refused("BODY_INVALID", /"nda" twice/));
});

test("trade secrets - the provider itself refuses, whatever a caller's node lets pass", async () => {
  const { hasPolicy } = await dataset("press");
  const [plain, whole] = hasPolicy;
  for (const attested of [undefined, { measures: ["nda"] }]) {
    const { status, body } = await ask("press", whole ?? {}, attested);
    assert.deepEqual([status, body["code"]], [400, "TRADE_SECRETS"]);
  }
  // the whole of it under the name of what leaves the secrets out, and without the duty
  const { obligation: _, ...undutiful } = whole as Record<string, unknown>;
  for (const id of [plain?.["@id"], whole?.["@id"]]) {
    const { status, body } = await ask("press", { ...undutiful, "@id": id }, { measures });
    assert.deepEqual([status, body["code"]], [400, "TRADE_SECRETS"]);
  }
  const other = await ask("press", plain ?? {}, { measures });
  assert.deepEqual([other.status, other.body["code"]], [400, "ATTESTATION_NEEDED"]);
  assert.equal((await ask("press", whole ?? {}, { measures })).status, 201);
  const given = await world.provider.http.refusals();
  assert.ok(
    given.some(({ record }) => record.asker === seat.did && record.article === "Art. 5(10)"),
  );
  // and nobody reads what was refused to another
  const to = { did: did("provider"), url: world.provider.node.httpUrl };
  const { body } = await stranger.call(to, "/comity/v1/refusals");
  const own = body["refusals"] as { payload: string }[];
  const askers = own.map(({ payload }) => {
    const text = Buffer.from(payload, "base64url").toString("utf8");
    return (JSON.parse(text) as { asker: string }).asker;
  });
  assert.ok(own.length > 0 && askers.every((one) => one === seat.did));
});

test("trade secrets - no person gives them away by mistake, in an offer or an answer", async () => {
  const { http } = world.provider;
  const to = did("consumer");
  await assert.rejects(
    http.negotiations.propose("press", { consumer: to, terms: { drop: ["at"] } }),
    refused("TRADE_SECRETS", /would show force, recipe\.heat/),
  );
  await assert.rejects(
    http.negotiations.propose("press", { consumer: to, terms: { drop: ["force", "at"] } }),
    refused("TRADE_SECRETS", /would show recipe\.heat/),
  );
  const kept = await http.negotiations.propose("press", {
    consumer: to,
    terms: { drop: ["force", "recipe.heat", "recipe", "at"] },
  });
  assert.equal(kept.state, "OFFERED");
  await http.negotiations.act(kept.pid, "terminate");
  // asked for by hand where a person decides
  await http.addProduct({ ...press, id: "slow", topics: ["slow/#"], approval: "manual" });
  const { hasPolicy } = await dataset("slow");
  const { obligation: _, ...undutiful } = hasPolicy[1] as Record<string, unknown>;
  const { status, body } = await ask("slow", undutiful, { measures });
  assert.deepEqual([status, body["code"]], [400, "TRADE_SECRETS"]);
});

test("trade secrets - measures that grew in between are not agreed to under the old ones", async () => {
  const { http } = world.provider;
  const oven = { ...press, id: "oven", title: "Oven", topics: ["oven/#"] };
  await http.addProduct(oven);
  const seen = await found("oven");
  const old = secretOffer(seen);
  await http.removeProduct("oven");
  await http.addProduct({
    ...oven,
    tradeSecrets: { ...oven.tradeSecrets, measures: [...measures, "audit"] },
  });
  await assert.rejects(agree(old, measures), refused("NOT_FOUND", /no offer oven:/));
  await assert.rejects(
    agree(seen.offer, measures),
    refused("NEGOTIATION_ENDED", /attested: audit/),
  );
  const made = await agree(seen.offer, [...measures, "audit"]);
  assert.equal(made.state, "active");
  await world.consumer.http.revoke(made.id);
});

test("trade secrets - a class's price and the measures are stated together", async () => {
  const { http } = world.provider;
  await http.addProduct({
    ...{ ...press, id: "mill", title: "Mill", topics: ["mill/#"] },
    terms: { price: eur("0.02") },
    tariffs: [{ class: "sme", price: eur("0.01") }],
  });
  const { offer, variants = [] } = await found("mill");
  assert.equal(variants.length, 3);
  const stated = { as: "sme" as const, measures };
  const both = await world.consumer.http.agree(offer, did("provider"), undefined, stated);
  const { attested, price, plain } = await world.consumer.http.agreement(both.id);
  assert.deepEqual([attested, price], [{ recipientClass: "sme", measures }, eur("0.01")]);
  assert.doesNotMatch(plain, /left out/);
  const one = { as: "sme" as const };
  const open = await world.consumer.http.agree(offer, did("provider"), undefined, one);
  assert.match((await world.consumer.http.agreement(open.id)).plain, /force and recipe\.heat are/);
});

test("data access - the user gets the data without secrets, and with them once the measures are attested", async () => {
  const { http } = world.provider;
  await http.addThing({ name: "press", kind: "press", publish: ["press/#"] });
  await http.setThingAccess("press", { user: did("consumer") });
  const request = (names?: readonly string[]) =>
    world.consumer.http.requestAccess({
      ...{ provider: "provider", thing: "press" },
      ...(names && { measures: names }),
    });
  const first = await request();
  assert.deepEqual(first.tradeSecrets, press.tradeSecrets, "as they are tagged where it is sold");
  const { product } = await world.consumer.http.agreement(first.agreement ?? "");
  assert.deepEqual(await received("press/1", sent, product), [open]);

  await assert.rejects(
    request(["nda"]),
    refused(
      "ACCESS_REFUSED",
      /\(Art\. 4\(7\)\): measures that keep them are not attested: restricted-access/,
    ),
  );
  const [record] = await world.consumer.http.refusals();
  assert.equal(record?.record.subject, "the trade secrets force, recipe.heat in the data of press");
  assert.ok((await http.refusals()).some((one) => one.record.id === record?.record.id));

  const second = await request(measures);
  const agreement = await http.agreement(second.agreement ?? "");
  assert.deepEqual(agreement.attested, { measures });
  const firstState = async () => (await http.agreement(first.agreement ?? "")).state;
  await until("the first gives way", async () => (await firstState()) === "ended");
  assert.deepEqual(await received("press/1", sent, product), [sent]);
  await assert.rejects(
    world.consumer.http.requestAccess({
      ...{ provider: "provider", thing: "press", for: seat.did, measures },
    }),
    refused("BODY_INVALID", /attests its measures itself/),
  );
});

test("data access - what is tagged at the Thing counts without any product, and what is tagged later from then on", async () => {
  const { http } = world.provider;
  await http.addThing({ name: "lathe", kind: "lathe" });
  await http.setThingAccess("lathe", { user: did("consumer") });
  const request = () => world.consumer.http.requestAccess({ provider: "provider", thing: "lathe" });
  const before = await request();
  assert.equal(before.tradeSecrets, undefined);
  await world.consumer.http.revoke(before.agreement ?? "");
  const tradeSecrets = { fields: ["feed"], measures: ["nda"] };
  await http.setThingAccess("lathe", { user: did("consumer"), tradeSecrets });
  const after = await request();
  assert.deepEqual(after.tradeSecrets, tradeSecrets);
  const { plain } = await world.consumer.http.agreement(after.agreement ?? "");
  assert.match(plain, /The field feed is left out/);
  await world.consumer.http.revoke(after.agreement ?? "");
  await http.addProduct({
    ...{ id: "lathes", title: "Lathes", topics: ["lathe/#"], terms: { price: free } },
    tradeSecrets: { fields: ["tool"], measures: ["audit"] },
  });
  const both = { fields: ["feed", "tool"], measures: ["audit", "nda"] };
  assert.deepEqual((await request()).tradeSecrets, both);
  await assert.rejects(
    http.setThingAccess("lathe", {
      user: did("consumer"),
      tradeSecrets: { fields: ["a..b"], measures: ["nda"] },
    }),
    refused("THING_INVALID", /tradeSecrets\.fields name "a\.\.b"/),
  );
});

test("data access - a third party's price by class, and the cost it may be judged by", async () => {
  const { http } = world.provider;
  const access = { user: did("consumer"), price: eur("0.02") };
  await http.addThing({ name: "drill", kind: "drill" });
  await http.setThingAccess("drill", access);
  const asked = { provider: "provider", thing: "drill", for: seat.did };
  const { offer } = await world.consumer.http.requestAccess(asked);
  const product = offer.slice(0, offer.lastIndexOf(":"));
  const articles = async () =>
    (await http.lintProduct(product)).findings.map(({ article, where }) => [article, where]);
  assert.deepEqual(await articles(), [["Art. 9(7)", "cost"]]);
  await http.setThingAccess("drill", { ...access, cost: eur("0.01") });
  await world.consumer.http.requestAccess(asked);
  assert.deepEqual(await articles(), [
    ["Art. 9(4)", "price"],
    ["Art. 9(4)", "price"],
  ]);
  const tariffs = (["sme", "research"] as const).map((name) => {
    return { class: name, price: eur("0.01") };
  });
  await http.setThingAccess("drill", { ...access, cost: eur("0.01"), tariffs });
  await world.consumer.http.requestAccess(asked);
  assert.deepEqual(await articles(), []);
  const { hasPolicy } = await dataset(product);
  assert.equal(hasPolicy.length, 3);
});

test("trade secrets - names that cannot be, and terms that would contradict them, are refused by name", async () => {
  const add = (more: Partial<NewProduct>) =>
    world.provider.http.addProduct({ ...press, id: "wrong", ...more });
  const secrets = (fields: string[], names = ["nda"]) => ({
    tradeSecrets: { fields, measures: names },
  });
  for (const [more, words] of [
    [secrets(["a..b"]), /tradeSecrets\.fields name "a\.\.b"/],
    [secrets(["a"], ["N"]), /tradeSecrets\.measure "N"/],
    [{ ...secrets(["a"]), sheet: { tradeSecrets: false } }, /sheet\.tradeSecrets is false/],
    [
      { ...secrets(["a"]), terms: { price: free, fields: ["a.b"] } },
      /without the trade secrets, fields are empty/,
    ],
    [
      { ...secrets(["a.b"]), terms: { price: free, pseudonymise: ["a"] } },
      /without the trade secrets, drop names "a\.b", a member of "a"/,
    ],
  ] as const) {
    await assert.rejects(add(more), refused("PRODUCT_INVALID", words));
  }
});
