import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalBytes, canonicalHash } from "../../src/kernel/canonical.ts";
import type { ChargedPrice } from "../../src/kernel/price.ts";
import { lastReceipt, receiptsAfter, receiptType } from "../../src/meter/receipt.ts";
import { type Bill, billOf, type SignedReceipt } from "../../src/settle/bill.ts";
import { statementOf } from "../../src/settle/statement.ts";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import { asBuyer, Pair, seller } from "./sides.ts";

const dayMs = 86_400_000;
/** 100 messages a month are free, then 0.1, from 200 on 0.05; and 2 a megabyte, at most 20. */
const price: ChargedPrice = {
  currency: "EUR",
  charges: [
    {
      perMessages: 1,
      included: 100,
      graduated: [{ upTo: 100, amount: "0.1" }, { amount: "0.05" }],
    },
    { perBytes: 1_000_000, amount: "2" },
  ],
  cap: "20",
};

/** Signed on 20 November; 250 messages in November, 150 in December, 1,000 in January. */
async function traded(agreed: ChargedPrice): Promise<Pair> {
  const pair = await Pair.open(agreed);
  for (const [at, messages] of [
    [Date.UTC(2026, 10, 21), 90],
    [Date.UTC(2026, 10, 30), 160],
    [Date.UTC(2026, 11, 2), 150],
    [Date.UTC(2027, 0, 2), 1000],
  ] as const) {
    pair.clock.at = at;
    await pair.deliver(messages, messages * 1000);
    // what waits over the end of a month becomes a receipt for each
    if (messages !== 160) await pair.seller.provider.closeWindows();
  }
  return pair;
}

async function amounts(pair: Pair): Promise<(readonly [string, string, string])[]> {
  const lines = [];
  for (const month of ["2026-11", "2026-12", "2027-01"]) {
    const [sells] = await statementOf(pair.seller.store, [pair.agreement], month);
    const [buys] = await statementOf(pair.buyer.store, [asBuyer(pair.agreement)], month);
    lines.push([month, sells?.amount ?? "", buys?.amount ?? ""] as const);
  }
  return lines;
}

test("charges - each month is rated by itself, alike on both sides", async () => {
  const pair = await traded(price);
  try {
    assert.deepEqual(await amounts(pair), [
      // 100 × 0.1 + 50 × 0.05 + 0.25 × 2
      ["2026-11", "13", "13"],
      // 50 × 0.1 + 0.15 × 2
      ["2026-12", "5.3", "5.3"],
      ["2027-01", "20", "20"],
    ]);
    const months = (await receiptsAfter(pair.buyer.store, pair.agreement.id, 0, 9)).map(
      ({ body }) => [body.month, body.base?.messages ?? 0] as const,
    );
    assert.deepEqual(months, [
      ["2026-11", 0],
      ["2026-11", 0],
      ["2026-12", 250],
      ["2027-01", 400],
    ]);
  } finally {
    await pair.close();
  }
});

test("charges - a bill proves the month, and one whose base was changed is refused", async () => {
  const pair = await traded(price);
  try {
    const bill = await billOf(pair.seller.store, pair.agreement, "2026-12");
    const text = JSON.stringify(bill);
    const { amount, messages } = await verifyBill(JSON.parse(text));
    assert.deepEqual([amount, messages], ["5.3", 150]);
    const changed = JSON.parse(text) as Bill;
    const { body } = changed.receipts.at(-1) as SignedReceipt;
    body.base = { messages: 0, bytes: 0, amountMicro: "0" };
    await assert.rejects(verifyBill(changed), /receipt 3: the provider's signature/);
  } finally {
    await pair.close();
  }
});

test("charges - nothing is owed in a trial; the day after it is", async () => {
  const pair = await Pair.open({ ...price, trialDays: 5 });
  try {
    await pair.deliver(500);
    pair.clock.at = Date.UTC(2026, 10, 26);
    await pair.deliver(200, 0);
    const [standing] = await pair.seller.provider.closeWindows();
    assert.equal(standing?.problem, undefined);
    assert.equal(standing?.seq, 2);
    assert.equal(standing.amountMicro, 10_000_000n);
    const last = await lastReceipt(pair.buyer.store, pair.agreement.id);
    assert.deepEqual(last?.body.base, { messages: 500, bytes: 5000, amountMicro: "0" });
  } finally {
    await pair.close();
  }
});

test("charges - a provider that rates what came in the trial as if after it is refused", async () => {
  const pair = await Pair.open({ ...price, trialDays: 5 });
  try {
    pair.wrongMs[seller] = 7 * dayMs;
    await pair.deliver(200, 5_000_000);
    pair.wrongMs[seller] = 0;
    pair.clock.at += 8 * dayMs;
    const [standing] = await pair.seller.provider.closeWindows();
    assert.match(
      standing?.problem ?? "",
      /200 of its messages came before 2026-11-26T00:00:00.000Z, when their period began/,
    );
    assert.equal(await lastReceipt(pair.buyer.store, pair.agreement.id), undefined);
  } finally {
    await pair.close();
  }
});

test("charges - what was stored before a period and told in it is one window's leeway", async () => {
  const pair = await Pair.open({ ...price, trialDays: 5 });
  try {
    const stored = await pair.receive(200, 4_000_000);
    pair.clock.at += 10 * dayMs;
    await pair.seller.meter.acknowledge(pair.agreement.id, stored);
    const [standing] = await pair.seller.provider.closeWindows();
    assert.equal(standing?.problem, undefined);
    assert.equal(standing?.amountMicro, 18_000_000n);
  } finally {
    await pair.close();
  }
});

test("charges - a consumer's node signs no base but its own chain's", async () => {
  const pair = await traded(price);
  try {
    const { store, signer } = pair.seller;
    const last = await lastReceipt(store, pair.agreement.id);
    assert.ok(last);
    await pair.receive(10);
    const { epoch, position: to, messages, payloadBytes: bytes } = pair.delivered;
    const base = { messages: 0, bytes: 0, amountMicro: last.body.amountMicro };
    const at = new Date(pair.clock.at).toISOString();
    const body = {
      ...last.body,
      ...{ seq: 5, from: last.body.to, to, epoch, messages, bytes, base, at },
      amountMicro: String(BigInt(last.body.amountMicro) + 20_000_000n),
      prevHash: canonicalHash(last.body),
    };
    const signature = await signer.sign(canonicalBytes(body), receiptType);
    const answer = pair.seller.peers.post("did:web:buyer.example", "/comity/v1/receipts", {
      body,
      signature,
    });
    await assert.rejects(answer, /base is not receipt 4/);
    assert.equal((await lastReceipt(pair.buyer.store, pair.agreement.id))?.body.seq, 4);
  } finally {
    await pair.close();
  }
});
