import { dayMs, monthStart } from "../kernel/clock.ts";
import { isCharged, type Price } from "../kernel/price.ts";
import type { Agreement } from "../market/agreement.ts";

/** What both signed about prices: the agreement's, and those it was changed to. */
export type PricedTerms = Pick<Agreement, "price" | "signedAt" | "changes">;

/** The number of the price at that time: 1 is the agreement's own. */
export function priceNumberAt({ changes = [] }: PricedTerms, at: number): number {
  return 1 + changes.filter(({ from }) => Date.parse(from) <= at).length;
}

/** Undefined where the agreement has no such number. */
export function priceOfNumber({ price, changes = [] }: PricedTerms, number: number) {
  return number === 1 ? price : changes[number - 2]?.price;
}

/** With which the month begins: charges by the month change with a month alone. */
export function priceOfMonth(terms: PricedTerms, month: string): Price {
  return priceOfNumber(terms, priceNumberAt(terms, monthStart(month))) ?? terms.price;
}

/** Of a price's first days nothing is owed: the day of signing and so many after it, UTC. */
export function trialEnd({ price, signedAt }: PricedTerms): number | undefined {
  if (!isCharged(price) || price.trialDays === undefined) return undefined;
  const signed = Date.parse(signedAt);
  return signed - (signed % dayMs) + (price.trialDays + 1) * dayMs;
}
