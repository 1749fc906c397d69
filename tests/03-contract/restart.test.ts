import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Negotiation } from "../../src/market/negotiation.ts";
import {
  leaveSeat,
  openSide,
  paidProduct,
  type Seat,
  type Side,
  type SideOptions,
  takeSeat,
  until,
} from "./side.ts";

const seats: Seat[] = [];
after(() => Promise.all(seats.map(leaveSeat)));

async function twoSeats(): Promise<[Seat, Seat]> {
  const pair: [Seat, Seat] = [await takeSeat("seller"), await takeSeat("buyer")];
  seats.push(...pair);
  return pair;
}

/** Hangs up on the first message whose path ends so, and says when. */
function hangUpOn(ending: string): { options: SideOptions; reached: Promise<void> } {
  let tell = () => {};
  const reached = new Promise<void>((resolve) => (tell = resolve));
  let left = 1;
  const onRequest: SideOptions["onRequest"] = async (path) => {
    if (!path.endsWith(ending) || left-- <= 0) return undefined;
    tell();
    return "hang-up";
  };
  return { options: { onRequest, waitMs: 10_000 }, reached };
}

async function finished(seller: Side, buyer: Side): Promise<void> {
  await until("agreed on both sides", () => {
    return seller.agreements.list().length === 1 && buyer.agreements.list().length === 1;
  });
  const [sold] = seller.agreements.list();
  const [bought] = buyer.agreements.list();
  assert.deepEqual({ ...bought, role: "" }, { ...sold, role: "" });
  assert.equal(sold?.evidence.signatures.length, 2);
  for (const side of [seller, buyer]) {
    await until("nothing left to send", async () => (await side.store.list("outbox")).length === 0);
    const kept = await side.store.list<Negotiation>("negotiation");
    assert.deepEqual(
      kept.map(({ doc }) => doc.state),
      ["FINALIZED"],
    );
  }
}

for (const [who, ending, what] of [
  ["seller", "/negotiations/request", "the request was on its way"],
  ["seller", "/agreement/verification", "the consumer had signed"],
  ["buyer", "/agreement", "the provider had signed"],
  ["buyer", "/events", "the provider had finalized"],
] as const) {
  for (const stops of ["seller", "buyer"] as const) {
    test(`restart - the ${stops} stops when ${what}: both end with one agreement`, async () => {
      const [a, b] = await twoSeats();
      const pair = [a, b];
      const { options, reached } = hangUpOn(ending);
      let seller = await openSide(a, pair, who === "seller" ? options : {});
      let buyer = await openSide(b, pair, who === "buyer" ? options : {});
      await seller.catalogue.add(paidProduct);
      const offer = seller.catalogue.offerOf("bus-positions")?.["@id"] ?? "";
      const asked = buyer.federation.negotiations.negotiate(seller.did, offer);
      asked.catch(() => undefined);
      await reached;
      if (stops === "seller") {
        await seller.stop();
        seller = await openSide(a, pair);
      } else {
        await buyer.stop();
        buyer = await openSide(b, pair);
      }
      await finished(seller, buyer);
      await buyer.stop();
      await seller.stop();
    });
  }
}

test("restart - the consumer's address and token still open the door", async () => {
  const [a, b] = await twoSeats();
  const pair = [a, b];
  let seller = await openSide(a, pair);
  let buyer = await openSide(b, pair);
  await seller.catalogue.add(paidProduct);
  const offer = seller.catalogue.offerOf("bus-positions")?.["@id"] ?? "";
  const { id } = await buyer.federation.negotiations.negotiate(seller.did, offer);
  const stream = await buyer.federation.transfers.start(id);
  await until("told", async () => (await seller.store.list("outbox")).length === 0);
  await seller.stop();
  await buyer.stop();
  seller = await openSide(a, pair);
  buyer = await openSide(b, pair);
  assert.deepEqual(await buyer.federation.transfers.start(id), stream);
  assert.equal(seller.federation.transfers.authenticate(id, stream.token)?.did, buyer.did);
  assert.equal(buyer.federation.peers.nameOf(seller.did), "seller");
  await buyer.stop();
  await seller.stop();
});

test("restart - a start message that never arrived comes with a token that works", async () => {
  const [a, b] = await twoSeats();
  const pair = [a, b];
  const { options, reached } = hangUpOn("/start");
  let seller = await openSide(a, pair);
  const buyer = await openSide(b, pair, options);
  await seller.catalogue.add(paidProduct);
  const offer = seller.catalogue.offerOf("bus-positions")?.["@id"] ?? "";
  const { id } = await buyer.federation.negotiations.negotiate(seller.did, offer);
  const started = buyer.federation.transfers.start(id);
  await reached;
  await seller.stop();
  seller = await openSide(a, pair);
  const { token } = await started;
  await until("the token opens the door", () => {
    const kept = buyer.federation.transfers.of(id)?.stream?.token ?? token;
    return seller.federation.transfers.authenticate(id, kept) !== undefined;
  });
  await buyer.stop();
  await seller.stop();
});

test("restart - a revocation reaches a peer that was away", async () => {
  const [a, b] = await twoSeats();
  const pair = [a, b];
  let seller = await openSide(a, pair);
  let buyer = await openSide(b, pair);
  await seller.catalogue.add(paidProduct);
  const offer = seller.catalogue.offerOf("bus-positions")?.["@id"] ?? "";
  const { id } = await buyer.federation.negotiations.negotiate(seller.did, offer);
  await buyer.federation.transfers.start(id);
  await buyer.stop();
  await seller.federation.endings.end(id, "revoked");
  await seller.stop();
  seller = await openSide(a, pair);
  buyer = await openSide(b, pair);
  await until("the buyer knows", () => buyer.agreements.get(id)?.state === "ended");
  assert.equal(buyer.agreements.get(id)?.ended?.by, seller.did);
  await until("no transfer left", () => !buyer.federation.transfers.of(id));
  await buyer.stop();
  await seller.stop();
});
