/**
 * The double-entry ledger: one book for each currency, every entry of it balanced. Entries are
 * added and never edited; one that corrects others names them. What was posted under an id is
 * posted once: `add` refuses a second, and with it the whole commit.
 *
 * Running sums stand beside the entries and go into the same commit, so that balances are read
 * without reading all that led to them. Receipts are cumulative, so an agreement's sum is its
 * last receipt's; all else is summed by party, one commit after the other (`Ledger`). `audit.ts`
 * recomputes both from what was signed.
 */
import { Turns } from "../kernel/turns.ts";
import type { Agreement } from "../market/agreement.ts";
import type { ReceiptBody } from "../meter/receipt.ts";
import { rowId, rowPrefix } from "../meter/row-id.ts";
import type { Store, Stored, Write } from "../ports/store.ts";

const accounts = [
  // assets and expenses grow by debit, debts and revenue by credit
  "receivable",
  "revenue",
  "expense",
  "payable",
  /** The other side of what was paid, which happens outside: no money is held here. */
  "paid",
  /** What of the revenue is other owners', and what of that they were not paid yet. */
  "shared",
  "owners",
  /** Between two books: what left one of them came into the other, at a rate that is told. */
  "exchange",
] as const;
export type Account = (typeof accounts)[number];

/** What an entry rests on, where it is no receipt; the id is that of a signed document. */
export interface EntrySource {
  readonly kind:
    | "charge"
    | "credit"
    | "payment"
    | "setoff"
    | "share"
    | "share-payment"
    | "exchange";
  readonly id: string;
}

/** One entry of a book; kind `posting`. */
export interface Posting {
  readonly v: 1;
  /** ISO 8601, UTC, of what it rests on; and the month that is for. */
  readonly at: string;
  readonly month: string;
  /** Absent where it is of several agreements. */
  readonly agreement?: string;
  /** The co-signed receipt it is made of. */
  readonly receipt?: number;
  readonly source?: EntrySource;
  /** The receipts whose entries it corrects. */
  readonly corrects?: { readonly from: number; readonly to: number };
  /** Another entry, in another book, has the same `of`: what was exchanged, and at which rate. */
  readonly exchange?: { readonly of: string; readonly rate: string; readonly source: string };
  /** The other side's DID. */
  readonly party: string;
  readonly currency: string;
  /** They sum to zero. */
  readonly lines: readonly PostingLine[];
}

/** An entry that is made of a document and not of a receipt. */
export type Entry = Posting & { readonly source: EntrySource };

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

/** What the entries of one agreement or with one party sum to; kind `balance`. */
export interface RunningSum {
  readonly currency: string;
  readonly accounts: Readonly<Partial<Record<Account, string>>>;
}

/** Rows that are read at once. */
const page = 1000;

/**
 * What a receipt adds to the ledger. It goes into the commit that stores the co-signature, under
 * the receipt's own id: a receipt is posted once or not at all.
 */
export function postingsOf(agreement: Agreement, body: ReceiptBody, before?: ReceiptBody): Write[] {
  const owed = BigInt(body.amountMicro);
  const micro = owed - BigInt(before?.amountMicro ?? 0);
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
    lines: receiptLines(sells, micro),
  };
  requireBalanced(posting);
  const sum: RunningSum = {
    currency: body.currency,
    accounts: Object.fromEntries(receiptLines(sells, owed).map((one) => [one.account, one.micro])),
  };
  return [
    { op: "add", kind: "posting", id: postingId(posting), doc: posting },
    { op: "put", kind: "balance", id: sumId(posting), doc: sum },
  ];
}

function receiptLines(sells: boolean, micro: bigint): PostingLine[] {
  return [
    { account: sells ? "receivable" : "expense", micro: micro.toString() },
    { account: sells ? "revenue" : "payable", micro: (-micro).toString() },
  ];
}

/** Posts what is made of documents, together with the documents themselves. */
export class Ledger {
  readonly #store: Store;
  readonly #turns = new Turns();

  private constructor(store: Store) {
    this.#store = store;
  }

  /** Sums what an older version left without running sums. */
  static async open(store: Store): Promise<Ledger> {
    const ledger = new Ledger(store);
    const [sum] = await store.list<RunningSum>("balance", { limit: 1 });
    if (sum === undefined) await ledger.#sumUp();
    return ledger;
  }

