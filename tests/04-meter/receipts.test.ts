import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { receiptsAfter } from "../../src/meter/receipt.ts";
import type { ReceiptRecord } from "../../src/meter/receipt.ts";
import type { UsageRow } from "../../src/meter/usage-rows.ts";
import type { Store } from "../../src/ports/store.ts";
import { balancesOf } from "../../src/settle/ledger.ts";
import { statementOf } from "../../src/settle/statement.ts";
import { asBuyer, buyer, openPair, type Pair, seller } from "./sides.ts";
import type { SideOptions } from "./sides.ts";
import { emptyBook } from "../empty-book.ts";

const price = { amount: "0.002", currency: "EUR", perMessages: 3 };

const open = (t: TestContext, receipts?: SideOptions["receipts"]): Promise<Pair> =>
  openPair(t, price, receipts);

function receiptsOf(store: Store, pair: Pair): Promise<ReceiptRecord[]> {
  return receiptsAfter(store, pair.agreement.id, 0, 1000);
}

test("receipts - what was acknowledged is signed by both sides, with the same bytes", async (t) => {
  const pair = await open(t);
  await pair.deliver(400);
  await pair.deliver(600, 5_000, 7);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.equal(standing?.complete, true);
  assert.equal(standing?.exposureMicro, 0n);
  const [sold, bought] = [
    await receiptsOf(pair.seller.store, pair),
    await receiptsOf(pair.buyer.store, pair),
  ];
  assert.equal(sold.length, 1);
  const [receipt] = sold;
  assert.equal(receipt?.state, "cosigned");
  assert.equal(receipt?.signatures.length, 2);
  assert.deepEqual(receipt?.body, bought[0]?.body);
  assert.deepEqual(receipt?.signatures, bought[0]?.signatures);
  const { messages, bytes, from, to, amountMicro, prevHash } = receipt.body;
  assert.deepEqual(
    { messages, bytes, from, to, amountMicro, prevHash },
    { messages: 1000, bytes: 9_000, from: 0, to: 1007, amountMicro: "666666", prevHash: "" },
  );
});

test("receipts - nothing new makes no receipt, however often windows close", async (t) => {
  const pair = await open(t);
  await pair.deliver(5);
  await pair.seller.provider.closeWindows();
  await pair.deliver(0, 0, 20);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.equal(standing?.complete, true);
  assert.equal((await receiptsOf(pair.seller.store, pair)).length, 1);
  await pair.deliver(1);
  await pair.seller.provider.closeWindows();
  const last = (await receiptsOf(pair.seller.store, pair)).at(-1);
  assert.deepEqual([last?.body.seq, last?.body.from, last?.body.to], [2, 5, 26]);
});

