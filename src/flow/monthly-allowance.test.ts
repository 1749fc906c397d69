import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAmount } from "../kernel/amount.ts";
import { usageMicro } from "../kernel/price.ts";
import { messagesWithin, MonthlyAllowance } from "./monthly-allowance.ts";

const terms = fc.record({
  amountMicro: fc.bigInt({ min: 1n, max: 10_000_000n }),
  perMessages: fc.integer({ min: 1, max: 5_000 }),
  ceilingMicro: fc.bigInt({ min: 0n, max: 1_000_000_000n }),
  before: fc.nat({ max: 1_000_000_000 }),
});

test("monthly allowance - the greatest count that costs no more than the ceiling", () => {
  fc.assert(
    fc.property(terms, ({ amountMicro: micro, perMessages, ceilingMicro, before }) => {
      const price = { amount: formatAmount(micro), currency: "EUR", perMessages };
      const most = messagesWithin({ price, ceilingMicro }, before);
      const cost = (messages: number): bigint =>
        usageMicro(price, { messages, bytes: 0 }) -
        usageMicro(price, { messages: before, bytes: 0 });
      assert.ok(most >= before);
      assert.ok(cost(most) <= ceilingMicro);
      assert.ok(cost(most + 1) > ceilingMicro);
    }),
  );
});

test("monthly allowance - allows nothing before a month began, nor after it is over", async () => {
  const clock = { at: Date.UTC(2026, 10, 30), now: () => clock.at, monotonic: () => 0 };
  const price = { amount: "1", currency: "EUR", perMessages: 1 };
  const allowance = new MonthlyAllowance({ price, ceilingMicro: 5_000_000n }, clock);
  assert.equal(allowance.allows(1), false);
  const asked: string[] = [];
  const before = async (month: string): Promise<number> => {
    asked.push(month);
    return 10;
  };
  await allowance.begin(before);
  assert.deepEqual([allowance.allows(15), allowance.allows(16)], [true, false]);
  assert.equal(allowance.leftMs, 86_400_000);
  clock.at += allowance.leftMs;
  assert.deepEqual([allowance.isOver, allowance.allows(11)], [true, false]);
  await allowance.begin(before);
  assert.deepEqual([allowance.allows(15), asked], [true, ["2026-11", "2026-12"]]);
  clock.at -= 86_400_000; // a clock set back opens no old month
  assert.deepEqual([allowance.isOver, allowance.allows(15)], [false, true]);
});
