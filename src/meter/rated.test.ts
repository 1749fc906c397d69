import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { canonicalHash } from "../kernel/canonical.ts";
import { monthOf } from "../kernel/clock.ts";
import { type ChargedPrice, usageMicro } from "../kernel/price.ts";
import { trialEnd } from "./prices-in-force.ts";
import { owedMicro, periodText, rate } from "./rated.ts";
import { type ReceiptBody, receiptProblem, type ReceiptTerms } from "./receipt.ts";

const price: ChargedPrice = {
  currency: "EUR",
  charges: [
    {
      perMessages: 10,
      included: 20,
      graduated: [{ upTo: 50, amount: "0.05" }, { amount: "0.03" }],
    },
    { perBytes: 100, volume: [{ upTo: 1000, amount: "0.2" }, { amount: "0.1" }] },
  ],
  cap: "4",
};
const signedAt = "2026-10-20T15:00:00.000Z";
const terms: ReceiptTerms = { id: "urn:uuid:1", policyHash: "sha256:p", price, signedAt };

interface Window {
  readonly at: number;
  readonly messages: number;
  readonly bytes: number;
}

/** A chain as a provider builds it: one receipt for each window. */
function chainOf(windows: readonly Window[], agreed: ReceiptTerms = terms): ReceiptBody[] {
  const chain: ReceiptBody[] = [];
  for (const { at, ...more } of windows) {
    const before = chain.at(-1);
    const messages = (before?.messages ?? 0) + more.messages;
    const bytes = (before?.bytes ?? 0) + more.bytes;
    const month = monthOf(at);
    chain.push({
      ...{ v: 1, agreement: agreed.id, policyHash: agreed.policyHash, seq: chain.length + 1 },
      ...{ epoch: "e", from: before?.to ?? 0, to: messages, messages, bytes, month },
      currency: "EUR",
      ...rate(agreed, before, { messages, bytes, month, at }),
      at: new Date(at).toISOString(),
      prevHash: before === undefined ? "" : canonicalHash(before),
    });
  }
  return chain;
}

