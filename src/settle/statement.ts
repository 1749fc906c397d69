/**
 * Settling: receipts that both sides signed become money that both sides agree on.
 *
 * In come co-signed receipts from the meter's rows in the store. Out go statements, one line for
 * each agreement and month (here); bills, files of evidence that prove a line to anybody
 * (`bill.ts`), and their check, offline (`verify.ts`); and the ledger's postings, made in the
 * very commit that stores a co-signature (`ledger.ts`). Back to the links goes one word: whether
 * what comes next may be spent (`spending-limits.ts`, `budgets.ts`).
 *
 * All of it is integer micro-units, differences of cumulative amounts: nothing is rounded twice,
 * so that the provider's lines and the consumer's are the same. It never holds money, and never
 * posts what only one side has signed: what a partner without a node acknowledged is a line marked
 * `one-sided`, and stands in no ledger.
 */
import { formatAmount } from "../kernel/amount.ts";
import { ComityError } from "../kernel/errors.ts";
import { usageMicro } from "../kernel/price.ts";
import type { Agreement, EvidenceSides } from "../market/agreement.ts";
import { evidenceSides } from "../market/evidence.ts";
import { lastCosigned, receiptAt } from "../meter/receipt.ts";
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
}

export interface StatementLine extends Statement {
  readonly role: "provider" | "consumer";
  /** Of the agreement; receipts there are only where both signed it. */
  readonly evidence: EvidenceSides;
}

/** Who agreed on what, as far as a statement names it. */
export type Parties = Pick<Agreement, "id" | "provider" | "consumer" | "product" | "title">;

/** Lines for the agreements that have receipts in the month, or one-sided counts. */
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
    const window = await monthOfReceipts(store, agreement.id, month);
    if (window === undefined) continue;
    const line = statementLine(agreement, window.before, window.last);
    lines.push({ ...line, role: agreement.role, evidence: evidenceSides(agreement) });
  }
  return lines;
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
  readonly last: ReceiptBody;
}

/** Undefined where the month has no receipt that both signed. */
export async function monthOfReceipts(
  store: Store,
  agreement: string,
  month: string,
): Promise<MonthOfReceipts | undefined> {
  requireMonth(month);
  const newest = (await lastCosigned(store, agreement))?.body.seq ?? 0;
  const last = await lastWhere(store, agreement, newest, (body) => body.month <= month);
  if (last?.month !== month) return undefined;
  const before = await lastWhere(store, agreement, last.seq, (body) => body.month < month);
  return { before, last };
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

/** The difference between two cumulative receipts. */
export function statementLine(
  parties: Parties,
  before: ReceiptBody | undefined,
  last: ReceiptBody,
): Statement {
  const micro = BigInt(last.amountMicro) - BigInt(before?.amountMicro ?? 0);
  return {
    agreement: parties.id,
    provider: parties.provider,
    consumer: parties.consumer,
    product: parties.product,
    title: parties.title,
    month: last.month,
    messages: last.messages - (before?.messages ?? 0),
    bytes: last.bytes - (before?.bytes ?? 0),
    amount: formatAmount(micro),
    currency: last.currency,
    receipts: last.seq - (before?.seq ?? 0),
  };
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

function requireMonth(month: string): void {
  if (/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) return;
  throw new ComityError("BODY_INVALID", { problem: `"${month}" is no month such as 2026-11` });
}
