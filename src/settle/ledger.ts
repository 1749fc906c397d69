import type { Agreement } from "../market/agreement.ts";
import type { ReceiptBody } from "../meter/receipt.ts";
import { rowId } from "../meter/row-id.ts";
import type { Store, Write } from "../ports/store.ts";

/** Assets and expenses grow by debit, debts and revenue by credit. */
const accounts = ["receivable", "revenue", "expense", "payable"] as const;
export type Account = (typeof accounts)[number];

/** One entry of the double-entry ledger; kind `posting`, one for each co-signed receipt. */
export interface Posting {
  readonly v: 1;
  /** Of the receipt: ISO 8601, UTC, and the month it is for. */
  readonly at: string;
  readonly month: string;
  readonly agreement: string;
  readonly receipt: number;
  /** The other side's DID. */
  readonly party: string;
  readonly currency: string;
  /** They sum to zero. */
  readonly lines: readonly PostingLine[];
}

export interface PostingLine {
  readonly account: Account;
  /** Integer micro-units: a debit above zero, a credit below. */
  readonly micro: string;
}

export interface Balances {
  readonly currency: string;
  /** Integer micro-units; debit balances above zero, credit balances below. */
  readonly accounts: Readonly<Record<Account, bigint>>;
}

/** Postings that are read at once. */
const page = 1000;

/**
 * What a receipt adds to the ledger. It goes into the commit that stores the co-signature, under
 * the receipt's own id, and `add` refuses a second one: a receipt is posted once or not at all.
 */
export function postingsOf(agreement: Agreement, body: ReceiptBody, before?: ReceiptBody): Write[] {
  const micro = BigInt(body.amountMicro) - BigInt(before?.amountMicro ?? 0);
  if (micro < 0n) throw new Error(`receipt ${body.seq} of ${agreement.id} takes money back`);
  if (micro === 0n) return [];
  const sells = agreement.role === "provider";
  const posting: Posting = {
    v: 1,
    at: body.at,
    month: body.month,
    agreement: agreement.id,
    receipt: body.seq,
    party: sells ? agreement.consumer : agreement.provider,
    currency: body.currency,
    lines: [
      { account: sells ? "receivable" : "expense", micro: micro.toString() },
      { account: sells ? "revenue" : "payable", micro: (-micro).toString() },
    ],
  };
  requireBalanced(posting);
  return [{ op: "add", kind: "posting", id: rowId(agreement.id, body.seq), doc: posting }];
}

/** Every account of every currency, from all postings; each of them is checked on the way. */
export async function balancesOf(store: Store): Promise<Balances[]> {
  const sums = new Map<string, Record<Account, bigint>>();
  let after = "";
  for (;;) {
    const postings = await store.list<Posting>("posting", { after, limit: page });
    for (const { doc } of postings) {
      requireBalanced(doc);
      const sum = sums.get(doc.currency) ?? {
        receivable: 0n,
        revenue: 0n,
        expense: 0n,
        payable: 0n,
      };
      for (const { account, micro } of doc.lines) sum[account] += BigInt(micro);
      sums.set(doc.currency, sum);
    }
    after = postings.at(-1)?.id ?? "";
    if (postings.length < page) break;
  }
  return [...sums]
    .map(([currency, accounts]) => ({ currency, accounts }))
    .sort((a, b) => a.currency.localeCompare(b.currency));
}

/** An entry that does not balance is a programmer's error, and nothing may go on from it. */
function requireBalanced(posting: Posting): void {
  let sum = 0n;
  for (const line of posting.lines) {
    if (!accounts.includes(line.account)) throw new Error(`there is no account ${line.account}`);
    sum += BigInt(line.micro);
  }
  if (sum === 0n) return;
  throw new Error(`posting ${posting.receipt} of ${posting.agreement} is off balance by ${sum}`);
}
