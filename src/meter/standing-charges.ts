import { microOf } from "../kernel/amount.ts";
import { dayMs, monthAfter, monthEnd, monthStart } from "../kernel/clock.ts";
import { isCharged, type Price, type Used, usageMicro } from "../kernel/price.ts";
import { isoTime } from "../kernel/time.ts";
import { type PricedTerms, priceOfMonth, trialEnd } from "./prices-in-force.ts";

/** What both sides agreed on, and when it ended by a record that one of them signed. */
export type StandingTerms = PricedTerms & {
  /** ISO 8601, UTC. */
  readonly endedAt?: string;
};

/** What a month owes beside its usage, in micro-units. */
export interface StandingCharges {
  /** By the month, whatever is delivered. */
  readonly month: bigint;
  /** What the month's minimum tops up. */
  readonly minimum: bigint;
}

const none: StandingCharges = { month: 0n, minimum: 0n };

/**
 * Charges that no message causes, from the agreement and what the month's usage comes to alone.
 * Charges by the month and the minimum are owed by days, rounded down: the days from that of
 * signing, or the first after the trial, to that of the end, both included, of those the month
 * has. Usage within the cap comes first; what is left of the cap bounds the rest.
 */
export function standingCharges(
  terms: StandingTerms,
  month: string,
  usage: bigint,
): StandingCharges {
  const price = priceOfMonth(terms, month);
  if (!isCharged(price)) return none;
  const [days, of] = daysOwed(terms, month);
  if (days === 0n) return none;
  const byDays = (amount: string): bigint => (microOf(amount) * days) / of;
  // a price that was told too late for a month may have had a higher cap
  const left = price.cap === undefined ? undefined : atLeastZero(microOf(price.cap) - usage);
  const flat = price.charges
    .filter(({ per }) => per === "month")
    .reduce((sum, { amount = "0" }) => sum + byDays(amount), 0n);
  const owed = left === undefined || flat < left ? flat : left;
  const topUp = byDays(price.minimum ?? "0") - usage - owed;
  return { month: owed, minimum: atLeastZero(topUp) };
}

/** What a whole month of so much costs, in micro-units. */
export function wholeMonthMicro(price: Price, used: Used): bigint {
  const usage = usageMicro(price, used);
  // a month in which it stood every day, and was no trial
  const charges = standingCharges({ price, signedAt: "1970-01-01T00:00:00Z" }, "2001-01", usage);
  return usage + charges.month + charges.minimum;
}

/**
 * The most that charges of its months up to that one can come to, in micro-units, for who sets
 * money aside: as if nothing delivered counted towards a minimum or a cap.
 */
export function mostStandingMicro(terms: StandingTerms, month: string): bigint {
  const { price, changes = [] } = terms;
  if (![price, ...changes.map((one) => one.price)].some(isCharged)) return 0n;
  let sum = 0n;
  for (let at = terms.signedAt.slice(0, 7); at <= month; at = monthAfter(at)) {
    const charges = standingCharges(terms, at, 0n);
    sum += charges.month + charges.minimum;
  }
  return sum;
}

function atLeastZero(micro: bigint): bigint {
  return micro > 0n ? micro : 0n;
}

/** Days of the month on which it stood and was no trial, and how many the month has. */
function daysOwed(terms: StandingTerms, month: string): readonly [bigint, bigint] {
  const begins = monthStart(month);
  const ends = monthEnd(month);
  const first = dayOf(Math.max(begins, Date.parse(terms.signedAt), trialEnd(terms) ?? begins));
  const end = isoTime(terms.endedAt ?? "") ?? ends;
  const last = dayOf(Math.min(ends - 1, end));
  return [BigInt(Math.max(0, last - first + 1)), BigInt((ends - begins) / dayMs)];
}

function dayOf(at: number): number {
  return Math.floor(at / dayMs);
}
