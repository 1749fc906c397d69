/**
 * What a receipt's amount is. Amounts are cumulative over the agreement's life and never fall;
 * under charges by the month each is what stood when its billing period began (`base`), and the
 * price of what was delivered since. A period is a calendar month, UTC, and the trial's end ends
 * one too. Under a price for messages alone the agreement is one period: no receipt has a base.
 */
import { canonicalHash } from "../kernel/canonical.ts";
import { monthOf } from "../kernel/clock.ts";
import { isCharged, type Used, usageMicro } from "../kernel/price.ts";
import type { Agreement } from "../market/agreement.ts";

type RatedTerms = Pick<Agreement, "price" | "signedAt">;

/** The members of a receipt that say how it was rated. */
interface Rated {
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

/** What was counted over the agreement's life, when and for which month. */
interface Counted extends Used {
  readonly month: string;
  /** Milliseconds since the Unix epoch: when the last of it was acknowledged. */
  readonly at: number;
}

const dayMs = 86_400_000;

/** Of a price's first days nothing is owed: the day of signing and so many after it, UTC. */
export function trialEnd({ price, signedAt }: RatedTerms): number | undefined {
  if (!isCharged(price) || price.trialDays === undefined) return undefined;
  const signed = Date.parse(signedAt);
  return signed - (signed % dayMs) + (price.trialDays + 1) * dayMs;
}

/** How the receipt that follows `before` is rated. */
export function rate(terms: RatedTerms, before: RatedReceipt | undefined, counted: Counted): Rated {
  const inTrial = timeIn(counted) < (trialEnd(terms) ?? 0);
  // what a clock that was set back says of later messages gives no trial back
  const trial = inTrial && (before === undefined || before.trial === true);
  const period = { month: counted.month, ...(trial && { trial: true as const }) };
  const base = baseOf(terms, before, period);
  const used = since(base, counted);
  return {
    ...(trial && { trial }),
    ...(base && { base }),
    amountMicro: String(
      BigInt(base?.amountMicro ?? 0) + (trial ? 0n : usageMicro(terms.price, used)),
    ),
  };
}

/** What all that was counted so far comes to, in micro-units, were it receipted now. */
export function owedMicro(
  terms: RatedTerms,
  before: RatedReceipt | undefined,
  used: Used,
  at: number,
): bigint {
  const now = monthOf(at);
  const month = before !== undefined && before.month > now ? before.month : now;
  const { messages, bytes } = used;
  return BigInt(rate(terms, before, { messages, bytes, month, at }).amountMicro);
}

/** Do two receipts, or usage rows by their month and time, stand in one billing period? */
export function periodOf(terms: RatedTerms, counted: Pick<Counted, "month" | "at">): string {
  const trial = timeIn(counted) < (trialEnd(terms) ?? 0);
  return `${counted.month}${trial ? " trial" : ""}`;
}

/** When the period of a receipt begins and ends, as far as its price depends on it. */
export function periodTimes(
  terms: RatedTerms,
  { month, trial }: Pick<RatedReceipt, "month" | "trial">,
): { readonly start: number; readonly end: number } {
  const over = trialEnd(terms) ?? -Infinity;
  if (trial === true) return { start: -Infinity, end: over };
  const begins = isCharged(terms.price) ? Date.parse(`${month}-01`) : -Infinity;
  return { start: Math.max(over, begins), end: Infinity };
}

/** What is wrong with how a receipt was rated, or undefined. Of one that stands alone: no `chain`. */
export function rateProblem(
  body: RatedReceipt,
  terms: RatedTerms,
  chain?: { readonly before: RatedReceipt | undefined },
): string | undefined {
  const { messages, bytes, base, trial } = body;
  if (trial === true && trialEnd(terms) === undefined) return "the agreement has no trial";
  if (base !== undefined && !isCharged(terms.price)) return "the agreement is rated as a whole";
  if (chain !== undefined) {
    const { before } = chain;
    if (trial === true && before !== undefined && before.trial !== true) return "the trial is over";
    const expected = baseOf(terms, before, body);
    if (canonicalHash(expected ?? null) !== canonicalHash(base ?? null)) {
      return expected === undefined
        ? "base is there, and its period began with the agreement"
        : `base is not receipt ${before?.seq}, with which the period before it ended`;
    }
  }
  const used = since(base, body);
  if (used.messages < 0 || used.bytes < 0) return "it counts less than its base";
  const owed = trial === true ? 0n : usageMicro(terms.price, used);
  const amount = (BigInt(base?.amountMicro ?? 0) + owed).toString();
  if (body.amountMicro === amount) return undefined;
  const size = isCharged(terms.price) ? ` and ${bytes} bytes` : "";
  return `${messages} messages${size} cost ${amount} micro-units, not ${body.amountMicro}`;
}

/** Where the period of a receipt began: with the agreement, or with the last of another period. */
function baseOf(
  { price }: RatedTerms,
  before: RatedReceipt | undefined,
  period: Pick<RatedReceipt, "month" | "trial">,
): Base | undefined {
  if (before === undefined || !isCharged(price)) return undefined;
  if (before.month === period.month && before.trial === period.trial) return before.base;
  const { messages, bytes, amountMicro } = before;
  return { messages, bytes, amountMicro };
}

function since(base: Base | undefined, { messages, bytes }: Used): Used {
  return { messages: messages - (base?.messages ?? 0), bytes: bytes - (base?.bytes ?? 0) };
}

/** Within the month that it is for, whatever a clock said. */
function timeIn({ month, at }: Pick<Counted, "month" | "at">): number {
  const begins = Date.parse(`${month}-01`);
  const next = new Date(begins);
  next.setUTCMonth(next.getUTCMonth() + 1);
  return Math.min(Math.max(at, begins), next.getTime() - 1);
}
