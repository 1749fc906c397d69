/**
 * Settling: receipts that both sides signed become money that both sides agree on.
 *
 * In come co-signed receipts from the meter's rows in the store. Out go statements, one line for
 * each agreement and month (here); bills, files of evidence that prove a line to anybody
 * (`bill.ts`), and their check, offline (`verify/`); and the ledger's postings, made in the
 * very commit that stores a co-signature (`ledger.ts`). Back to the links goes one word: whether
 * what comes next may be spent (`spending-limits.ts`, `budgets.ts`).
 *
 * All of it is integer micro-units, differences of cumulative amounts: nothing is rounded twice,
 * so that the provider's lines and the consumer's are the same. It never holds money, and never
 * posts what only one side has signed: what a partner without a node acknowledged is a line marked
 * `one-sided`, and stands in no ledger.
 */
import { formatAmount } from "../kernel/amount.ts";
import { monthOf, monthPattern } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import { isCharged, usageMicro } from "../kernel/price.ts";
import type { Agreement, EvidenceSides } from "../market/agreement.ts";
import { evidenceSides } from "../market/evidence.ts";
import { lastCosigned, monthStart, receiptAt } from "../meter/receipt.ts";
import { priceOfMonth } from "../meter/prices-in-force.ts";
import { standingCharges, type StandingTerms } from "../meter/standing-charges.ts";
import type { ReceiptBody } from "../meter/receipt.ts";
import { monthOfRows } from "../meter/usage-rows.ts";
import type { Store } from "../ports/store.ts";

/** What one agreement's receipts of one month add up to; the same on both sides. */
export interface Statement {
  readonly agreement: string;
  readonly provider: string;
  readonly consumer: string;
  readonly product: string;
  readonly title: string;
  readonly month: string;
  readonly messages: number;
  readonly bytes: number;
  /** Decimal string, exact to the micro-unit. */
  readonly amount: string;
  readonly currency: string;
  /** How many receipts. */
  readonly receipts: number;
  /** What the amount is made of, where charges by the month price it; zeros are left out. */
  readonly parts?: readonly StatementPart[];
}

/** `usage` is what the receipts say; the others follow from the agreement and the month. */
export interface StatementPart {
  readonly charge: "usage" | "month" | "minimum";
  /** Decimal string, exact to the micro-unit. */
  readonly amount: string;
}

export interface StatementLine extends Statement {
  readonly role: "provider" | "consumer";
  /** Of the agreement; receipts there are only where both signed it. */
  readonly evidence: EvidenceSides;
}

/** Who agreed on what, as far as a statement names it. */
export type Parties = Pick<Agreement, "id" | "provider" | "consumer" | "product" | "title">;

/** What a month of it is computed from, beside the receipts. */
export type LineTerms = Parties & StandingTerms;

/**
 * Lines for the agreements that have receipts in the month, or one-sided counts, or charges by the
 * month. In a month that is not over those are of the whole of it.
 */
export async function statementOf(
  store: Store,
  agreements: Iterable<Agreement>,
  month: string,
): Promise<StatementLine[]> {
  requireMonth(month);
  const lines: StatementLine[] = [];
  for (const agreement of agreements) {
    const counted = await oneSidedLine(store, agreement, month);
    if (counted !== undefined) lines.push(counted);
    const line = await lineOf(store, agreement, month);
    if (line === undefined) continue;
    lines.push({ ...line, role: agreement.role, evidence: evidenceSides(agreement) });
  }
  return lines;
}

/** Undefined where the month has no receipt that both signed, and owes nothing beside. */
async function lineOf(
  store: Store,
  agreement: Agreement,
  month: string,
): Promise<Statement | undefined> {
  const { before, last } = await receiptsUntil(store, agreement.id, month);
  const line = statementLine(lineTerms(agreement), month, before, last);
  return last === undefined && line.amount === "0" ? undefined : line;
}

export function lineTerms({ ended, ...agreement }: Agreement): LineTerms {
  return { ...agreement, ...(ended && { endedAt: ended.at }) };
}

/** Lines of a month that has begun by `now`: before, nothing is owed for it. */
export async function begunStatement(
  store: Store,
  agreements: Iterable<Agreement>,
  month: string,
  now: number,
): Promise<StatementLine[]> {
  requireMonth(month);
  return month > monthOf(now) ? [] : statementOf(store, agreements, month);
}

/** What a partner without a node acknowledged in the month; undefined where it was nothing. */
export async function oneSidedLine(
  store: Store,
  agreement: Agreement,
  month: string,
): Promise<StatementLine | undefined> {
  requireMonth(month);
  if (agreement.oneSided !== "billed") return undefined;
  const { before, last } = await monthOfRows(store, agreement.id, month);
  if (last === undefined) return undefined;
  const { id, role, provider, consumer, product, title, price } = agreement;
  const owed = (messages: number): bigint => usageMicro(price, { messages, bytes: 0 });
  const micro = owed(last.totalMessages) - owed(before?.totalMessages ?? 0);
  return {
    ...{ agreement: id, role, provider, consumer, product, title, month },
    messages: last.totalMessages - (before?.totalMessages ?? 0),
    bytes: last.totalBytes - (before?.totalBytes ?? 0),
    amount: formatAmount(micro),
    currency: price.currency,
    receipts: 0,
    evidence: "one-sided",
  };
}

