import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { receiptsAfter } from "../../src/meter/receipt.ts";
import { billOf } from "../../src/settle/bill.ts";
import { verifyBill } from "../../src/settle/verify/bill.ts";
import { buyer, openPair, type Pair, seller } from "./sides.ts";

const price = { amount: "0.002", currency: "EUR", perMessages: 1 };
const yearsMs = 72 * 365 * 86_400_000;

const open = (t: TestContext): Promise<Pair> => openPair(t, price, { retryMs: 2 });

/** Every receipt the seller holds: its month, messages and state. */
async function chain(pair: Pair): Promise<(readonly [string, number, string])[]> {
  const records = await receiptsAfter(pair.seller.store, pair.agreement.id, 0, 100);
  return records.map(({ body, state }) => [body.month, body.messages, state] as const);
}

for (const [what, jumpMs] of [
  ["decades ahead", yearsMs],
  ["decades behind", -20 * 365 * 86_400_000],
] as const) {
  test(`clock - a provider's that was ${what} for a while costs no receipt`, async (t) => {
    const pair = await open(t);
    await pair.deliver(10);
    await pair.seller.provider.closeWindows();
    pair.wrongMs[seller] = jumpMs;
    await pair.deliver(5);
    const [wrong] = await pair.seller.provider.closeWindows(undefined, 300);
    assert.equal(wrong?.messages, 10);
    assert.equal(wrong.complete, false);
    pair.wrongMs[seller] = 0;
    await pair.deliver(3);
    const [right] = await pair.seller.provider.closeWindows();
    assert.deepEqual([right?.messages, right?.complete], [18, true]);
    for (const [month, , state] of await chain(pair)) {
      assert.deepEqual([month, state], ["2026-11", "cosigned"]);
    }
    pair.clock.at = Date.UTC(2026, 11, 2);
    await pair.deliver(4);
    await pair.seller.provider.closeWindows();
    assert.deepEqual((await chain(pair)).at(-1), ["2026-12", 22, "cosigned"]);
    const bill = await billOf(pair.seller.store, pair.agreement, "2026-11");
    assert.equal((await verifyBill(bill)).messages, 18);
  });
}

test("clock - a first receipt from a wrong one is built again, after a restart too", async (t) => {
  const pair = await open(t);
  pair.wrongMs[seller] = yearsMs;
  await pair.deliver(5);
  await pair.seller.provider.closeWindows(undefined, 300);
  assert.deepEqual((await chain(pair)).at(-1), ["2098-11", 5, "disputed"]);
  pair.wrongMs[seller] = 0;
  await pair.restart(seller);
  await pair.deliver(1);
  await pair.seller.provider.closeWindows();
  for (const [month, , state] of await chain(pair)) {
    assert.deepEqual([month, state], ["2026-11", "cosigned"]);
  }
  assert.equal((await pair.seller.provider.closeWindows())[0]?.messages, 6);
});

test("clock - a consumer that counted by a wrong one signs when it is right again", async (t) => {
  const pair = await open(t);
  pair.wrongMs[buyer] = yearsMs;
  await pair.deliver(5);
  pair.wrongMs[buyer] = 0;
  const [standing] = await pair.seller.provider.closeWindows();
  assert.deepEqual([standing?.messages, standing?.complete], [5, true]);
});
