import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { canonicalBytes, canonicalHash } from "../../src/kernel/canonical.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { usageMicro } from "../../src/kernel/price.ts";
import { receiptType } from "../../src/meter/receipt.ts";
import { billOf } from "../../src/settle/bill.ts";
import type { Bill, SignedReceipt } from "../../src/settle/bill.ts";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import { asBuyer, buyer, Pair, seller } from "./sides.ts";

const price = { amount: "0.25", currency: "JPY", perMessages: 10 };

let pair: Pair;
/** December's bill, three receipts of November before it. */
let bill: Bill;
let november: Bill;
let text: string;

before(async () => {
  pair = await Pair.open(price);
  pair.clock.at = Date.UTC(2026, 10, 29);
  for (const days of [0, 0, 1, 3, 0]) {
    pair.clock.at += days * 86_400_000;
    await pair.deliver(111, 2222, 3);
    await pair.seller.provider.closeWindows();
  }
  bill = await billOf(pair.seller.store, pair.agreement, "2026-12");
  november = await billOf(pair.seller.store, pair.agreement, "2026-11");
  text = JSON.stringify(bill);
});
after(() => pair.close());

/** What a thief who holds one key, or none, could hand in. */
function changed(change: (bill: Bill) => void): Bill {
  const copy = JSON.parse(text) as Bill;
  change(copy);
  return copy;
}

function receiptIn(of: Bill, index: number): SignedReceipt {
  return of.receipts[index] as SignedReceipt;
}

function brokenBy(reason: RegExp): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof ComityError, String(thrown));
    assert.equal(thrown.code, "EVIDENCE_BROKEN");
    assert.match(thrown.message, reason);
    return true;
  };
}

test("bill - proves its month to somebody who has nothing but the file", async () => {
  const verified = await verifyBill(JSON.parse(text));
  const { month, messages, bytes, amount, currency, receipts, chain } = verified;
  assert.deepEqual(
    { month, messages, bytes, amount, currency, receipts, chain },
    // floor(555 × 25,000) − floor(333 × 25,000)
    {
      month: "2026-12",
      messages: 222,
      bytes: 4444,
      amount: "5.55",
      currency: "JPY",
      receipts: 2,
      chain: { first: 4, from: 4, to: 5 },
    },
  );
  assert.deepEqual([verified.provider, verified.consumer], [seller, buyer]);
  assert.deepEqual(verified.keys, [pair.seller.signer.keyId, pair.buyer.signer.keyId]);
});

test("bill - is the same file on both sides, to the byte", async () => {
  for (const month of ["2026-11", "2026-12"]) {
    const sold = await billOf(pair.seller.store, pair.agreement, month);
    const bought = await billOf(pair.buyer.store, asBuyer(pair.agreement), month);
    assert.equal(JSON.stringify(sold), JSON.stringify(bought));
    await verifyBill(bought);
  }
  const none = billOf(pair.seller.store, pair.agreement, "2027-01");
  await assert.rejects(none, { code: "BILL_ABSENT" });
});

