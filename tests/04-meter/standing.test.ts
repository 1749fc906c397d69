import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalBytes } from "../../src/kernel/canonical.ts";
import type { ChargedPrice } from "../../src/kernel/price.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import { endingType } from "../../src/market/ending.ts";
import { type Bill, billOf } from "../../src/settle/bill.ts";
import { begunStatement, statementOf } from "../../src/settle/statement.ts";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { mergeSignatures, unsignedJws } from "../../src/wire/jws.ts";
import { asBuyer, Pair } from "./sides.ts";

/** 3 a month and 1 a message, at least 9 a month; signed on 20 November. */
const price: ChargedPrice = {
  currency: "EUR",
  charges: [
    { per: "month", amount: "3" },
    { perMessages: 1, amount: "1" },
  ],
  minimum: "9",
};

async function endedBy(signer: Signer, agreement: Agreement, at: string): Promise<Agreement> {
  const bytes = canonicalBytes({
    ...{ v: 1, agreement: agreement.id, reason: "revoked", by: signer.did, at },
  });
  const record = mergeSignatures(unsignedJws(bytes), await signer.sign(bytes, endingType));
  const ended = { reason: "revoked", by: signer.did, at, record } as const;
  return { ...agreement, state: "ended", ended };
}

test("month's charges - both sides' lines name what the amount is made of, alike", async () => {
  const pair = await Pair.open(price);
  try {
    await pair.deliver(2);
    await pair.seller.provider.closeWindows();
    for (const [month, amount, parts] of [
      // 11 of 30 days: 1.1 of 3, 3.3 of 9
      ["2026-11", "3.3", { usage: "2", month: "1.1", minimum: "0.2" }],
      ["2026-12", "9", { month: "3", minimum: "6" }],
      ["2026-10", undefined, undefined],
    ] as const) {
      const [sells] = await statementOf(pair.seller.store, [pair.agreement], month);
      const [buys] = await statementOf(pair.buyer.store, [asBuyer(pair.agreement)], month);
      assert.deepEqual({ ...sells, role: "" }, { ...buys, role: "" });
      assert.equal(sells?.amount, amount);
      const told = sells?.parts?.map((part) => [part.charge, part.amount]);
      assert.deepEqual(told && Object.fromEntries(told), parts);
    }
  } finally {
    await pair.close();
  }
});

test("month's charges - a bill proves them, with receipts and without", async () => {
  const pair = await Pair.open(price);
  try {
    await pair.deliver(2);
    await pair.seller.provider.closeWindows();
    for (const [month, amount] of [
      ["2026-11", "3.3"],
      ["2026-12", "9"],
    ] as const) {
      const bill = await billOf(pair.seller.store, pair.agreement, month);
      assert.equal((await verifyBill(JSON.parse(JSON.stringify(bill)))).amount, amount);
      const dearer = JSON.parse(JSON.stringify(bill)) as Bill;
      dearer.statement.amount = "9.1";
      await assert.rejects(verifyBill(dearer), /says amount 9.1, its receipts say/);
    }
    const october = billOf(pair.seller.store, pair.agreement, "2026-10");
    await assert.rejects(october, { code: "BILL_ABSENT" });
  } finally {
    await pair.close();
  }
});

test("month's charges - end with the day of the signed end, which the bill holds", async () => {
  const pair = await Pair.open(price);
  try {
    await pair.deliver(2);
    await pair.seller.provider.closeWindows();
    const { buyer: side, seller } = pair;
    const early = await endedBy(side.signer, pair.agreement, "2026-11-22T00:00:00.000Z");
    const bill = await billOf(seller.store, early, "2026-11");
    // 3 of 30 days: 0.3 of 3, and 0.9 of 9, which usage passes
    assert.equal((await verifyBill(JSON.parse(JSON.stringify(bill)))).amount, "2.3");
    assert.deepEqual(await statementOf(seller.store, [early], "2026-12"), []);
    const { ending: _ending, ...bare } = bill;
    await assert.rejects(verifyBill(bare), /the statement says amount 2.3, its receipts say 3.3/);
    const other = await endedBy(side.signer, { ...early, id: "urn:x" }, "2026-11-22T00:00:00.000Z");
    const swapped = { ...bill, ending: other.ended?.record };
    await assert.rejects(verifyBill(swapped), /the ending is another agreement's/);
    const forged = await endedBy(seller.signer, early, "2026-11-22T00:00:00.000Z");
    const blamed = { ...forged.ended?.record, payload: early.ended?.record?.payload };
    await assert.rejects(verifyBill({ ...bill, ending: blamed }), /its signature does not verify/);
  } finally {
    await pair.close();
  }
});

test("month's charges - who dates its end back owes until the day it last signed for", async () => {
  const pair = await Pair.open(price);
  try {
    pair.clock.at = Date.UTC(2026, 10, 25);
    await pair.deliver(1);
    await pair.seller.provider.closeWindows();
    const back = await endedBy(pair.buyer.signer, pair.agreement, "2026-11-20T16:00:00.000Z");
    const [line] = await statementOf(pair.seller.store, [back], "2026-11");
    // 6 of 30 days
    assert.equal(line?.parts?.find(({ charge }) => charge === "month")?.amount, "0.6");
  } finally {
    await pair.close();
  }
});

test("month's charges - nothing is owed for a month that has not begun", async () => {
  const pair = await Pair.open(price);
  try {
    const { store } = pair.seller;
    const lines = (month: string) =>
      begunStatement(store, [pair.agreement], month, pair.clock.now());
    assert.equal((await lines("2026-11")).length, 1);
    assert.deepEqual(await lines("2026-12"), []);
  } finally {
    await pair.close();
  }
});
