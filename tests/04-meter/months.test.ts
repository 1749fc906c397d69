/** Where months begin among receipts, and windows that end sooner than they would. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { receiptsAfter } from "../../src/meter/receipt.ts";
import { receiptsUntil } from "../../src/settle/statement.ts";
import type { Write } from "../../src/ports/store.ts";
import { until } from "../two-nodes.ts";
import { Pair, type Side } from "./sides.ts";

const price = { amount: "0.01", currency: "EUR", perMessages: 1 };
const day = 86_400_000;
const months = ["2026-10", "2026-11", "2026-12", "2027-01", "2027-02", "2027-03"];

async function numbers({ store }: Side, agreement: string): Promise<(number | undefined)[][]> {
  const found = await Promise.all(months.map((month) => receiptsUntil(store, agreement, month)));
  return found.map(({ before, last }) => [before?.seq, last?.seq]);
}

async function forgetMonths({ store }: Side): Promise<void> {
  const noted = await store.list("receipt-month");
  assert.ok(noted.length > 0, "months are noted");
  await store.commit(noted.map(({ id }) => ({ op: "remove", kind: "receipt-month", id })));
}

test("months - are found by where they begin, as by a search of all receipts", async (t) => {
  const pair = await Pair.open(price);
  t.after(() => pair.close());
  const { id } = pair.agreement;
  const sides = [pair.seller, pair.buyer];
  const receipted = async (): Promise<void> => {
    await pair.deliver(3);
    await pair.seller.provider.closeWindows();
  };
  pair.clock.at = Date.UTC(2026, 10, 28);
  for (const days of [0, 1, 4, 0, 70, 0]) {
    pair.clock.at += days * day;
    await receipted();
  }
  const expected = [
    [undefined, undefined],
    [undefined, 2],
    [2, 4],
    [4, undefined],
    [4, 6],
    [6, undefined],
  ];
  for (const side of sides) assert.deepEqual(await numbers(side, id), expected);
  // as an older version left them, which goes on in the same month, and in the next
  for (const side of sides) {
    await forgetMonths(side);
    assert.deepEqual(await numbers(side, id), expected);
  }
  await receipted();
  pair.clock.at += 30 * day;
  await receipted();
  for (const side of sides) {
    const [october, november, december, january] = expected;
    const later = [october, november, december, january, [4, 7], [7, 8]];
    assert.deepEqual(await numbers(side, id), later);
  }
  // and one that came between noted none of its months
  for (const side of sides) {
    const noted = await side.store.list<{ first: number }>("receipt-month");
    assert.deepEqual(
      noted.map(({ doc }) => doc.first),
      [8],
    );
    const older: Write = {
      ...{ op: "put", kind: "receipt-month" },
      ...{ id: `${id}/2026-11`, doc: { first: 1 } },
    };
    await side.store.commit([older]);
    assert.deepEqual((await numbers(side, id))[1], [undefined, 2]);
  }
});

test("windows - end sooner where half of what may be unsigned is, however long they are", async (t) => {
  const limit = 1_000_000n; // 100 messages
  const stops: boolean[] = [];
  const pair = await Pair.open(price, {
    ...{ windowMs: 86_400_000, exposureMaxMicro: () => limit },
    onExposure: (_agreement, over) => void stops.push(over),
  });
  t.after(() => pair.close());
  const signed = async () => receiptsAfter(pair.buyer.store, pair.agreement.id, 0, 100);
  for (let i = 0; i < 5; i++) await pair.deliver(10);
  assert.deepEqual(await signed(), [], "half of it does not end a window");
  for (let i = 1; i <= 20; i++) {
    await pair.deliver(10);
    const { messages } = pair.delivered;
    await until("no more than half is unsigned", () => {
      return pair.seller.provider.exposureMicro(pair.agreement.id) * 2n <= limit;
    });
    assert.equal(messages, 50 + i * 10);
  }
  assert.deepEqual(stops, [], "delivery never stopped");
  const count = (await signed()).length;
  assert.ok(count >= 3 && count <= 5, `${count} receipts`);
});
