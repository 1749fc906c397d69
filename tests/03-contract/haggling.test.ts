import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ConsumerMove, ProviderMove } from "../../src/market/decisions.ts";
import { type Offer, rulesOf } from "../../src/market/policy.ts";
import { message } from "../../src/wire/dsp/messages.ts";
import { freeProduct, leaveSeat, openSide, type Seat, type Side, takeSeat, until } from "./side.ts";
import { openStranger, type Stranger } from "./stranger.ts";

const base = "/dsp/2025-1";
const wait = { do: "wait" } as const;
const dear: Offer = {
  "@type": "Offer",
  "@id": "weather:dearer",
  ...rulesOf({ price: { amount: "0.01", currency: "EUR", perMessages: 1 } }),
};
const cheap: Offer = {
  "@type": "Offer",
  "@id": "weather:cheaper",
  ...rulesOf({ price: { amount: "0.005", currency: "EUR", perMessages: 1 }, messagesMax: 10 }),
};

let seats: Seat[] = [];
let seller: Side;
let buyer: Side;
let stranger: Stranger;
let number = 0;
/** What each side does by itself in the test that runs. */
let sells: { requested?: ProviderMove[]; accepted?: ProviderMove; verified?: ProviderMove } = {};
let buys: { offered?: ConsumerMove; agreed?: ConsumerMove } = {};

before(async () => {
  seats = [await takeSeat("seller"), await takeSeat("buyer"), await takeSeat("stranger")];
  const [a, b, c] = seats as [Seat, Seat, Seat];
  seller = await openSide(a, seats, {
    decisions: {
      requested: () => sells.requested?.shift() ?? wait,
      accepted: () => sells.accepted ?? wait,
      verified: () => sells.verified ?? { do: "finalize" },
    },
  });
  buyer = await openSide(b, seats, {
    decisions: {
      offered: () => buys.offered ?? wait,
      agreed: () => buys.agreed ?? { do: "verify" },
    },
  });
  stranger = await openStranger(c);
  await seller.catalogue.add(freeProduct);
  await seller.catalogue.add({ ...freeProduct, id: "by-hand", approval: "manual" });
});

after(async () => {
  await stranger.stop();
  await buyer.stop();
  await seller.stop();
  await Promise.all(seats.map(leaveSeat));
});

function offerId(product = "weather"): string {
  const offer = seller.catalogue.offerOf(product);
  assert.ok(offer);
  return offer["@id"];
}

/** Asks for the offer; gives back both sides' view of the negotiation. */
async function begin(product = "weather") {
  const offer = offerId(product);
  const { pid } = await buyer.federation.negotiations.request({ provider: seller.did, offer });
  const mine = () => buyer.federation.negotiations.need(pid);
  const theirs = async () => {
    const all = await seller.federation.negotiations.list();
    const found = all.find(({ consumerPid }) => consumerPid === pid);
    assert.ok(found);
    return found;
  };
  const reach = (state: string) =>
    until(`both ${state}`, async () => {
      const { providerPid, state: here } = await mine();
      return providerPid !== undefined && here === state && (await theirs()).state === state;
    });
  return { pid, mine, theirs, reach };
}

test("haggling - offer, counter-offer, offer, acceptance: both sign what was said last", async () => {
  sells = { requested: [{ do: "offer", offer: dear }] };
  buys = { offered: wait };
  const { pid, mine, theirs, reach } = await begin();
  await reach("OFFERED");
  assert.equal((await mine()).offer, "weather:dearer");
  const { negotiations } = buyer.federation;
  await negotiations.move(pid, { do: "request", offer: cheap });
  await reach("REQUESTED");
  assert.equal((await theirs()).offer, "weather:cheaper");
  const { pid: theirPid } = await theirs();
  await seller.federation.negotiations.move(theirPid, { do: "offer", offer: cheap });
  await reach("OFFERED");
  await negotiations.move(pid, { do: "accept" });
  await reach("ACCEPTED");
  await seller.federation.negotiations.move(theirPid, { do: "agree" });
  await reach("FINALIZED");
  const [bought, sold] = [buyer.agreements.list().at(-1), seller.agreements.list().at(-1)];
  assert.deepEqual(bought?.price, { amount: "0.005", currency: "EUR", perMessages: 1 });
  assert.equal(bought?.policyHash, sold?.policyHash);
  assert.deepEqual([bought?.evidence.signatures.length, sold?.evidence.signatures.length], [2, 2]);
});

