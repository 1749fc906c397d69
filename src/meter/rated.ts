/**
 * What a receipt's amount is. Amounts are cumulative over the agreement's life and never fall: each
 * is what stood when its billing period began (`base`), and the price of what was delivered since.
 * A period ends with the month, UTC, under charges by the month; with the trial; and where another
 * price takes effect. Under one price for messages the agreement is one period, and has no base.
 */
import { canonicalHash } from "../kernel/canonical.ts";
import { monthEnd, monthOf, monthStart } from "../kernel/clock.ts";
import { isCharged, type Price, type Used, usageMicro } from "../kernel/price.ts";
import { type PricedTerms, priceNumberAt, priceOfNumber, trialEnd } from "./prices-in-force.ts";

/** The members of a receipt that say how it was rated. */
interface Rated {
  /** The number of the price it is rated by; absent: 1, the agreement's own. */
  readonly price?: number;
  readonly trial?: true;
  readonly base?: Base;
  readonly amountMicro: string;
}

interface Base extends Used {
  readonly amountMicro: string;
}

/** A receipt as far as rating goes. */
interface RatedReceipt extends Rated, Used {
  readonly seq: number;
  readonly month: string;
}

/** By which a period is told from the one before it. */
type Period = Pick<RatedReceipt, "month" | "price" | "trial">;

/** When something was acknowledged, and the month it is for. */
interface Placed {
  readonly month: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** How the receipt that follows `before` is rated, of what was counted over the agreement's life. */
export function rate(
  terms: PricedTerms,
  before: RatedReceipt | undefined,
  counted: Placed & Used,
): Rated {
  const period = periodAfter(terms, before, counted);
  const price = priceOf(terms, period);
  const base = baseOf(price, before, period);
  const owed = period.trial === true ? 0n : usageMicro(price, since(base, counted));
  const { month: _month, ...marks } = period;
  return {
    ...marks,
    ...(base && { base }),
    amountMicro: String(BigInt(base?.amountMicro ?? 0) + owed),
  };
}

/** What all that was counted so far comes to, in micro-units, were it receipted now. */
export function owedMicro(
  terms: PricedTerms,
  before: RatedReceipt | undefined,
  used: Used,
  at: number,
): bigint {
  const now = monthOf(at);
  const month = before !== undefined && before.month > now ? before.month : now;
  const { messages, bytes } = used;
  return BigInt(rate(terms, before, { messages, bytes, month, at }).amountMicro);
}

/** Do usage rows stand in one billing period? Those of two months never do. */
export function periodText(terms: PricedTerms, placed: Placed): string {
  const { month, price = 1, trial = false } = periodAfter(terms, undefined, placed);
  return `${month} ${price} ${trial}`;
}

/** When the period of a receipt begins and ends, as far as its price depends on it. */
export function periodTimes(
  terms: PricedTerms,
  { month, price = 1, trial }: Period,
): { readonly start: number; readonly end: number } {
  const over = trialEnd(terms) ?? -Infinity;
  const changed = Date.parse(terms.changes?.[price - 2]?.from ?? "");
  const changes = Date.parse(terms.changes?.[price - 1]?.from ?? "") || Infinity;
  if (trial === true) return { start: changed || -Infinity, end: Math.min(over, changes) };
  const begins = isCharged(priceOf(terms, { price })) ? monthStart(month) : -Infinity;
  return { start: Math.max(over, begins, changed || -Infinity), end: changes };
}

/** What is wrong with how a receipt was rated, or undefined. Of one that stands alone: no `chain`. */
export function rateProblem(
  body: RatedReceipt,
  terms: PricedTerms,
  chain?: { readonly before: RatedReceipt | undefined },
): string | undefined {
  const { messages, bytes, base, trial } = body;
  const price = priceOfNumber(terms, body.price ?? 1);
  if (price === undefined || body.price === 1) return noPrice(body.price ?? 1);
  if (trial === true && trialEnd(terms) === undefined) return "the agreement has no trial";
  const chained = chain && chainProblem(body, price, chain.before);
  if (chained !== undefined) return chained;
  const used = since(base, body);
  if (used.messages < 0 || used.bytes < 0) return "it counts less than its base";
  const owed = trial === true ? 0n : usageMicro(price, used);
  const amount = (BigInt(base?.amountMicro ?? 0) + owed).toString();
  if (body.amountMicro === amount) return undefined;
  const size = isCharged(price) ? ` and ${bytes} bytes` : "";
  return `${messages} messages${size} cost ${amount} micro-units, not ${body.amountMicro}`;
}

/** What a consumer says of one that came after its period, by its trial or its price. */
export function afterPeriod(end: number): string {
  return `its messages came after ${new Date(end).toISOString()}, ${periodEnded}`;
}

const periodEnded = "when their period ended";

/** Does a consumer, in these words, know of a price that this node does not? */
export function isPriceLeft(refusal: string): boolean {
  return refusal.includes(periodEnded) || /price \d+ is in force, and it is rated/.test(refusal);
}

/** What a consumer says that did not hear of a change; its provider then shows what both signed. */
export function noPrice(number: number): string {
  return `the agreement has no price ${number}`;
}

function chainProblem(
  body: RatedReceipt,
  price: Price,
  before: RatedReceipt | undefined,
): string | undefined {
  const { base, trial } = body;
  if (trial === true && before !== undefined && before.trial !== true) return "the trial is over";
  const [number, known] = [body.price ?? 1, before?.price ?? 1];
  if (number < known) return `price ${known} is in force, and it is rated by price ${number}`;
  const expected = baseOf(price, before, body);
  if (canonicalHash(expected ?? null) === canonicalHash(base ?? null)) return undefined;
  return expected === undefined
    ? "it has a base, and its period began with the agreement"
    : `base is not receipt ${before?.seq}, with which the period before it ended`;
}

/** Neither a trial nor a price comes back, whatever a clock that was set back says. */
function periodAfter(terms: PricedTerms, before: RatedReceipt | undefined, placed: Placed): Period {
  const at = timeIn(placed);
  const trial = at < (trialEnd(terms) ?? 0) && (before === undefined || before.trial === true);
  const price = Math.max(priceNumberAt(terms, at), before?.price ?? 1);
  return {
    month: placed.month,
    ...(price > 1 && { price }),
    ...(trial && { trial }),
  };
}

/** Where the period of a receipt began: with the agreement, or with the last of another period. */
function baseOf(price: Price, before: RatedReceipt | undefined, period: Period): Base | undefined {
  if (before === undefined) return undefined;
  const isSame = before.price === period.price && before.trial === period.trial;
  if (isSame && (before.month === period.month || !isCharged(price))) return before.base;
  const { messages, bytes, amountMicro } = before;
  return { messages, bytes, amountMicro };
}

function priceOf(terms: PricedTerms, { price: number = 1 }: Pick<Period, "price">): Price {
  const price = priceOfNumber(terms, number);
  if (price === undefined) throw new RangeError(noPrice(number));
  return price;
}

function since(base: Base | undefined, { messages, bytes }: Used): Used {
  return { messages: messages - (base?.messages ?? 0), bytes: bytes - (base?.bytes ?? 0) };
}

/** Within the month that it is for, whatever a clock said. */
function timeIn({ month, at }: Placed): number {
  return Math.min(Math.max(at, monthStart(month)), monthEnd(month) - 1);
}