const windows = fc
  .array(
    fc.record({
      at: fc.integer({ min: Date.UTC(2026, 9, 20, 15), max: Date.UTC(2027, 1, 20) }),
      messages: fc.integer({ min: 1, max: 60 }),
      bytes: fc.integer({ min: 0, max: 900 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((list) => list.toSorted((a, b) => a.at - b.at));

test("rated - the sum of receipts is the price of each period, however windows fall", () => {
  fc.assert(
    fc.property(windows, fc.boolean(), (list, isTried) => {
      const agreed = isTried ? { ...terms, price: { ...price, trialDays: 20 } } : terms;
      const chain = chainOf(list, agreed);
      const periods = new Map<string, { messages: number; bytes: number }>();
      for (const { at, messages, bytes } of list) {
        if (at < (trialEnd(agreed) ?? 0)) continue;
        const sum = periods.get(monthOf(at)) ?? { messages: 0, bytes: 0 };
        const next = { messages: sum.messages + messages, bytes: sum.bytes + bytes };
        periods.set(monthOf(at), next);
      }
      let owed = 0n;
      for (const used of periods.values()) owed += usageMicro(price, used);
      assert.equal(chain.at(-1)?.amountMicro, owed.toString());
      chain.forEach((body, at) => {
        assert.equal(receiptProblem(body, chain[at - 1], agreed), undefined);
        assert.ok(BigInt(body.amountMicro) >= BigInt(chain[at - 1]?.amountMicro ?? 0));
      });
    }),
  );
});

const october = { at: Date.UTC(2026, 9, 25), messages: 100, bytes: 100 };
const november = { at: Date.UTC(2026, 10, 5), messages: 30, bytes: 10 };
const later = { at: Date.UTC(2026, 10, 6), messages: 5, bytes: 10 };

test("rated - a receipt carries where its month began, and none does in the first", () => {
  const [first, second, third] = chainOf([october, november, later]);
  assert.equal(first?.base, undefined);
  const base = { messages: 100, bytes: 100, amountMicro: first?.amountMicro };
  assert.deepEqual([second?.base, third?.base], [base, base]);
});

test("rated - a base that is none, or another's, is refused by name", () => {
  const [first, second, third] = chainOf([october, november, later]);
  assert.ok(first && second?.base && third);
  const refused = (body: ReceiptBody, before: ReceiptBody | undefined, why: RegExp) =>
    assert.match(receiptProblem(body, before, terms) ?? "nothing", why);
  const { base: _base, ...bare } = second;
  const whole = usageMicro(price, bare).toString();
  refused({ ...bare, amountMicro: whole }, first, /base is not receipt 1/);
  refused({ ...second, amountMicro: "1" }, first, /130 messages and 110 bytes cost 610000 micro/);
  const fewer = { ...second.base, messages: 90 };
  const gained = usageMicro(price, { messages: 40, bytes: 10 });
  const amountMicro = (BigInt(fewer.amountMicro) + gained).toString();
  refused({ ...second, base: fewer, amountMicro }, first, /base is not receipt 1/);
  refused(
    { ...first, base: { ...fewer, messages: 0, bytes: 0, amountMicro: "0" } },
    undefined,
    /./,
  );
  refused({ ...second, trial: true }, first, /no trial/);
  const unit = { ...terms, price: { amount: "1", currency: "EUR", perMessages: 1 } };
  assert.match(receiptProblem(second, first, unit) ?? "", /it has a base|cost/);
});

test("rated - nothing is owed in the trial, which ends with a day, and never comes back", () => {
  const agreed = { ...terms, price: { ...price, trialDays: 10 } };
  assert.equal(new Date(trialEnd(agreed) ?? 0).toISOString(), "2026-10-31T00:00:00.000Z");
  const chain = chainOf([october, { ...october, at: Date.UTC(2026, 9, 31) }, november], agreed);
  assert.deepEqual(
    chain.map(({ trial, amountMicro }) => [trial ?? false, amountMicro]),
    [
      [true, "0"],
      [false, "540000"],
      [false, "610000"],
    ],
  );
  const [, second, third] = chain;
  assert.ok(second && third);
  const back = { ...third, trial: true as const, amountMicro: second.amountMicro };
  assert.match(receiptProblem(back, second, agreed) ?? "", /the trial is over/);
  const atTime = (at: number) => periodText(agreed, { month: monthOf(at), at });
  assert.notEqual(atTime(Date.UTC(2026, 9, 30)), atTime(Date.UTC(2026, 9, 31)));
});

test("rated - what is owed so far is what a receipt would say now", () => {
  const [first, second] = chainOf([october, november]);
  assert.ok(second);
  const used = { messages: second.messages, bytes: second.bytes };
  assert.equal(owedMicro(terms, first, used, november.at).toString(), second.amountMicro);
});

const evidence = { payload: "", signatures: [] };

test("rated - each message by the price that is in force, wherever prices change", () => {
  const changes = fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { maxLength: 3 }).map((days) =>
    days
      .toSorted((a, b) => a - b)
      .map((day, at) => ({
        number: at + 2,
        price: { amount: `0.${at + 1}7`, currency: "EUR", perMessages: 3 },
        from: new Date(Date.UTC(2026, 9, 20 + day)).toISOString(),
        evidence,
      })),
  );
  fc.assert(
    fc.property(windows, changes, (list, changed) => {
      const own = { amount: "0.5", currency: "EUR", perMessages: 7 };
      const agreed = { ...terms, price: own, changes: changed };
      const chain = chainOf(list, agreed);
      const byPrice = new Map<number, number>();
      for (const { at, messages } of list) {
        const number = changed.findLast(({ from }) => Date.parse(from) <= at)?.number ?? 1;
        byPrice.set(number, (byPrice.get(number) ?? 0) + messages);
      }
      let owed = 0n;
      for (const [number, messages] of byPrice) {
        const { price: one } = changed.find((change) => change.number === number) ?? { price: own };
        owed += usageMicro(one, { messages, bytes: 0 });
      }
      assert.equal(chain.at(-1)?.amountMicro, owed.toString());
      chain.forEach((body, at) => {
        assert.equal(receiptProblem(body, chain[at - 1], agreed), undefined);
      });
    }),
  );
});

test("rated - a number that is not agreed, is left behind or is written twice is refused", () => {
  const price = { amount: "0.5", currency: "EUR", perMessages: 1 };
  const change = { number: 2, price, from: "2026-11-01T00:00:00.000Z", evidence };
  const agreed = { ...terms, price: { ...price, amount: "1" }, changes: [change] };
  const [first, second, third] = chainOf([october, november, later], agreed);
  assert.ok(first && second && third);
  assert.deepEqual([first.price, second.price, third.price], [undefined, 2, 2]);
  const refused = (body: ReceiptBody, before: ReceiptBody | undefined, why: RegExp) =>
    assert.match(receiptProblem(body, before, agreed) ?? "nothing", why);
  refused({ ...second, price: 3 }, first, /the agreement has no price 3/);
  refused({ ...first, price: 1 }, undefined, /the agreement has no price 1/);
  const { price: _price, base: _base, ...left } = third;
  const whole = { ...left, amountMicro: String(left.messages * 1_000_000) };
  refused(whole, second, /price 2 is in force, and it is rated by price 1/);
});
