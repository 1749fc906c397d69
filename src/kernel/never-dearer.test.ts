import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAmount } from "./amount.ts";
import { isNeverDearer } from "./never-dearer.ts";
import { type Charge, isCharged, type Price, usageMicro } from "./price.ts";

const unit = (amount: string, perMessages = 1): Price => ({ amount, currency: "EUR", perMessages });
const eur = (...charges: Charge[]): Price => ({ currency: "EUR", charges });
const flat = eur({ per: "month", amount: "10" });
const graduated = (first: string, second: string): Charge => ({
  perMessages: 10,
  graduated: [{ upTo: 30, amount: first }, { amount: second }],
});

test("never dearer - what compares line by line and comes to no more", () => {
  for (const [next, price] of [
    [unit("1"), unit("1")],
    [unit("1", 2), unit("1")],
    [eur(graduated("1", "0.5")), eur(graduated("1", "0.6"))],
    [eur({ per: "month", amount: "9" }), flat],
    [{ ...flat, cap: "5" }, flat],
    [flat, { ...flat, minimum: "12" }],
    [eur({ perMessages: 1, amount: "1", included: 5 }), eur({ perMessages: 1, amount: "1" })],
    [flat, eur({ per: "month", amount: "10" }, graduated("1", "1"))],
  ] as [Price, Price][]) {
    assert.ok(isNeverDearer(next, price), JSON.stringify([next, price]));
  }
});

test("never dearer - not what asks more anywhere, nor what does not compare", () => {
  for (const [next, price] of [
    [unit("1"), unit("1", 2)],
    [{ ...unit("1"), currency: "KES" }, unit("1")],
    [unit("0.0001"), flat],
    [eur({ perMessages: 1, amount: "0.0001" }), unit("1")],
    [eur(graduated("0.1", "0.7")), eur(graduated("1", "0.6"))],
    [{ ...flat, minimum: "12" }, flat],
    [flat, { ...flat, cap: "5" }],
    [eur({ per: "month", amount: "1" }, graduated("0.1", "0.1")), flat],
    [eur({ perMessages: 1, amount: "1" }), eur({ perMessages: 1, amount: "1", included: 5 })],
  ] as [Price, Price][]) {
    assert.ok(!isNeverDearer(next, price), JSON.stringify([next, price]));
  }
});

const amount = fc.integer({ min: 0, max: 40 }).map((n) => formatAmount(BigInt(n) * 10_000n));
const charge: fc.Arbitrary<Charge> = fc.oneof(
  fc.record({ perMessages: fc.constantFrom(1, 7), amount, included: fc.constantFrom(3, 9) }),
  fc.tuple(amount, amount).map(([a, b]) => graduated(a, b)),
  fc.tuple(amount, amount).map(([a, b]) => ({
    ...{ perBytes: 10, volume: [{ upTo: 20, amount: a }, { amount: b }] },
  })),
);
const any: fc.Arbitrary<Price> = fc.oneof(
  fc.tuple(amount, fc.integer({ min: 1, max: 9 })).map(([a, per]) => unit(a, per)),
  fc
    .tuple(fc.array(charge, { minLength: 1, maxLength: 2 }), fc.constantFrom("0.3", "1", undefined))
    .map(([charges, cap]) => ({ currency: "EUR", charges, ...(cap !== undefined && { cap }) })),
);
const count = fc.integer({ min: 0, max: 90 });

test("never dearer - where it says so, no usage costs more", () => {
  let said = 0;
  fc.assert(
    fc.property(any, any, count, count, (next, price, messages, bytes) => {
      if (!isNeverDearer(next, price)) return;
      if (isCharged(next)) said += 1;
      const used = { messages, bytes };
      assert.ok(usageMicro(next, used) <= usageMicro(price, used));
    }),
    { numRuns: 20_000 },
  );
  assert.ok(said > 50, `only ${said} pairs of charges compared`);
});