export interface MonthOfReceipts {
  /** The last receipt of the months before. */
  readonly before: ReceiptBody | undefined;
  /** The last receipt of the month. */
  readonly last: ReceiptBody | undefined;
}

/** Of those that both signed. */
export async function receiptsUntil(
  store: Store,
  agreement: string,
  month: string,
): Promise<MonthOfReceipts> {
  requireMonth(month);
  const noted = await notedMonth(store, agreement, month);
  if (noted !== undefined) return noted;
  const newest = (await lastCosigned(store, agreement))?.body.seq ?? 0;
  const last = await lastWhere(store, agreement, newest, (body) => body.month <= month);
  if (last?.month !== month) return { before: last, last: undefined };
  const before = await lastWhere(store, agreement, last.seq, (body) => body.month < month);
  return { before, last };
}

/** Undefined where months were not noted, or not all of them: an older version came between. */
async function notedMonth(
  store: Store,
  agreement: string,
  month: string,
): Promise<MonthOfReceipts | undefined> {
  const start = await monthStart(store, agreement, month);
  if (start === undefined) return undefined;
  const { first, next } = start;
  const [before, last] = await Promise.all([
    first === 1 ? undefined : receiptAt(store, agreement, first - 1),
    next === undefined ? lastCosigned(store, agreement) : receiptAt(store, agreement, next - 1),
  ]);
  const begins = first === 1 || (before !== undefined && before.body.month < month);
  if (!begins || last?.body.month !== month) return undefined;
  return { before: before?.body, last: last.body };
}

/** The last receipt that both signed for the months before. */
export async function lastCosignedBefore(
  store: Store,
  agreement: string,
  month: string,
): Promise<ReceiptBody | undefined> {
  const newest = (await lastCosigned(store, agreement))?.body.seq ?? 0;
  return lastWhere(store, agreement, newest, (body) => body.month < month);
}

/** The last receipt that both signed whose window was closed by then; ISO 8601, UTC. */
export async function lastCosignedBy(
  store: Store,
  agreement: string,
  at: string,
): Promise<ReceiptBody | undefined> {
  const newest = (await lastCosigned(store, agreement))?.body.seq ?? 0;
  return lastWhere(store, agreement, newest, (body) => body.at <= at);
}

/** The difference between two cumulative receipts, and what the month owes beside. */
export function statementLine(
  terms: LineTerms,
  month: string,
  before: ReceiptBody | undefined,
  last: ReceiptBody | undefined,
): Statement {
  const end = last ?? before;
  const usage = BigInt(end?.amountMicro ?? 0) - BigInt(before?.amountMicro ?? 0);
  const standing = standingCharges(standsUntil(terms, last), month, usage);
  const total = usage + standing.month + standing.minimum;
  const parts = { usage, ...standing };
  return {
    agreement: terms.id,
    provider: terms.provider,
    consumer: terms.consumer,
    product: terms.product,
    title: terms.title,
    month,
    messages: (end?.messages ?? 0) - (before?.messages ?? 0),
    bytes: (end?.bytes ?? 0) - (before?.bytes ?? 0),
    amount: formatAmount(total),
    currency: terms.price.currency,
    receipts: (end?.seq ?? 0) - (before?.seq ?? 0),
    ...(isCharged(priceOfMonth(terms, month)) && { parts: partsOf(parts) }),
  };
}

function partsOf(micro: Readonly<Record<StatementPart["charge"], bigint>>): StatementPart[] {
  return (Object.entries(micro) as [StatementPart["charge"], bigint][])
    .filter(([, owed]) => owed > 0n)
    .map(([charge, owed]) => ({ charge, amount: formatAmount(owed) }));
}

/** Who signed for messages after the day on which it says to have ended was served until then. */
function standsUntil(terms: LineTerms, last: ReceiptBody | undefined): StandingTerms {
  if (terms.endedAt === undefined || last === undefined || last.at < terms.endedAt) return terms;
  return { ...terms, endedAt: last.at };
}

/** Months only go up along the chain, so that a few look-ups find the place. */
async function lastWhere(
  store: Store,
  agreement: string,
  lastSeq: number,
  holds: (body: ReceiptBody) => boolean,
): Promise<ReceiptBody | undefined> {
  let found: ReceiptBody | undefined;
  let low = 1;
  let high = lastSeq;
  let at = high; // most often the last one is asked for
  while (low <= high) {
    const body = (await receiptAt(store, agreement, at))?.body;
    if (body === undefined) throw new Error(`receipt ${at} of ${agreement} is missing`);
    if (holds(body)) {
      found = body;
      low = at + 1;
    } else {
      high = at - 1;
    }
    at = Math.floor((low + high) / 2);
  }
  return found;
}

const isMonth = new RegExp(monthPattern);

function requireMonth(month: string): void {
  if (isMonth.test(month)) return;
  throw new ComityError("BODY_INVALID", { problem: `"${month}" is no month such as 2026-11` });
}