test("receipts - a window is closed by the clock on the wall as well", async (t) => {
  const pair = await open(t, { windowMs: 20 });
  await pair.deliver(9);
  const until = performance.now() + 5000;
  while ((await receiptsOf(pair.buyer.store, pair)).length === 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal((await receiptsOf(pair.buyer.store, pair))[0]?.body.messages, 9);
});

test("receipts - a window never straddles a month, and a month's amount is a difference", async (t) => {
  const pair = await open(t);
  pair.clock.at = Date.UTC(2026, 10, 30, 23, 59);
  await pair.deliver(100);
  pair.clock.at = Date.UTC(2026, 11, 1, 0, 1);
  await pair.deliver(50);
  await pair.deliver(1);
  await pair.seller.provider.closeWindows();
  const months = (await receiptsOf(pair.buyer.store, pair)).map(({ body }) => [
    body.month,
    body.messages,
  ]);
  assert.deepEqual(months, [
    ["2026-11", 100],
    ["2026-12", 151],
  ]);
  const lines = [];
  for (const month of ["2026-10", "2026-11", "2026-12", "2027-01"]) {
    const sold = await statementOf(pair.seller.store, [pair.agreement], month);
    const bought = await statementOf(pair.buyer.store, [asBuyer(pair.agreement)], month);
    assert.deepEqual(
      sold.map((line) => ({ ...line, role: "consumer" })),
      bought,
    );
    lines.push(...sold.map(({ amount, messages, receipts }) => [amount, messages, receipts]));
  }
  // floor(100 × 2000 / 3) = 66,666; floor(151 × 2000 / 3) = 100,666
  assert.deepEqual(lines, [
    ["0.066666", 100, 1],
    ["0.034", 51, 1],
  ]);
});

test("receipts - positions withheld at a month's end do not hold up the next month's", async (t) => {
  const pair = await open(t);
  pair.clock.at = Date.UTC(2026, 10, 30, 23, 58);
  await pair.deliver(10);
  await pair.seller.provider.closeWindows();
  await pair.deliver(0, 0, 5);
  pair.clock.at = Date.UTC(2026, 11, 1, 0, 1);
  await pair.deliver(3);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.deepEqual([standing?.messages, standing?.complete], [13, true]);
  const receipts = await receiptsOf(pair.buyer.store, pair);
  assert.deepEqual(
    receipts.map(({ body }) => [body.month, body.messages, body.from, body.to]),
    [
      ["2026-11", 10, 0, 10],
      ["2026-12", 13, 10, 18],
    ],
  );
});

test("receipts - go on over a live stream's connections", async (t) => {
  const pair = await open(t);
  await pair.deliver(10);
  pair.reconnect();
  await pair.deliver(5);
  await pair.seller.provider.closeWindows();
  pair.reconnect();
  await pair.deliver(2);
  pair.reconnect();
  await pair.deliver(3);
  await pair.seller.provider.closeWindows();
  const bodies = (await receiptsOf(pair.buyer.store, pair)).map(({ body }) => body);
  assert.deepEqual(
    bodies.map(({ epoch, from, to, messages }) => [epoch, from, to, messages]),
    [
      ["e2", 0, 5, 15],
      ["e4", 0, 3, 20],
    ],
  );
});

test("receipts - an unreachable consumer costs nothing: the same bytes go out again", async (t) => {
  const pair = await open(t);
  await pair.deliver(30);
  await pair.buyer.stop();
  const [waiting] = await pair.seller.provider.closeWindows(undefined, 100);
  assert.equal(waiting?.complete, false);
  assert.match(waiting?.problem ?? "", /did not answer/);
  const [sent] = await receiptsOf(pair.seller.store, pair);
  assert.equal(sent?.state, "signed");
  await pair.restart(buyer);
  await pair.deliver(30);
  const [standing] = await pair.seller.provider.closeWindows();
  assert.equal(standing?.complete, true);
  const bought = await receiptsOf(pair.buyer.store, pair);
  assert.deepEqual(bought[0]?.body, sent?.body);
  assert.deepEqual(bought[0]?.signatures[0], sent?.signatures[0]);
  assert.deepEqual(
    bought.map(({ body }) => body.messages),
    [30, 60],
  );
});

test("receipts - usage rows that are signed for are joined, and their sum stays", async (t) => {
  const pair = await open(t);
  for (let i = 0; i < 10; i++) await pair.deliver(3);
  pair.reconnect();
  for (let i = 0; i < 10; i++) await pair.deliver(2);
  assert.equal((await pair.seller.store.list("usage")).length, 20);
  await pair.seller.provider.closeWindows();
  await pair.deliver(7);
  const rows = (await pair.seller.store.list<UsageRow>("usage")).map(({ doc }) => doc);
  assert.deepEqual(
    rows.map(({ epoch, from, to, messages }) => [epoch, from, to, messages]),
    [
      ["e1", 0, 30, 30],
      ["e2", 0, 20, 20],
      ["e2", 20, 27, 7],
    ],
  );
  assert.equal((await pair.buyer.store.list("count")).length, 1);
  await pair.restart(seller);
  assert.deepEqual(pair.seller.meter.acknowledged(pair.agreement.id), pair.delivered);
});

test("ledger - both sides' books balance, and mirror each other", async (t) => {
  const pair = await open(t);
  for (let i = 0; i < 4; i++) {
    await pair.deliver(1000);
    await pair.seller.provider.closeWindows();
  }
  const [sold] = await balancesOf(pair.seller.store);
  const [bought] = await balancesOf(pair.buyer.store);
  const owed = 2_666_666n; // floor(4000 × 2000 / 3)
  assert.deepEqual(sold, {
    currency: "EUR",
    accounts: { ...emptyBook, receivable: owed, revenue: -owed },
  });
  assert.deepEqual(bought?.accounts, { ...emptyBook, expense: owed, payable: -owed });
  assert.equal((await pair.seller.store.list("posting")).length, 4);
});
