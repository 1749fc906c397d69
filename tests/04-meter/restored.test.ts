import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { canonicalBytes } from "../../src/kernel/canonical.ts";
import { receiptsAfter, receiptType } from "../../src/meter/receipt.ts";
import type { ReceiptRecord } from "../../src/meter/receipt.ts";
import { rowId } from "../../src/meter/row-id.ts";
import { billOf } from "../../src/settle/bill.ts";
import { asBuyer, buyer, Pair } from "./sides.ts";

const price = { amount: "0.002", currency: "EUR", perMessages: 1 };

/** Five receipts, of which the buyer's backup holds two. */
async function restored(t: TestContext): Promise<Pair> {
  const pair = await Pair.open(price);
  t.after(() => pair.close());
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

function receiptsOf(pair: Pair): Promise<ReceiptRecord[]> {
  return receiptsAfter(pair.buyer.store, pair.agreement.id, 0, 100);
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
