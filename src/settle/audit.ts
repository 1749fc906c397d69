import { canonicalBytes } from "../kernel/canonical.ts";
import { problemOf } from "../kernel/errors.ts";
import type { Agreement } from "../market/agreement.ts";
import type { AgreementBook, ReceiptBody, ReceiptRecord } from "../meter/receipt.ts";
import { receiptAt, receiptProblem } from "../meter/receipt.ts";
import type { Store } from "../ports/store.ts";
import { balanceProblem, booksOf, linesIn, postingId, postingsOf, sumOf } from "./ledger.ts";
import { rowsOf, sumId, summed } from "./ledger.ts";
import type { Account, Entry, Posting, RunningSum } from "./ledger.ts";

/** One thing in the books that does not follow from what was signed. */
export interface AuditFinding {
  /** A posting, a receipt, a running sum or a book, by its id. */
  readonly what: string;
  readonly problem: string;
}

export interface AuditReport {
  readonly receipts: number;
  readonly postings: number;
  /** Amounts in micro-units. */
  readonly books: readonly {
    readonly currency: string;
    readonly accounts: Readonly<Record<Account, bigint>>;
    readonly sum: bigint;
  }[];
  /** The first of them; `problems` says how many there are. */
  readonly findings: readonly AuditFinding[];
  readonly problems: number;
}

export interface AuditSources {
  readonly store: Store;
  readonly agreements: AgreementBook;
  /** What documents make, recomputed from them as they are now. */
  entries(): AsyncIterable<Entry>;
  /** What else does not follow from what was signed. */
  findings(): AsyncIterable<AuditFinding>;
}

const findingsMax = 1000;

/**
 * Reads everything and recomputes it: each receipt's amount from its price, each posting from the
 * receipt or document under it, each running sum and each book from the postings. Trusts none of
 * them; whoever changed one of them has to have changed what both sides signed as well. Business
 * goes on meanwhile: what came after its page was read is looked up.
 */
export async function auditLedger(sources: AuditSources): Promise<AuditReport> {
  const audit = new Audit(sources);
  return audit.run();
}

class Audit {
  readonly #sources: AuditSources;
  readonly #findings: AuditFinding[] = [];
  #problems = 0;
  #receipts = 0;
  #postings = 0;
  /** What the postings read so far come to. */
  readonly #sums = new Map<string, RunningSum>();
  /** What the running sums said when the audit began, and which of them was come by since. */
  readonly #told = new Map<string, string>();
  readonly #met = new Set<string>();

  constructor(sources: AuditSources) {
    this.#sources = sources;
  }

