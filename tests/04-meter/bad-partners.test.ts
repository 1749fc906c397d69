/**
 * One test a way of not being honest: what the honest side's books say then, and the most it can
 * lose. docs/reference/bad-partners.md is the table of it.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { canonicalBytes, canonicalHash } from "../../src/kernel/canonical.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { rate } from "../../src/meter/rated.ts";
import { receiptsPath } from "../../src/meter/both-signed.ts";
import { lastCosigned, type ReceiptBody, receiptType } from "../../src/meter/receipt.ts";
import { balancesOf } from "../../src/settle/ledger.ts";
import { standingHere } from "../../src/settle/statements/record.ts";
import { buyer, Pair, seller, type Side } from "./sides.ts";
import { bodyOf, refusal, state } from "./statement-hands.ts";

/** 0.5 EUR a message; 50 messages may be unsigned. Each test begins with 100 that both signed. */
const price = { amount: "0.5", currency: "EUR", perMessages: 1 };
const each = 500_000n;
const signedFirst = 100n * each;
const exposureMax = 50n * each;

async function open(t: TestContext): Promise<Pair> {
  const pair = await Pair.open(price, { exposureMaxMicro: () => exposureMax, retryMs: 10 });
  t.after(() => pair.close());
  await pair.deliver(100);
  await pair.seller.provider.closeWindows();
  assert.deepEqual([await earned(pair.seller), await owed(pair.buyer)], [signedFirst, signedFirst]);
  return pair;
}

async function earned({ store }: Side): Promise<bigint> {
  return -((await balancesOf(store))[0]?.accounts.revenue ?? 0n);
}

async function owed({ store }: Side): Promise<bigint> {
  return -((await balancesOf(store))[0]?.accounts.payable ?? 0n);
}

/** The next receipt as it honestly is, changed, under the provider's real signature. */
async function offer(pair: Pair, change: Partial<ReceiptBody>): Promise<string> {
  const { agreement, delivered, seller: side } = pair;
  const last = (await lastCosigned(side.store, agreement.id))!.body;
  const counted = {
    ...{ messages: delivered.messages, bytes: delivered.payloadBytes },
    ...{ month: "2026-11", at: pair.clock.at },
  };
  const { at, ...rest } = counted;
  const body: ReceiptBody = {
    ...{ ...last, ...rest, seq: last.seq + 1, from: last.to, to: delivered.position },
    ...{ at: new Date(at).toISOString(), prevHash: canonicalHash(last) },
    ...rate(agreement, last, { ...counted, ...change } as typeof counted),
    ...change,
  };
  return bring(pair, body);
}

async function bring({ seller: side }: Pair, body: ReceiptBody): Promise<string> {
  const signature = await side.signer.sign(canonicalBytes(body), receiptType);
  try {
    await side.peers.post(buyer, receiptsPath, { body, signature });
    return "taken";
  } catch (thrown) {
    assert.ok(thrown instanceof ComityError);
    return thrown.message;
  }
}

test("bad partner - a provider that over-counts: its buyer owes what it counted, and loses nothing", async (t) => {
  const pair = await open(t);
  await pair.receive(10);
  assert.match(await offer(pair, { messages: 150, to: 150 }), /is no checkpoint counted here/);
  assert.match(await offer(pair, { messages: 110, bytes: 5_000_000 }), /bytes were counted here/);
  assert.equal(await owed(pair.buyer), signedFirst);
  assert.equal(await offer(pair, {}), "taken");
  assert.equal(await owed(pair.buyer), 110n * each);
});

test("bad partner - a consumer that under-counts: its seller loses at most what may be unsigned", async (t) => {
  const pair = await open(t);
  const { seller: side, agreement } = pair;
  // it got and acknowledged 40, and says of its counts that there were 30
  const got = await pair.deliver(40);
  const less = { ...got, messages: got.messages - 10, payloadBytes: got.payloadBytes - 100 };
  await pair.buyer.store.commit(pair.buyer.counts.writesFor(agreement.id, less));
  const [standing] = await side.provider.closeWindows(agreement.id, 500);
  assert.match(standing?.problem ?? "", /130 messages .* were counted here/);
  const lost = standing!.exposureMicro;
  assert.deepEqual([await earned(side), lost], [signedFirst, 40n * each]);
  assert.ok(lost <= exposureMax);
});

test("bad partner - a consumer that never signs: delivery stops, and its seller loses no more", async (t) => {
  const stopped: boolean[] = [];
  const pair = await Pair.open(price, {
    ...{ exposureMaxMicro: () => exposureMax, retryMs: 10 },
    onExposure: (_agreement, over) => void stopped.push(over),
  });
  t.after(() => pair.close());
  await pair.deliver(100);
  await pair.seller.provider.closeWindows();
  await pair.buyer.stop();
  const { meter, provider } = pair.seller;
  let at = 100;
  stopped.length = 0; // a hundred at once passed it, until they were signed
  while (stopped.length === 0) {
    at += 1;
    const claim = { epoch: "e1", position: at, messages: at, payloadBytes: at * 10 };
    await meter.acknowledge(pair.agreement.id, claim);
    assert.ok(at < 1000, "it has to stop");
  }
  const lost = provider.exposureMicro(pair.agreement.id);
  // the limit, and the one acknowledgement that passed it
  assert.deepEqual([await earned(pair.seller), lost], [signedFirst, exposureMax + each]);
  await pair.restart(buyer);
});

