import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalHash } from "../kernel/canonical.ts";
import { offeredReceipt, receiptProblem } from "./receipt.ts";
import type { ReceiptBody } from "./receipt.ts";

const terms = {
  id: "urn:uuid:1",
  policyHash: "sha256:p",
  price: { amount: "0.5", currency: "EUR", perMessages: 3 },
  signedAt: "2026-11-01T00:00:00.000Z",
};

const first: ReceiptBody = {
  v: 1,
  agreement: "urn:uuid:1",
  policyHash: "sha256:p",
  seq: 1,
  epoch: "e1",
  from: 0,
  to: 12,
  messages: 10,
  bytes: 100,
  amountMicro: "1666666",
  currency: "EUR",
  month: "2026-11",
  at: "2026-11-20T12:00:00.000Z",
  prevHash: "",
};
const second: ReceiptBody = {
  ...first,
  seq: 2,
  from: 12,
  to: 20,
  messages: 15,
  bytes: 150,
  amountMicro: "2500000",
  prevHash: canonicalHash(first),
};

test("receipt - a right one has no problem, alone and in its chain", () => {
  assert.equal(receiptProblem(first, undefined, terms), undefined);
  assert.equal(receiptProblem(second, first, terms), undefined);
  const elsewhere = { ...second, epoch: "e2", from: 0, to: 5 };
  assert.equal(receiptProblem(elsewhere, first, terms), undefined);
});

test("receipt - each wrong member is named", () => {
  const wrong: [Partial<ReceiptBody>, RegExp][] = [
    [{ agreement: "urn:uuid:2" }, /it is of agreement urn:uuid:2/],
    [{ policyHash: "sha256:q" }, /policyHash/],
    [{ currency: "KES" }, /the currency is EUR/],
    [{ amountMicro: "2500001" }, /15 messages cost 2500000 micro-units, not 2500001/],
    [{ at: "2026-11-20" }, /is no time/],
    [{ at: "yesterday" }, /is no time/],
    [{ seq: 3 }, /receipt 2 comes next, not 3/],
    [{ prevHash: "" }, /prevHash does not match receipt 1/],
    [{ messages: 10, amountMicro: "1666666" }, /messages went from 10 to 10/],
    [{ bytes: 99 }, /bytes went back to 99/],
    [{ month: "2026-10" }, /month 2026-10 is over/],
    [{ from: 11 }, /starts at position 11, not 12/],
    [{ to: 12 }, /ends at position 12, before it starts/],
    [{ to: 16 }, /5 messages do not fit in 4 positions/],
    [{ epoch: "e2" }, /starts at position 12, not 0/],
  ];
  for (const [change, reason] of wrong) {
    assert.match(receiptProblem({ ...second, ...change }, first, terms) ?? "", reason);
  }
  const chained = { ...first, prevHash: "sha256:x" };
  assert.match(receiptProblem(chained, undefined, terms) ?? "", /first receipt has no prevHash/);
});

test("receipt - its form is closed, so that nothing unsigned rides along", () => {
  const signature = { protected: "e30", signature: "AAAA" };
  assert.equal(offeredReceipt.Check({ body: first, signature }), true);
  const { bytes: _bytes, ...lacking } = first;
  const wrong: unknown[] = [
    { ...first, extra: 1 },
    lacking,
    { ...first, v: 2 },
    { ...first, seq: 0 },
    { ...first, messages: 2 ** 53 },
    { ...first, messages: -1 },
    { ...first, amountMicro: "01" },
    { ...first, month: "2026-13" },
    { ...first, from: "0" },
  ];
  for (const body of wrong) assert.equal(offeredReceipt.Check({ body, signature }), false);
});