  async run(): Promise<AuditReport> {
    for await (const { id, doc } of rowsOf<RunningSum>(this.#sources.store, "balance")) {
      this.#told.set(id, sumText(doc));
    }
    const expected = await this.#entries();
    await this.#readPostings(expected);
    for (const id of expected.keys()) this.#find(`posting ${id}`, "it is missing");
    await this.#readSums();
    for await (const { what, problem } of this.#sources.findings()) this.#find(what, problem);
    return {
      receipts: this.#receipts,
      postings: this.#postings,
      books: this.#books(),
      findings: this.#findings,
      problems: this.#problems,
    };
  }

  async #entries(): Promise<Map<string, Entry>> {
    const entries = new Map<string, Entry>();
    for await (const entry of this.#sources.entries()) entries.set(postingId(entry), entry);
    return entries;
  }

  /** Both kinds come in the order of their ids, and a receipt's posting has the receipt's. */
  async #readPostings(expected: Map<string, Entry>): Promise<void> {
    const postings = rowsOf<Posting>(this.#sources.store, "posting");
    const made = this.#madeOfReceipts();
    let posted = await postings.next();
    let should = await made.next();
    while (!posted.done || !should.done) {
      const order = posted.done ? 1 : should.done ? -1 : compare(posted.value.id, should.value.id);
      if (order > 0 && !should.done) {
        await this.#lookFor(should.value);
        should = await made.next();
      } else if (!posted.done) {
        const { id, doc } = posted.value;
        const signed = order === 0 && !should.done ? should.value.doc : expected.get(id);
        expected.delete(id);
        this.#take(id, doc, signed ?? (await this.#signedSince(id)));
        posted = await postings.next();
        if (order === 0) should = await made.next();
      }
    }
  }

  async #lookFor({ id, doc }: { id: string; doc: Posting }): Promise<void> {
    const since = await this.#sources.store.get<Posting>("posting", id);
    if (since === undefined) this.#find(`posting ${id}`, "it is missing");
    else this.#take(id, since, doc);
  }

  async #signedSince(id: string): Promise<Posting | undefined> {
    const { store, agreements } = this.#sources;
    if (id.startsWith("/")) return (await this.#entries()).get(id);
    const record = await store.get<ReceiptRecord>("receipt", id);
    if (record?.state !== "cosigned") return undefined;
    const { agreement: of, seq } = record.body;
    const agreement = await agreements.get(of);
    const before = await receiptAt(store, of, seq - 1);
    if (agreement === undefined) return undefined;
    this.#receipts += 1;
    return postingIn(agreement, record.body, before?.body)[0];
  }

  #take(id: string, posting: Posting, wanted: Posting | undefined): void {
    this.#postings += 1;
    try {
      const problem = postingProblem(posting, wanted);
      if (problem !== undefined) this.#find(`posting ${id}`, problem);
      const of = sumId(posting);
      const sum = summed(this.#sums.get(of), posting);
      this.#sums.set(of, sum);
      if (sumText(sum) === this.#told.get(of)) this.#met.add(of);
    } catch (thrown) {
      this.#find(`posting ${id}`, `it cannot be read: ${problemOf(thrown)}`);
    }
  }

  async *#madeOfReceipts(): AsyncGenerator<{ id: string; doc: Posting }> {
    const { store, agreements } = this.#sources;
    let agreement: Agreement | undefined;
    let before: ReceiptBody | undefined;
    for await (const { id, doc: record } of rowsOf<ReceiptRecord>(store, "receipt")) {
      const { body, state } = record;
      if (state !== "cosigned") continue;
      this.#receipts += 1;
      if (agreement?.id !== body.agreement) {
        agreement = await agreements.get(body.agreement);
        before = undefined;
      }
      if (agreement === undefined) {
        this.#find(`receipt ${id}`, "its agreement is not here");
        continue;
      }
      const problem = receiptProblem(body, before, agreement);
      if (problem !== undefined) this.#find(`receipt ${id}`, problem);
      for (const posting of postingIn(agreement, body, before)) yield { id, doc: posting };
      before = body;
    }
  }

  /** One that moved meanwhile must have been right before; any other must be right now. */
  async #readSums(): Promise<void> {
    const unread = new Set(this.#sums.keys());
    for await (const { id, doc } of rowsOf<RunningSum>(this.#sources.store, "balance")) {
      unread.delete(id);
      const told = this.#told.get(id);
      const [wanted, found] = [sumText(this.#sums.get(id)), sumText(doc)];
      const agrees = found === told ? found === wanted : told === undefined || this.#met.has(id);
      if (!agrees) this.#find(`running sum ${id}`, `it says ${told}, not ${wanted}`);
    }
    for (const id of unread) this.#find(`running sum ${id}`, "it is missing");
  }

  #books(): AuditReport["books"] {
    return booksOf(this.#sums.values()).map(({ currency, accounts }) => {
      const sum = sumOf(accounts);
      if (sum !== 0n) this.#find(`the book in ${currency}`, `it is off balance by ${sum}`);
      return { currency, accounts, sum };
    });
  }

  #find(what: string, problem: string): void {
    this.#problems += 1;
    if (this.#findings.length < findingsMax) this.#findings.push({ what, problem });
  }
}

function postingIn(agreement: Agreement, body: ReceiptBody, before?: ReceiptBody): Posting[] {
  if (BigInt(body.amountMicro) < BigInt(before?.amountMicro ?? 0)) return [];
  return postingsOf(agreement, body, before)
    .filter((write) => write.op === "add")
    .map(({ doc }) => doc as Posting);
}

function postingProblem(posting: Posting, wanted: Posting | undefined): string | undefined {
  if (wanted === undefined) return "nothing that was signed is under it";
  const members = Object.keys({ ...wanted, ...posting }) as (keyof Posting)[];
  const differs = members.find((one) => textOf(posting[one]) !== textOf(wanted[one]));
  if (differs === undefined) return balanceProblem(posting);
  return `${differs} is ${textOf(posting[differs])}, not ${textOf(wanted[differs])}`;
}

function textOf(value: unknown): string {
  return value === undefined ? "nothing" : Buffer.from(canonicalBytes(value)).toString();
}

function sumText(sum: RunningSum | undefined): string {
  if (sum === undefined) return "nothing";
  const lines = linesIn(sum).filter(([, micro]) => micro !== 0n);
  return lines
    .map(([account, micro]) => `${account} ${micro}`)
    .toSorted()
    .join(", ");
}

/** As the store orders ids: by their bytes. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
