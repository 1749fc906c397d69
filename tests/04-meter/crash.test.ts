import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { usageMicro } from "../../src/kernel/price.ts";
import { receiptsAfter } from "../../src/meter/receipt.ts";
import type { ReceiptRecord } from "../../src/meter/receipt.ts";
import type { UsageRow } from "../../src/meter/usage-rows.ts";
import { balancesOf } from "../../src/settle/ledger.ts";
import { statementOf } from "../../src/settle/statement.ts";
import { asBuyer, buyer, Pair, seller } from "./sides.ts";

/** More of them find rarer orders; a failure prints its seed. */
const numRuns = Number(process.env["COMITY_PROPERTY_RUNS"] ?? 10);

const price = { amount: "0.0017", currency: "KES", perMessages: 7 };

/** Everything that must hold once both sides run and all is acknowledged. */
async function assertSettled(pair: Pair): Promise<void> {
  const id = pair.agreement.id;
  await pair.seller.meter.acknowledge(id, pair.delivered);
  const [standing] = await pair.seller.provider.closeWindows();
  const acknowledged = pair.seller.meter.acknowledged(id);
  assert.equal(acknowledged.messages, pair.delivered.messages);

  const rows = (await pair.seller.store.list<UsageRow>("usage")).map(({ doc }) => doc);
  const sum = rows.reduce((total, row) => total + row.messages, 0);
  const bytes = rows.reduce((total, row) => total + row.bytes, 0);
  assert.deepEqual([sum, bytes], [acknowledged.messages, pair.delivered.payloadBytes]);
  if (pair.delivered.messages === 0) return;

  assert.equal(standing?.problem, undefined);
  assert.equal(standing?.complete, true);
  const sold = await receiptsAfter(pair.seller.store, id, 0, 1000);
  const bought = await receiptsAfter(pair.buyer.store, id, 0, 1000);
  assert.deepEqual(sold.map(evidenceIn), bought.map(evidenceIn));
  assert.deepEqual(
    sold.map(({ body, state }) => [body.seq, state]),
    sold.map((_, i) => [i + 1, "cosigned"]),
  );
  await assertSameMoney(pair, [...new Set(sold.map(({ body }) => body.month))]);
}

function evidenceIn({ body, signatures }: ReceiptRecord) {
  return { body, signatures };
}

async function assertSameMoney(pair: Pair, months: readonly string[]): Promise<void> {
  let amount = 0;
  for (const month of months) {
    const [sold] = await statementOf(pair.seller.store, [pair.agreement], month);
    const [bought] = await statementOf(pair.buyer.store, [asBuyer(pair.agreement)], month);
    assert.deepEqual({ ...sold, role: "consumer" }, bought);
    amount += Math.round(Number(sold?.amount) * 1e6);
  }
  const owed = usageMicro(price, { messages: pair.delivered.messages, bytes: 0 });
  assert.equal(BigInt(amount), owed);
  const [sells] = await balancesOf(pair.seller.store);
  const [buys] = await balancesOf(pair.buyer.store);
  assert.equal(sells?.accounts.receivable ?? 0n, owed);
  assert.equal(buys?.accounts.payable ?? 0n, -owed);
}

/** Where the provider, and the consumer, can be killed. */
const points = {
  [seller]: ["usage.committed", "receipt.stored", "receipt.signed", "receipt.answered"],
  [buyer]: ["receipt.cosigned"],
} as const;

for (const [did, names] of Object.entries(points)) {
  for (const point of names) {
    test(`receipts - killed at ${point}, each receipt still exists once`, async (t) => {
      const pair = await Pair.open(price);
      t.after(() => pair.close());
      await pair.deliver(11);
      await pair.seller.provider.closeWindows();
      await pair.restart(did, `${point}:1`);
      await pair.deliver(23).catch(() => {});
      const side = did === seller ? pair.seller : pair.buyer;
      for (let tries = 0; tries < 200 && !side.crashed(); tries++) {
        await pair.seller.provider.closeWindows(undefined, 50); // who died answers no more
      }
      assert.equal(side.crashed(), true);
      await pair.restart(did);
      await assertSettled(pair);
      await pair.deliver(5);
      await assertSettled(pair);
    });
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("deliver"), n: fc.nat({ max: 500 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("receive"), n: fc.nat({ max: 500 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("repeat"), n: fc.nat({ max: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("close"), n: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("month"), n: fc.nat({ max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reconnect"), n: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("kill"), n: fc.nat({ max: 9 }) }) },
);

/** `n` says how much, which one, or where, as the step needs it. */
async function run(pair: Pair, steps: readonly { do: string; n: number }[]): Promise<void> {
  const told = [pair.delivered];
  const { id } = pair.agreement;
  for (const { do: what, n } of steps) {
    if (what === "deliver") await pair.deliver(n, n * 3, n % 5).catch(() => {});
    if (what === "receive") await pair.receive(n, n * 3, n % 3);
    if (what === "reconnect") pair.reconnect();
    if (what === "month") pair.clock.at += n * 86_400_000;
    if (what === "close") await pair.seller.provider.closeWindows(undefined, 40);
    if (what === "repeat") {
      const again = [told.at(n % told.length), told.at(-1 - (n % told.length)), pair.delivered];
      const claims = again.filter((claim) => claim !== undefined);
      const { meter } = pair.seller;
      await Promise.allSettled(claims.map((claim) => meter.acknowledge(id, claim)));
    }
    if (what === "kill") {
      const all = Object.entries(points).flatMap(([did, names]) =>
        names.map((point) => ({ did, point })),
      );
      const { did, point } = all[n % all.length]!;
      await pair.restart(did, `${point}:${1 + Math.floor(n / all.length)}`);
    }
    told.push(pair.delivered);
    if (pair.seller.crashed()) await pair.restart(seller);
    if (pair.buyer.crashed()) await pair.restart(buyer);
  }
}

test("receipts - any order of deliveries, repeats and kills ends in the same sums", async () => {
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 4, maxLength: 16 }),
    async (steps) => {
      const pair = await Pair.open(price);
      try {
        await run(pair, steps);
        await pair.restart(seller);
        await pair.restart(buyer);
        await assertSettled(pair);
      } finally {
        await pair.close();
      }
    },
  );
  await fc.assert(property, { numRuns });
});