test("haggling - a counter-offer is agreed to as it stands", async () => {
  sells = { requested: [{ do: "offer", offer: dear }, { do: "agree" }] };
  buys = { offered: { do: "request", offer: cheap } };
  const { reach } = await begin();
  await reach("FINALIZED");
  assert.equal(seller.agreements.list().at(-1)?.price.amount, "0.005");
});

test("haggling - topics that the product does not have are not sold", async () => {
  sells = { requested: [{ do: "offer", offer: dear }, { do: "agree" }] };
  const wide = rulesOf({ price: freeProduct.terms.price, topics: ["#"] });
  buys = { offered: { do: "request", offer: { "@type": "Offer", "@id": "x", ...wide } } };
  const { mine, reach } = await begin();
  await reach("TERMINATED");
  assert.match((await mine()).problem ?? "", /not among the topics of the product/);
});

for (const [state, moves] of [
  ["REQUESTED", { sells: {} }],
  ["OFFERED", { sells: { requested: [{ do: "offer", offer: dear }] } }],
  ["AGREED", { sells: { requested: [{ do: "agree" }] }, buys: { agreed: wait } }],
] as const) {
  test(`haggling - the consumer walks away from ${state}, and the provider knows`, async () => {
    sells = structuredClone(moves.sells) as typeof sells;
    buys = "buys" in moves ? moves.buys : {};
    const { pid, theirs, reach } = await begin();
    await reach(state);
    const gone = { do: "terminate", reason: "we found another" } as const;
    await buyer.federation.negotiations.move(pid, gone);
    await reach("TERMINATED");
    assert.equal((await theirs()).problem, "we found another");
  });
}

for (const [state, moves] of [
  ["REQUESTED", { sells: {} }],
  ["OFFERED", { sells: { requested: [{ do: "offer", offer: dear }] } }],
  [
    "ACCEPTED",
    { sells: { requested: [{ do: "offer", offer: dear }] }, buys: { offered: { do: "accept" } } },
  ],
  ["VERIFIED", { sells: { requested: [{ do: "agree" }], verified: wait } }],
] as const) {
  test(`haggling - the provider walks away from ${state}, and the consumer knows`, async () => {
    sells = structuredClone(moves.sells) as typeof sells;
    buys = "buys" in moves ? moves.buys : {};
    const { mine, theirs, reach } = await begin();
    await reach(state);
    const { pid } = await theirs();
    await seller.federation.negotiations.move(pid, { do: "terminate", reason: "sold out" });
    await reach("TERMINATED");
    assert.equal((await mine()).problem, "sold out");
  });
}

test("haggling - a move the state does not allow is refused and changes nothing", async () => {
  sells = {};
  buys = {};
  const { pid, theirs, reach } = await begin();
  await reach("REQUESTED");
  for (const move of [
    { do: "accept" },
    { do: "verify" },
    { do: "agree" },
    { do: "finalize" },
    { do: "request", offer: cheap },
  ] as const) {
    await assert.rejects(buyer.federation.negotiations.move(pid, move), { code: "STATE_INVALID" });
  }
  const { pid: theirPid } = await theirs();
  for (const move of [{ do: "finalize" }, { do: "accept" }] as const) {
    const made = seller.federation.negotiations.move(theirPid, move);
    await assert.rejects(made, { code: "STATE_INVALID" });
  }
  await reach("REQUESTED");
});

