import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAmount } from "../kernel/amount.ts";
import { microOf } from "../kernel/amount.ts";
import type { ChargedPrice } from "../kernel/price.ts";
import {
  mostStandingMicro,
  standingCharges,
  type StandingTerms,
  wholeMonthMicro,
} from "./standing-charges.ts";

const flat = (amount: string): ChargedPrice => ({
  currency: "EUR",
  charges: [{ per: "month", amount }],
});
const signedAt = "2026-11-20T15:30:00.000Z";

test("standing charges - by the days it stood in the month, those of both ends included", () => {
  const terms: StandingTerms = { price: flat("30"), signedAt };
  const month = (one: string, more = {}) => standingCharges({ ...terms, ...more }, one, 0n).month;
  assert.equal(month("2026-10"), 0n);
  assert.equal(month("2026-11"), 11_000_000n); // 20 to 30 November
  assert.equal(month("2026-12"), 30_000_000n);
  const ended = { endedAt: "2026-12-01T00:00:00.000Z" };
  assert.equal(month("2026-12", ended), 967_741n); // one of 31, rounded down
  assert.equal(month("2027-01", ended), 0n);
  const once = { endedAt: "2026-11-20T15:30:01.000Z" };
  assert.equal(month("2026-11", once), 1_000_000n);
});

test("standing charges - none in the trial; from the first day after it", () => {
  const terms: StandingTerms = { price: { ...flat("31"), trialDays: 14 }, signedAt };
  assert.equal(standingCharges(terms, "2026-11", 0n).month, 0n);
  // the trial's last day is 4 December
  assert.equal(standingCharges(terms, "2026-12", 0n).month, 27_000_000n);
});

test("standing charges - a minimum tops up what the month came to, by its days", () => {
  const price: ChargedPrice = { ...flat("3"), minimum: "30" };
  const terms = { price, signedAt };
  const of = (usage: bigint) => standingCharges(terms, "2026-12", usage);
  assert.deepEqual(of(0n), { month: 3_000_000n, minimum: 27_000_000n });
  assert.deepEqual(of(20_000_000n), { month: 3_000_000n, minimum: 7_000_000n });
  assert.deepEqual(of(40_000_000n), { month: 3_000_000n, minimum: 0n });
  assert.equal(standingCharges(terms, "2026-11", 0n).minimum, 9_900_000n);
});

test("standing charges - what the cap leaves beside usage bounds them", () => {
  const terms = { price: { ...flat("30"), cap: "40" }, signedAt };
  const of = (usage: bigint) => standingCharges(terms, "2026-12", usage).month;
  assert.deepEqual([of(0n), of(15_000_000n), of(40_000_000n)], [30_000_000n, 25_000_000n, 0n]);
});

test("standing charges - an end that is no time ends nothing", () => {
  const terms = { price: flat("30"), signedAt, endedAt: "soon" };
  assert.equal(standingCharges(terms, "2026-12", 0n).month, 30_000_000n);
});

/** Day by day, as a calendar has them. */
function slowDays(from: number, to: number, month: string): [number, number] {
  let [stood, all] = [0, 0];
  for (let day = Date.parse(`${month}-01`); ; day += 86_400_000) {
    const text = new Date(day).toISOString().slice(0, 10);
    if (!text.startsWith(month)) return [stood, all];
    all += 1;
    const [first, last] = [from, to].map((at) => new Date(at).toISOString().slice(0, 10));
    if (text >= first! && text <= last!) stood += 1;
  }
}

test("standing charges - are what counting days one by one comes to", () => {
  const at = fc.integer({ min: Date.UTC(2026, 9, 1), max: Date.UTC(2027, 3, 1) });
  const micro = fc.bigInt({ min: 1n, max: 90_000_000n });
  fc.assert(
    fc.property(at, at, micro, micro, micro, (begin, end, fee, minimum, usage) => {
      const price = { ...flat(formatAmount(fee)), minimum: formatAmount(minimum) };
      const [signed, ended] = [begin, end].map((one) => new Date(one).toISOString());
      const terms = { price, signedAt: signed!, endedAt: ended! };
      for (const month of ["2026-10", "2026-11", "2027-02"]) {
        const [days, of] = slowDays(begin, end, month);
        const owed = standingCharges(terms, month, usage);
        assert.equal(owed.month, (microOf(formatAmount(fee)) * BigInt(days)) / BigInt(of));
        const least = (minimum * BigInt(days)) / BigInt(of);
        const total = usage + owed.month + owed.minimum;
        assert.ok(total >= least && (owed.minimum === 0n || total === least));
      }
    }),
  );
});

test("standing charges - a whole month of so much, and the most that months come to", () => {
  const price: ChargedPrice = { ...flat("3"), minimum: "9" };
  assert.equal(wholeMonthMicro(price, { messages: 1, bytes: 1 }), 9_000_000n);
  const terms = { price, signedAt };
  // 11 of 30 days, then whole months
  assert.equal(mostStandingMicro(terms, "2026-10"), 0n);
  assert.equal(mostStandingMicro(terms, "2026-11"), 3_300_000n);
  assert.equal(mostStandingMicro(terms, "2027-01"), 21_300_000n);
  const unit = { price: { amount: "1", currency: "EUR", perMessages: 1 }, signedAt };
  assert.equal(mostStandingMicro(unit, "2027-01"), 0n);
});