test("bad partner - a provider that signs twice: one of both is signed, and its buyer owes that", async (t) => {
  const pair = await open(t);
  await pair.receive(10);
  assert.equal(await offer(pair, {}), "taken");
  const last = (await lastCosigned(pair.buyer.store, pair.agreement.id))!.body;
  const other = { ...last, at: new Date(pair.clock.at + 1).toISOString() };
  assert.match(await bring(pair, other), /another receipt 2 is signed already/);
  assert.equal(await owed(pair.buyer), 110n * each);
});

test("bad partner - a provider that replays old receipts: they are the same again, owed once", async (t) => {
  const pair = await open(t);
  const first = (await lastCosigned(pair.buyer.store, pair.agreement.id))!.body;
  for (let i = 0; i < 5; i++) assert.equal(await bring(pair, first), "taken");
  const again = { ...first, seq: 2, prevHash: canonicalHash(first) };
  assert.match(await bring(pair, again), /messages went from 100 to 100/);
  assert.equal(await owed(pair.buyer), signedFirst);
});

test("bad partner - a provider that changes the price in the middle: it is refused by the sum", async (t) => {
  const pair = await open(t);
  await pair.receive(10);
  const dearer = String(signedFirst + 10n * 2n * each);
  assert.match(
    await offer(pair, { amountMicro: dearer }),
    /cost 55000000 micro-units, not 60000000/,
  );
  assert.match(await offer(pair, { price: 2 }), /there is no price 2|price 2/);
  assert.equal(await owed(pair.buyer), signedFirst);
  assert.equal(await offer(pair, {}), "taken");
  assert.equal(await owed(pair.buyer), 110n * each);
});

test("bad partner - a provider that states too much: that line waits, and its buyer owes what was signed", async (t) => {
  const pair = await open(t);
  const { statements, exchange } = pair.buyer;
  const answer = await state(pair, bodyOf(pair, {}, { amount: "80" }));
  assert.ok(typeof answer === "object", refusal(answer));
  const { id } = (await statements.list())[0]!;
  const standing = async () => standingHere(await statements.need(id));
  const [line] = (await standing()).lines;
  assert.deepEqual([line?.state, line?.dispute?.claimedMicro], ["disputed", signedFirst]);
  assert.equal((await standing()).dues[0]?.due, 0n);
  assert.equal(await owed(pair.buyer), signedFirst);
  // due it becomes once the provider takes back what was too much
  const { id: agreement } = pair.agreement;
  await pair.seller.statements.take(buyer, answer);
  await pair.seller.exchange.act(id, { do: "credit", agreement, amount: "30", reason: "" });
  const credit = (await standing()).lines[0]!.dispute!.credit!.hash;
  await exchange.act(id, { do: "agree", agreement, credit });
  assert.equal((await standing()).dues[0]?.due, signedFirst);
  for (const books of [await owed(pair.buyer), await earned(pair.seller)]) {
    assert.equal(books, signedFirst);
  }
});

for (const [who, did] of [
  ["provider", seller],
  ["consumer", buyer],
] as const) {
  test(`bad partner - a ${who} that restores an old backup: what both signed since stands`, async (t) => {
    const pair = await open(t);
    const restore = await pair.backUp(did);
    await pair.deliver(50);
    await pair.seller.provider.closeWindows();
    assert.equal(await earned(pair.seller), 150n * each);
    await restore();
    await pair.deliver(10);
    await pair.seller.provider.closeWindows();
    assert.deepEqual(
      [await earned(pair.seller), await owed(pair.buyer)],
      [160n * each, 160n * each],
    );
  });
}

test("bad partner - a receipt in another or an unknown currency: it is refused by name", async (t) => {
  const pair = await open(t);
  await pair.receive(10);
  for (const currency of ["USD", "XXX"]) {
    assert.match(await offer(pair, { currency }), /the currency is EUR/);
  }
  assert.equal(await owed(pair.buyer), signedFirst);
});

test("bad partner - amounts near 2^63: a claimed one is refused, an owed one is exact beyond it", async (t) => {
  const pair = await open(t);
  await pair.receive(10);
  for (const amountMicro of [2n ** 63n - 1n, 2n ** 63n, 2n ** 64n, 10n ** 29n].map(String)) {
    assert.match(await offer(pair, { amountMicro }), /cost 55000000 micro-units/);
  }
  assert.equal(await owed(pair.buyer), signedFirst);
  const dear = { amount: "999999999999.999999", currency: "EUR", perMessages: 1 };
  const vast = await Pair.open(dear);
  t.after(() => vast.close());
  await vast.deliver(31);
  await vast.seller.provider.closeWindows();
  const exact = 31n * 999_999_999_999_999_999n;
  assert.ok(exact > 2n ** 64n);
  assert.deepEqual([await earned(vast.seller), await owed(vast.buyer)], [exact, exact]);
});