test("haggling - the same message is taken once; another in that state is refused", async () => {
  sells = { requested: [{ do: "offer", offer: dear }] };
  const consumerPid = `urn:uuid:haggler-${++number}`;
  const { callbackAddress } = stranger;
  const offer = { "@type": "Offer", "@id": offerId(), permission: [{ action: "use" }] };
  const first = message("ContractRequestMessage", { consumerPid, offer, callbackAddress });
  const { body } = await stranger.call(seller, `${base}/negotiations/request`, first);
  await stranger.heard(`${encodeURIComponent(consumerPid)}/offers`);
  const providerPid = String(body["providerPid"]);
  const at = `${base}/negotiations/${encodeURIComponent(providerPid)}/request`;
  const counter = (id: string) => ({
    ...message("ContractRequestMessage", { "@id": id, consumerPid, providerPid, offer }),
  });
  const answers = [];
  for (const id of ["urn:uuid:1", "urn:uuid:1", "urn:uuid:2"]) {
    answers.push(await stranger.call(seller, at, counter(id)));
  }
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 400],
  );
  assert.equal(answers[2]?.body["@type"], "ContractNegotiationError");
  assert.match(JSON.stringify(answers[2]?.body["reason"]), /REQUESTED/);
  const { state } = await seller.federation.negotiations.need(providerPid);
  assert.equal(state, "REQUESTED");
});

test("haggling - an offer nobody asked for waits for a person, who may take it", async () => {
  buys = {};
  const providerPid = `urn:uuid:haggler-${++number}`;
  const offer = {
    ...{ "@type": "Offer", "@id": "b64:b64:b64", target: "tides" },
    permission: [{ action: "use", constraint: [] }],
  };
  const { callbackAddress } = stranger;
  const said = message("ContractOfferMessage", { providerPid, offer, callbackAddress });
  const { status, body } = await stranger.call(buyer, `${base}/negotiations/offers`, said);
  assert.deepEqual([status, body["state"]], [201, "OFFERED"]);
  const again = await stranger.call(buyer, `${base}/negotiations/offers`, said);
  assert.equal(again.body["consumerPid"], body["consumerPid"]);
  const pid = String(body["consumerPid"]);
  await buyer.federation.negotiations.move(pid, { do: "accept" });
  const event = await stranger.heard(`${encodeURIComponent(providerPid)}/events`);
  assert.equal(event["eventType"], "ACCEPTED");
  const policy = {
    ...{ "@type": "Agreement", "@id": "urn:uuid:tides", target: "tides" },
    ...{ assigner: stranger.did, assignee: buyer.did, timestamp: new Date().toISOString() },
    permission: [{ action: "use" }],
  };
  const agreed = message("ContractAgreementMessage", {
    ...{ providerPid, consumerPid: pid, agreement: policy },
  });
  const at = `${base}/negotiations/${encodeURIComponent(pid)}`;
  assert.equal((await stranger.call(buyer, `${at}/agreement`, agreed)).status, 200);
  await stranger.heard(`${encodeURIComponent(providerPid)}/agreement/verification`);
  const event2 = { providerPid, consumerPid: pid, eventType: "FINALIZED" };
  const final = message("ContractNegotiationEventMessage", event2);
  assert.equal((await stranger.call(buyer, `${at}/events`, final)).status, 200);
  const bought = buyer.agreements.get("urn:uuid:tides");
  assert.deepEqual([bought?.topics, bought?.delivery, bought?.price.amount], [["#"], "live", "0"]);
});

test("haggling - where a person decides, other terms may be asked for from the first", async () => {
  sells = {};
  const asked = buyer.federation.negotiations.negotiate(seller.did, offerId("by-hand"));
  await assert.rejects(asked, { code: "NEGOTIATION_WAITS" });
  const consumerPid = `urn:uuid:haggler-${++number}`;
  const offer = { "@type": "Offer", "@id": offerId("by-hand"), permission: cheap.permission };
  const { callbackAddress } = stranger;
  const request = message("ContractRequestMessage", { consumerPid, offer, callbackAddress });
  const answer = await stranger.call(seller, `${base}/negotiations/request`, request);
  assert.deepEqual([answer.status, answer.body["state"]], [201, "REQUESTED"]);
  const pid = String(answer.body["providerPid"]);
  await seller.federation.negotiations.move(pid, { do: "agree" });
  const sent = await stranger.heard(`${encodeURIComponent(consumerPid)}/agreement`);
  const { permission, profile } = sent["agreement"] as { permission: unknown; profile?: string };
  assert.deepEqual([permission, profile], [cheap.permission, undefined]);
});
