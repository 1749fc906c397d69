import assert from "node:assert/strict";
import { test } from "node:test";
import { flipReceipt } from "./breaks.ts";

test("flip - changes one character of the middle receipt's signature and nothing else", () => {
  const signature = "abcdefghijklmnopqrstuvwxyz";
  const receipt = (seq: number) => ({
    body: { seq },
    signatures: [
      { protected: "p", signature: `${signature}${seq}` },
      { protected: "p", signature },
    ],
  });
  const bill = {
    evidence: { signatures: [{ signature }, { signature }] },
    receipts: [receipt(5), receipt(6), receipt(7)],
    statement: {},
  };
  const text = JSON.stringify(bill);
  const flipped = flipReceipt(text);
  assert.equal(flipped.receipt, 6);
  const differing = text.split("").filter((char, at) => char !== flipped.text[at]);
  assert.equal(differing.length, 1);
  const parsed = JSON.parse(flipped.text) as typeof bill;
  assert.notDeepEqual(parsed.receipts[1], bill.receipts[1]);
  assert.deepEqual(parsed.receipts[0], bill.receipts[0]);
  assert.throws(() => flipReceipt('{"receipts":[]}'), /no receipt/);
});