test("verify - names the first receipt that is bad", async () => {
  const forgeries: [RegExp, (bill: Bill) => void][] = [
    [/receipt 5: the provider's signature does not verify/, (b) => receiptIn(b, 2).body.messages++],
    [
      /receipt 4: the consumer's signature does not verify/,
      (b) => {
        receiptIn(b, 1).signatures[1].signature = receiptIn(b, 2).signatures[1].signature;
      },
    ],
    [
      /receipt 3: the provider's signature does not verify/,
      (b) => receiptIn(b, 0).signatures.reverse(),
    ],
    [/receipt 5: receipt 4 comes next, not 5/, (b) => b.receipts.splice(1, 1)],
    [/receipt 4: the one before it, .* is missing/, (b) => b.receipts.shift()],
    [/receipt 3: it is for 2026-11, and/, (b) => b.receipts.unshift(november.receipts[1])],
    [/receipt 4: receipt 3 comes next, not 4/, (b) => (b.receipts[0] = november.receipts[1])],
    [/the statement says messages 222, its receipts say 111/, (b) => b.receipts.pop()],
    [/the statement says amount 1, its receipts say 5.55/, (b) => (b.statement.amount = "1")],
    [/the statement says title/, (b) => (b.statement.title = "Other")],
    [
      /the agreement: the consumer's signature/,
      (b) => {
        b.evidence.signatures[1] = b.evidence.signatures[0];
      },
    ],
    [
      /the policy is not the one that was signed/,
      (b) => {
        (b.policy as { target: string }).target = "moon";
      },
    ],
    [/no bill of version 1/, (b) => Object.assign(b, { note: "unsigned" })],
    [
      /entry 1 of the receipts: it is no receipt/,
      (b) => Object.assign(receiptIn(b, 0).body, { note: "" }),
    ],
  ];
  for (const [reason, forge] of forgeries) {
    await assert.rejects(verifyBill(changed(forge)), brokenBy(reason));
  }
  for (const other of [undefined, null, 7, "bill", [], {}]) {
    await assert.rejects(verifyBill(other), brokenBy(/no bill of version 1/));
  }
});

test("verify - two dishonest keys together still cannot bend arithmetic or chain", async () => {
  const signers = [pair.seller.signer, pair.buyer.signer];
  const resigned = async (change: (receipt: SignedReceipt["body"]) => void) => {
    const copy = changed(() => {});
    const receipt = receiptIn(copy, 2);
    change(receipt.body);
    const bytes = canonicalBytes(receipt.body);
    const [first, second] = await Promise.all(signers.map((one) => one.sign(bytes, receiptType)));
    receipt.signatures = [first!, second!];
    return copy;
  };
  const dearer = await resigned((body) => (body.amountMicro = "99000000"));
  await assert.rejects(verifyBill(dearer), brokenBy(/receipt 5: 555 messages cost 13875000/));
  const loose = await resigned((body) => (body.prevHash = canonicalHash({})));
  await assert.rejects(verifyBill(loose), brokenBy(/receipt 5: prevHash does not match receipt 4/));
  const early = await resigned((body) => (body.month = "2026-11"));
  await assert.rejects(verifyBill(early), brokenBy(/receipt 5: month 2026-11 is over/));
  const swollen = await resigned((body) => {
    body.messages = 700;
    body.amountMicro = usageMicro(price, { messages: 700, bytes: 0 }).toString();
  });
  await assert.rejects(verifyBill(swollen), brokenBy(/receipt 5: .* do not fit in 114 positions/));
});

test("verify - any flipped bit of the file is noticed", async () => {
  const bytes = Buffer.from(text);
  const flips = fc.record({ at: fc.nat({ max: bytes.length - 1 }), bit: fc.nat({ max: 7 }) });
  const property = fc.asyncProperty(flips, async ({ at, bit }) => {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1 << bit;
    let parsed: unknown;
    try {
      parsed = JSON.parse(flipped.toString("utf8"));
    } catch {
      return; // no JSON any more
    }
    if (canonicalHash(parsed) === canonicalHash(bill)) return; // the same evidence
    await assert.rejects(verifyBill(parsed), brokenBy(/./));
  });
  await fc.assert(property, { numRuns: 1500 });
});

test("verify - every last character of a signature or key counts", async () => {
  // base64url of 64 and of 32 bytes ends in bits that decoders drop
  const ends = [...text.matchAll(/"(?:signature|x|protected|payload)":"[\w-]+/g)];
  assert.ok(ends.length > 12);
  for (const { 0: match, index } of ends) {
    const at = index + match.length - 1;
    const others = Array.from("AQgwBRhxCDEFGHIJ").filter((char) => char !== text[at]);
    for (const char of others) {
      const forged = `${text.slice(0, at)}${char}${text.slice(at + 1)}`;
      await assert.rejects(verifyBill(JSON.parse(forged)), brokenBy(/./));
    }
  }
});