  /** Atomic and durable with `also`; STORE_CONFLICT where one of them is posted already. */
  async post(entries: readonly Entry[], also: readonly Write[] = []): Promise<void> {
    for (const entry of entries) requireBalanced(entry);
    await this.#turns.take("", async () => {
      const sums = new Map<string, RunningSum>();
      for (const entry of entries) {
        const id = sumId(entry);
        const before = sums.get(id) ?? (await this.#store.get<RunningSum>("balance", id));
        sums.set(id, summed(before, entry));
      }
      await this.#store.commit([
        ...also,
        ...entries.map((doc): Write => ({ op: "add", kind: "posting", id: postingId(doc), doc })),
        ...[...sums].map(([id, doc]): Write => ({ op: "put", kind: "balance", id, doc })),
      ]);
    });
  }

  async #sumUp(): Promise<void> {
    const sums = new Map<string, RunningSum>();
    for await (const { doc } of rowsOf<Posting>(this.#store, "posting")) {
      const id = sumId(doc);
      sums.set(id, summed(sums.get(id), doc));
    }
    if (sums.size === 0) return;
    const writes = [...sums].map(([id, doc]): Write => ({ op: "put", kind: "balance", id, doc }));
    await this.#store.commit(writes);
  }
}

/** Every account of every currency, from the running sums. */
export async function balancesOf(store: Store): Promise<Balances[]> {
  const sums: RunningSum[] = [];
  for await (const { doc } of rowsOf<RunningSum>(store, "balance")) sums.push(doc);
  const books = booksOf(sums);
  for (const { currency, accounts: book } of books) {
    const sum = sumOf(book);
    if (sum !== 0n) throw new Error(`the book in ${currency} is off balance by ${sum}`);
  }
  return books;
}

/** What running sums come to, in the order of the currencies; balanced or not. */
export function booksOf(sums: Iterable<RunningSum>): Balances[] {
  const books = new Map<string, Record<Account, bigint>>();
  for (const sum of sums) {
    const book = books.get(sum.currency) ?? emptyBook();
    for (const [account, micro] of linesIn(sum)) book[account] += micro;
    books.set(sum.currency, book);
  }
  return [...books]
    .map(([currency, book]) => ({ currency, accounts: book }))
    .sort((a, b) => a.currency.localeCompare(b.currency));
}

/** Zero, where the book balances. */
export function sumOf(book: Balances["accounts"]): bigint {
  return Object.values(book).reduce((all, micro) => all + micro, 0n);
}

function emptyBook(): Record<Account, bigint> {
  const zeros = accounts.map((account) => [account, 0n]);
  return Object.fromEntries(zeros) as Record<Account, bigint>;
}

export function linesIn({ accounts: book }: RunningSum): [Account, bigint][] {
  return Object.entries(book).map(([account, micro]) => [account as Account, BigInt(micro)]);
}

/** All rows of a kind in order of their ids, or those that begin alike; a page at a time. */
export async function* rowsOf<T>(
  store: Store,
  kind: string,
  prefix = "",
): AsyncGenerator<Stored<T>> {
  let after = "";
  for (;;) {
    const rows = await store.list<T>(kind, { prefix, after, limit: page });
    yield* rows;
    after = rows.at(-1)?.id ?? "";
    if (rows.length < page) return;
  }
}

/** A receipt's own id; of a document's entry one that begins as no agreement's rows do. */
export function postingId({ agreement = "", receipt, source }: Posting): string {
  if (source !== undefined) return `/${source.kind}/${source.id}`;
  if (receipt === undefined) throw new Error("an entry rests on nothing");
  return rowId(agreement, receipt);
}

/** Under which its lines are summed. */
export function sumId({ currency, agreement = "", party, source }: Posting): string {
  if (source !== undefined) return partySumId(currency, party);
  return `${currency}/agreement/${rowPrefix(agreement)}`;
}

/** Under which all that documents make with one party is summed. */
export function partySumId(currency: string, party: string): string {
  return `${currency}/party/${rowPrefix(party)}`;
}

export function summed(before: RunningSum | undefined, posting: Posting): RunningSum {
  const sums = new Map(before === undefined ? [] : linesIn(before));
  for (const { account, micro } of posting.lines) {
    sums.set(account, (sums.get(account) ?? 0n) + BigInt(micro));
  }
  const texts = [...sums].map(([account, micro]) => [account, micro.toString()]);
  return { currency: posting.currency, accounts: Object.fromEntries(texts) };
}

/** How far an entry's lines are from zero, or which of its accounts there is not. */
export function balanceProblem({ lines }: Posting): string | undefined {
  let sum = 0n;
  for (const { account, micro } of lines) {
    if (!accounts.includes(account)) return `there is no account ${account}`;
    sum += BigInt(micro);
  }
  return sum === 0n ? undefined : `it is off balance by ${sum}`;
}

/** An entry that does not balance is a programmer's error, and nothing may go on from it. */
function requireBalanced(posting: Posting): void {
  const problem = balanceProblem(posting);
  if (problem !== undefined) throw new Error(`posting ${postingId(posting)}: ${problem}`);
}
