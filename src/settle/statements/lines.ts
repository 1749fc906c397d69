import { formatAmount, microOf } from "../../kernel/amount.ts";
import { dayMs, monthOf } from "../../kernel/clock.ts";
import type { Agreement } from "../../market/agreement.ts";
import { evidenceSides } from "../../market/evidence.ts";
import { lastCosigned, receiptAt } from "../../meter/receipt.ts";
import type { ReceiptBody } from "../../meter/receipt.ts";
import type { Store } from "../../ports/store.ts";
import { lineTerms, receiptsUntil, statementLine } from "../statement.ts";
import type { LineTerms } from "../statement.ts";
import type { Act, Line, StatementBody } from "./document.ts";
import { linesMax } from "./document.ts";

/** Which statement a line is for: its month, when it was drawn up, and those of the month before it. */
export interface LinePlace {
  readonly month: string;
  /** ISO 8601, UTC: what no message causes is owed once the month is over. */
  readonly at: string;
  readonly earlier: readonly StatementBody[];
}

/** Lines for what these agreements owe; what owes nothing has none. */
export async function linesFor(
  store: Store,
  agreements: readonly Agreement[],
  place: LinePlace,
): Promise<Line[]> {
  const lines: Line[] = [];
  for (const agreement of agreements) {
    if (evidenceSides(agreement) !== "two-sided" || lines.length >= linesMax) continue;
    const line = await lineFor(store, agreement, place);
    if (line !== undefined) lines.push(line);
  }
  return lines;
}

/** How long a line waits for receipts that this side lost and asks its provider for. */
const patienceMs = 3 * dayMs;

/** The agreements of these lines of which receipts are not here. */
export async function receiptsLacked(
  store: Store,
  lines: readonly Line[],
  agreementOf: (id: string) => Agreement | undefined,
): Promise<string[]> {
  const lacked: string[] = [];
  for (const { agreement, to } of lines) {
    if (agreementOf(agreement) === undefined) continue;
    const newest = (await lastCosigned(store, agreement))?.body.seq ?? 0;
    if (to > newest) lacked.push(agreement);
  }
  return lacked;
}

/**
 * What the consumer says to lines that it said nothing to yet: it accepts each that its own
 * receipts come to, and disputes every other, with what it holds to be owed. A line of receipts
 * that are not here is left for some days: they are asked for after a restored backup
 * (`exchange.ts`).
 */
export async function answersTo(
  store: Store,
  { lines, month, at }: Pick<StatementBody, "lines" | "month" | "at">,
  agreementOf: (id: string) => Agreement | undefined,
  { earlier, now }: { readonly earlier: readonly StatementBody[]; readonly now: number },
): Promise<Act[]> {
  const accepted: string[] = [];
  const disputes: Act[] = [];
  for (const line of lines) {
    const agreement = agreementOf(line.agreement);
    const newest = agreement && (await lastCosigned(store, agreement.id))?.body.seq;
    if (line.to > (newest ?? 0) && now < Date.parse(at) + patienceMs) continue;
    const own = agreement && (await lineFor(store, agreement, { month, at, earlier }, line.to));
    const reason = lineProblem(line, own);
    if (reason === undefined) accepted.push(line.agreement);
    else {
      const amount = own?.currency === line.currency ? own.amount : "0";
      disputes.push({ do: "dispute", agreement: line.agreement, amount, reason, files: [] });
    }
  }
  if (accepted.length === 0) return disputes;
  return [{ do: "accept", agreements: accepted }, ...disputes];
}

function lineProblem(line: Line, own: Line | undefined): string | undefined {
  if (own === undefined) return "nothing that both signed is left to state here";
  if (line.to > own.to) return `receipts ${own.to + 1} to ${line.to} are not here`;
  for (const [member, value] of Object.entries(own)) {
    const claimed = line[member as keyof Line];
    if (claimed !== value) return `${member} is ${value} here, not ${claimed}`;
  }
  return undefined;
}

/** Undefined where that is nothing. */
async function lineFor(
  store: Store,
  agreement: Agreement,
  place: LinePlace,
  upTo?: number,
): Promise<Line | undefined> {
  const { month, earlier } = place;
  const { before, last: newest } = await receiptsUntil(store, agreement.id, month);
  const isNewest = upTo === undefined || newest === undefined || upTo >= newest.seq;
  const last = isNewest ? newest : await receiptOf(store, agreement.id, upTo, month);
  const from = statedIn(agreement.id, earlier)?.to ?? before?.seq ?? 0;
  const opening = from === (before?.seq ?? 0) ? before : await receiptOf(store, agreement.id, from);
  return lineFrom(lineTerms(agreement), place, { before, last, opening });
}

/** Receipts that a line is made from. */
export interface LineReceipts {
  /** The last of the months before. */
  readonly before: ReceiptBody | undefined;
  /** The last of the month, or that at which it is looked at. */
  readonly last: ReceiptBody | undefined;
  /** With which the earlier statements of the month end; `before` where there is none. */
  readonly opening: ReceiptBody | undefined;
}

/**
 * What the month of an agreement comes to at its last receipt, less what earlier statements of
 * the month have; undefined where that is nothing.
 */
export function lineFrom(
  terms: LineTerms,
  { month, earlier, at }: LinePlace,
  { before, last, opening }: LineReceipts,
): Line | undefined {
  const stated = statedIn(terms.id, earlier);
  const from = stated?.to ?? before?.seq ?? 0;
  const end = last ?? before;
  if ((end?.seq ?? 0) < from) return undefined;
  const whole = statementLine(terms, month, before, last);
  const usedSoFar = difference(before, end);
  const soFar = monthOf(Date.parse(at)) > month ? microOf(whole.amount) : usedSoFar;
  const amount = soFar - (stated?.micro ?? 0n);
  const usage = difference(opening, end);
  // usage that a minimum had asked for before: nothing more is owed, and what was charged is less
  if (amount < 0n || (amount === 0n && usage === 0n)) return undefined;
  return {
    ...{ agreement: terms.id, product: terms.product, title: terms.title },
    from,
    to: end?.seq ?? 0,
    messages: (end?.messages ?? 0) - (opening?.messages ?? 0),
    bytes: (end?.bytes ?? 0) - (opening?.bytes ?? 0),
    usage: formatAmount(usage),
    amount: formatAmount(amount),
    currency: whole.currency,
  };
}

async function receiptOf(
  store: Store,
  agreement: string,
  seq: number,
  month?: string,
): Promise<ReceiptBody | undefined> {
  const record = await receiptAt(store, agreement, seq);
  if (record?.state !== "cosigned") return undefined;
  return month === undefined || record.body.month === month ? record.body : undefined;
}

function difference(before: ReceiptBody | undefined, end: ReceiptBody | undefined): bigint {
  return BigInt(end?.amountMicro ?? 0) - BigInt(before?.amountMicro ?? 0);
}

/** The last receipt of the agreement that a statement of the month has, and what they ask for it. */
function statedIn(
  agreement: string,
  earlier: readonly StatementBody[],
): { readonly to: number; readonly micro: bigint } | undefined {
  const lines = earlier.flatMap(({ lines: all }) =>
    all.filter((one) => one.agreement === agreement),
  );
  if (lines.length === 0) return undefined;
  return {
    to: Math.max(...lines.map(({ to }) => to)),
    micro: lines.reduce((sum, { amount }) => sum + microOf(amount), 0n),
  };
}
