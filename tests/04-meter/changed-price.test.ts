import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalBytes } from "../../src/kernel/canonical.ts";
import type { Price } from "../../src/kernel/price.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import { priceChangeType } from "../../src/market/price-change.ts";
import { receiptsAfter } from "../../src/meter/receipt.ts";
import { billOf } from "../../src/settle/bill.ts";
import { statementOf } from "../../src/settle/statement.ts";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import { mergeSignatures, unsignedJws } from "../../src/wire/jws.ts";
import { asBuyer, Pair, seller } from "./sides.ts";

const unit = (amount: string): Price => ({ amount, currency: "EUR", perMessages: 1 });
const byMonth: Price = {
  currency: "EUR",
  charges: [
    { per: "month", amount: "3" },
    { perMessages: 1, amount: "0.1", included: 10 },
  ],
};

/** Both have signed it, as their nodes do. */
async function change(pair: Pair, number: number, price: Price, from: string): Promise<void> {
  const { id, policyHash, changes = [] } = pair.agreement;
  const bytes = canonicalBytes({ v: 1, agreement: id, policyHash, number, price, from });
  const signatures = await Promise.all(
    [pair.seller, pair.buyer].map(({ signer }) => signer.sign(bytes, priceChangeType)),
  );
  const evidence = mergeSignatures(unsignedJws(bytes), ...signatures);
  const agreement: Agreement = {
    ...pair.agreement,
    changes: [...changes, { number, price, from, evidence }],
  };
  pair.agreement = agreement;
  const put = (doc: Agreement) => [{ op: "put" as const, kind: "agreement", id, doc }];
  await pair.seller.store.commit(put(agreement));
  await pair.buyer.store.commit(put(asBuyer(agreement)));
}

test("changed price - rates from its moment on, and what waits is cut there", async (t) => {
  const pair = await Pair.open(unit("1"));
  t.after(() => pair.close());
  await change(pair, 2, unit("0.5"), "2026-11-21T00:00:00.000Z");
  await change(pair, 3, byMonth, "2026-12-01T00:00:00.000Z");
  for (const [at, messages] of [
    [Date.UTC(2026, 10, 20, 23), 4],
    [Date.UTC(2026, 10, 21, 1), 10],
    [Date.UTC(2026, 11, 2), 30],
  ] as const) {
    pair.clock.at = at;
    await pair.deliver(messages);
  }
  await pair.seller.provider.closeWindows();
  const receipts = await receiptsAfter(pair.buyer.store, pair.agreement.id, 0, 9);
  assert.deepEqual(
    receipts.map(({ body }) => [body.price ?? 1, body.base?.messages ?? 0, body.amountMicro]),
    [
      [1, 0, "4000000"],
      [2, 4, "9000000"],
      [3, 14, "11000000"],
    ],
  );
  for (const [month, amount] of [
    ["2026-11", "9"],
    ["2026-12", "5"],
  ] as const) {
    const [line] = await statementOf(pair.buyer.store, [asBuyer(pair.agreement)], month);
    assert.equal(line?.amount, amount);
    const bill = await billOf(pair.seller.store, pair.agreement, month);
    assert.equal((await verifyBill(JSON.parse(JSON.stringify(bill)))).amount, amount);
  }
});

test("changed price - a provider that rates by it before its moment is refused", async (t) => {
  const pair = await Pair.open(unit("1"));
  t.after(() => pair.close());
  await change(pair, 2, unit("5"), "2026-11-22T00:00:00.000Z");
  pair.wrongMs[seller] = 3 * 86_400_000;
  await pair.deliver(10, 5_000_000);
  pair.wrongMs[seller] = 0;
  pair.clock.at += 3 * 86_400_000;
  const [standing] = await pair.seller.provider.closeWindows();
  assert.match(
    standing?.problem ?? "",
    /10 of its messages came before 2026-11-22T00:00:00.000Z, when their period began/,
  );
  assert.equal((await receiptsAfter(pair.buyer.store, pair.agreement.id, 0, 9)).length, 0);
});

test("changed price - one that the consumer did not sign rates nothing", async (t) => {
  const pair = await Pair.open(unit("1"));
  t.after(() => pair.close());
  const { id } = pair.agreement;
  const own = await pair.buyer.store.get<Agreement>("agreement", id);
  await change(pair, 2, unit("5"), "2026-11-20T12:00:00.000Z");
  await pair.buyer.store.commit([{ op: "put", kind: "agreement", id, doc: own }]);
  pair.clock.at += 60_000;
  await pair.deliver(10);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.equal(standing?.seq, 0);
  assert.equal((await receiptsAfter(pair.buyer.store, id, 0, 9)).length, 0);
});

test("changed price - a provider that goes on with the old one when both signed a lower is refused", async (t) => {
  const pair = await Pair.open(unit("1"));
  t.after(() => pair.close());
  const { id } = pair.agreement;
  const own = await pair.seller.store.get<Agreement>("agreement", id);
  await change(pair, 2, unit("0.5"), "2026-11-21T00:00:00.000Z");
  await pair.seller.store.commit([{ op: "put", kind: "agreement", id, doc: own }]);
  pair.clock.at = Date.UTC(2026, 10, 22);
  await pair.deliver(10);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.match(
    standing?.problem ?? "",
    /its messages came after 2026-11-21T00:00:00.000Z, when their period ended/,
  );
  assert.equal((await receiptsAfter(pair.buyer.store, id, 0, 9)).length, 0);
});
