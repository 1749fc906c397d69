import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalBytes, canonicalHash } from "../../src/kernel/canonical.ts";
import { usageMicro } from "../../src/kernel/price.ts";
import { receiptType, receiptWrite } from "../../src/meter/receipt.ts";
import type { ReceiptBody, ReceiptRecord } from "../../src/meter/receipt.ts";
import { billOf, monthReceiptsMax } from "../../src/settle/bill.ts";
import type { Bill, SignedReceipt } from "../../src/settle/bill.ts";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import { chainText } from "../../src/settle/verify/receipts.ts";
import { Pair } from "./sides.ts";

const price = { amount: "0.25", currency: "JPY", perMessages: 10 };
const november = 3;
const december = monthReceiptsMax + 4;

/** What so many windows leave behind, three of them in November: five messages each. */
async function signedMonths(pair: Pair): Promise<void> {
  const { id, policyHash } = pair.agreement;
  let before: ReceiptBody | undefined;
  const writes = [];
  for (let seq = 1; seq <= november + december; seq++) {
    const month = seq <= november ? "2026-11" : "2026-12";
    const body: ReceiptBody = {
      v: 1,
      agreement: id,
      policyHash,
      seq,
      epoch: "e1",
      from: before?.to ?? 0,
      to: seq * 5,
      messages: seq * 5,
      bytes: seq * 50,
      amountMicro: usageMicro(price, { messages: seq * 5, bytes: 0 }).toString(),
      currency: "JPY",
      month,
      at: `${month}-30T00:00:00.000Z`,
      prevHash: before === undefined ? "" : canonicalHash(before),
    };
    const signers = [pair.seller.signer, pair.buyer.signer];
    const bytes = canonicalBytes(body);
    const signatures = await Promise.all(signers.map((one) => one.sign(bytes, receiptType)));
    const record: ReceiptRecord = { role: "provider", body, state: "cosigned", signatures };
    writes.push(receiptWrite("add", record));
    before = body;
  }
  await pair.seller.store.commit(writes);
}

function seqs({ receipts }: Bill): number[] {
  return receipts.map((receipt) => (receipt as SignedReceipt).body.seq);
}

test("bill - of a long month holds its ends, proves the whole, and stays small", async (t) => {
  const pair = await Pair.open(price);
  t.after(() => pair.close());
  await signedMonths(pair);
  const bill = await billOf(pair.seller.store, pair.agreement, "2026-12");
  const last = november + december;
  const from = last - monthReceiptsMax + 2;
  assert.deepEqual(seqs(bill).slice(0, 4), [3, 4, from, from + 1]);
  assert.deepEqual([bill.receipts.length, seqs(bill).at(-1)], [monthReceiptsMax + 1, last]);
  const verified = await verifyBill(structuredClone(bill));
  assert.deepEqual([verified.messages, verified.receipts], [december * 5, december]);
  assert.deepEqual(verified.chain, { first: 4, from, to: last });
  assert.equal(chainText(verified.chain), `receipts 4 and ${from} to ${last}`);

  const forgeries: [RegExp, (receipts: unknown[]) => void][] = [
    // A second gap, the first receipt of the month, or the one it starts from, left out.
    [new RegExp(`receipt ${from + 1} comes next, not ${from + 2}`), (r) => r.splice(3, 1)],
    [/receipt 4 comes next/, (r) => r.splice(1, 1)],
    [/receipt 4: the one before it, which its month starts from, is missing/, (r) => r.shift()],
  ];
  for (const [reason, forge] of forgeries) {
    const forged = structuredClone(bill);
    forge(forged.receipts);
    await assert.rejects(verifyBill(forged), { code: "EVIDENCE_BROKEN", message: reason });
  }

  const short = await billOf(pair.seller.store, pair.agreement, "2026-11");
  assert.deepEqual(seqs(short), [1, 2, 3]);
  assert.deepEqual((await verifyBill(short)).chain, { first: 1, from: 1, to: 3 });
});
