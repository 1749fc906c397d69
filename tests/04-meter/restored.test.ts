import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { canonicalBytes } from "../../src/kernel/canonical.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { receiptsAfter, receiptType } from "../../src/meter/receipt.ts";
import type { ReceiptRecord } from "../../src/meter/receipt.ts";
import { rowId } from "../../src/meter/row-id.ts";
import { billOf } from "../../src/settle/bill.ts";
import { asBuyer, buyer, openPair, type Pair, seller } from "./sides.ts";

const price = { amount: "0.002", currency: "EUR", perMessages: 1 };

/** Five receipts, of which the buyer's backup holds two. */
async function restored(t: TestContext): Promise<Pair> {
  const pair = await openPair(t, price);
  for (let i = 0; i < 5; i++) {
    await pair.deliver(10);
    await pair.seller.provider.closeWindows();
  }
  const { store } = pair.buyer;
  await store.commit(
    [3, 4, 5].flatMap((seq) =>
      ["receipt", "posting"].map((kind) => {
        return { op: "remove", kind, id: rowId(pair.agreement.id, seq) } as const;
      }),
    ),
  );
  await pair.restart(buyer);
  return pair;
}

function receiptsOf(pair: Pair, limit = 100): Promise<ReceiptRecord[]> {
  return receiptsAfter(pair.buyer.store, pair.agreement.id, 0, limit);
}

test("restored - a consumer gets the receipts back that it had signed, then signs on", async (t) => {
  const pair = await restored(t);
  assert.equal((await receiptsOf(pair)).length, 2);
  await pair.deliver(10);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.deepEqual([standing?.messages, standing?.complete, standing?.seq], [60, true, 6]);
  const sold = await billOf(pair.seller.store, pair.agreement, "2026-11");
  const bought = await billOf(pair.buyer.store, asBuyer(pair.agreement), "2026-11");
  assert.equal(JSON.stringify(sold), JSON.stringify(bought));
  const postings = await pair.buyer.store.list("posting");
  assert.equal(postings.length, 6);
});

test("restored - only what carries the consumer's own signature is taken back", async (t) => {
  const pair = await restored(t);
  const [lost] = await receiptsAfter(pair.seller.store, pair.agreement.id, 2, 1);
  assert.ok(lost);
  const { signer } = pair.seller;
  const forge = async (change: object) => {
    const body = { ...lost.body, ...change };
    const signature = await signer.sign(canonicalBytes(body), receiptType);
    return { body, signature };
  };
  const [theirs, own] = lost.signatures;
  const forgeries = [
    { body: lost.body, signature: theirs, cosignature: theirs },
    { ...(await forge({ bytes: 1_000_000 })), cosignature: own },
    { ...(await forge({})), cosignature: (await forge({})).signature },
  ];
  for (const offered of forgeries) {
    const sent = pair.seller.peers.post(buyer, "/comity/v1/receipts", offered);
    await assert.rejects(sent, /signature/i);
  }
  assert.equal((await receiptsOf(pair)).length, 2);
});

async function billsAlike(pair: Pair): Promise<void> {
  const sold = await billOf(pair.seller.store, pair.agreement, "2026-11");
  const bought = await billOf(pair.buyer.store, asBuyer(pair.agreement), "2026-11");
  assert.equal(JSON.stringify(sold), JSON.stringify(bought));
}

test("restored - a provider takes back the receipts that both had signed, then builds the next", async (t) => {
  const pair = await openPair(t, price);
  const windows = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await pair.deliver(10);
      await pair.seller.provider.closeWindows();
    }
  };
  await windows(2);
  const restore = await pair.backUp(seller);
  await windows(120); // more than are given back at once
  const before = await receiptsOf(pair, 200);
  await restore();
  // The claim of the link that goes on, which is how a restored meter hears of it.
  await pair.deliver(7);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.deepEqual([standing?.seq, standing?.messages, standing?.complete], [123, 1227, true]);
  assert.equal(standing?.problem, undefined);
  const sold = await receiptsAfter(pair.seller.store, pair.agreement.id, 0, 200);
  const bought = await receiptsOf(pair, 200);
  assert.deepEqual(bought.slice(0, -1), before, "what was signed stands to the byte");
  const evidence = ({ body, signatures }: ReceiptRecord) => ({ body, signatures });
  assert.deepEqual(sold.map(evidence), bought.map(evidence));
  assert.ok(sold.every(({ state }) => state === "cosigned"));
  assert.equal((await pair.seller.store.list("posting")).length, 123);
  await billsAlike(pair);
});

test("restored - a provider takes back only what carries both signatures and continues its chain", async (t) => {
  const pair = await openPair(t, price);
  await pair.deliver(10);
  await pair.seller.provider.closeWindows();
  const restore = await pair.backUp(seller);
  for (let i = 0; i < 2; i++) {
    await pair.deliver(10);
    await pair.seller.provider.closeWindows();
  }
  await restore();
  const { store } = pair.buyer;
  const [, second, third] = await receiptsOf(pair);
  assert.ok(second && third);
  const put = (record: ReceiptRecord) =>
    store.commit([
      { op: "put", kind: "receipt", id: rowId(pair.agreement.id, 2), doc: record },
    ] as const);
  const cheaper = { ...second.body, messages: 11, amountMicro: "22000" };
  const forgeries: ReceiptRecord[] = [
    { ...second, body: cheaper },
    { ...second, signatures: [second.signatures[0]!, second.signatures[0]!] },
    { ...second, signatures: [second.signatures[1]!, second.signatures[1]!] },
    { ...second, body: third.body, signatures: third.signatures },
  ];
  await pair.deliver(10);
  for (const forged of forgeries) {
    await put(forged);
    const [standing] = await pair.seller.provider.closeWindows();
    assert.deepEqual([standing?.seq, standing?.complete], [1, false]);
    assert.match(standing?.problem ?? "", /signature|receipt 2 comes next/i);
  }
  await put(second);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.deepEqual([standing?.seq, standing?.messages, standing?.complete], [4, 40, true]);
  await billsAlike(pair);
});

test("restored - a consumer asks for the receipts that it lost, and signs on", async (t) => {
  const pair = await openPair(t, price);
  const windows = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await pair.deliver(10);
      await pair.seller.provider.closeWindows();
    }
  };
  await windows(2);
  const restore = await pair.backUp(buyer);
  await windows(120); // more than are given back at once
  const before = await receiptsOf(pair, 200);
  await restore();
  await pair.buyer.consumer.takeBack(pair.agreement.id);
  assert.deepEqual(await receiptsOf(pair, 200), before, "to the byte");
  assert.equal((await pair.buyer.store.list("posting")).length, 122);
  await pair.buyer.consumer.takeBack(pair.agreement.id);
  assert.equal((await receiptsOf(pair, 200)).length, 122, "nothing twice");
  await billsAlike(pair);
  await pair.deliver(7);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.deepEqual([standing?.seq, standing?.messages, standing?.complete], [123, 1227, true]);
});

test("restored - a consumer takes back only what carries both signatures and continues its chain", async (t) => {
  const pair = await restored(t);
  const { store, signer } = pair.seller;
  const [third, fourth] = await receiptsAfter(store, pair.agreement.id, 2, 2);
  assert.ok(third && fourth);
  const dearer = { ...third.body, amountMicro: "99000000" };
  const forged = await signer.sign(canonicalBytes(dearer), receiptType);
  const [theirs, own] = third.signatures;
  assert.ok(theirs && own);
  const forgeries: Partial<ReceiptRecord>[] = [
    { body: dearer, signatures: [forged, own] },
    { signatures: [theirs, theirs] },
    { signatures: [own, own] },
    { body: fourth.body, signatures: fourth.signatures },
  ];
  const id = rowId(pair.agreement.id, 3);
  const put = (doc: object) => store.commit([{ op: "put", kind: "receipt", id, doc }]);
  for (const one of forgeries) {
    await put({ ...third, ...one });
    await assert.rejects(pair.buyer.consumer.takeBack(pair.agreement.id), (refused) => {
      assert.ok(refused instanceof ComityError);
      return ["SIGNATURE_INVALID", "RECEIPT_DISAGREES"].includes(refused.code);
    });
    assert.equal((await receiptsOf(pair)).length, 2);
  }
  await put(third);
  await pair.buyer.consumer.takeBack(pair.agreement.id);
  assert.equal((await receiptsOf(pair)).length, 5);
  await billsAlike(pair);
});

test("restored - either side is shown receipts of its own agreements, and what both signed", async (t) => {
  const pair = await openPair(t, price);
  const path = (id: string) => `/comity/v1/receipts?agreement=${encodeURIComponent(id)}&after=0`;
  const askers = [
    { asks: pair.seller, of: pair.buyer, did: buyer, agreement: asBuyer(pair.agreement) },
    { asks: pair.buyer, of: pair.seller, did: seller, agreement: pair.agreement },
  ];
  await pair.deliver(10);
  await pair.buyer.store.commit([{ op: "remove", kind: "agreement", id: pair.agreement.id }]);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.deepEqual([standing?.complete, standing?.seq], [false, 0], "signed by the provider alone");
  await pair.buyer.store.commit([
    { op: "add", kind: "agreement", id: pair.agreement.id, doc: asBuyer(pair.agreement) },
  ]);
  for (const { asks, of, did, agreement } of askers) {
    assert.deepEqual(await asks.peers.get(did, path(agreement.id)), { receipts: [] });
    const id = `urn:uuid:between-${did}-and-another`;
    const other = "did:web:other.example";
    const partner = agreement.role === "provider" ? { consumer: other } : { provider: other };
    const doc = { ...agreement, id, ...partner };
    await of.store.commit([{ op: "add", kind: "agreement", id, doc }]);
    for (const hidden of [id, "urn:uuid:nobody"]) {
      await assert.rejects(asks.peers.get(did, path(hidden)), {
        ...{ code: "PEER_REFUSED", message: /no agreement/i },
      });
    }
  }
});
