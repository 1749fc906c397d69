import { formatAmount, microOf } from "../../kernel/amount.ts";
import { canonicalBytes, canonicalHash } from "../../kernel/canonical.ts";
import type { Clock } from "../../kernel/clock.ts";
import { type Crash, neverCrash } from "../../kernel/crash.ts";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import { Turns } from "../../kernel/turns.ts";
import type { Agreement } from "../../market/agreement.ts";
import { attestedIn } from "../../market/evidence.ts";
import { receiptAt } from "../../meter/receipt.ts";
import type { Peers } from "../../ports/peers.ts";
import type { GeneralJws, Signer } from "../../ports/signer.ts";
import type { Store, Write } from "../../ports/store.ts";
import { mergeSignatures, unsignedJws } from "../../wire/jws.ts";
import { rowsOf } from "../ledger.ts";
import { begunStatement, receiptsUntil } from "../statement.ts";
import type { StatementLine } from "../statement.ts";
import {
  type InvoiceAnswer,
  invoiceAnswer,
  type InvoiceBody,
  type InvoiceLine,
  invoiceType,
} from "./document.ts";
import { creditLines, type CreditWish } from "./credit.ts";
import { type Billable, dayAfter, linesOf, sumsOf } from "./draw-up.ts";
import { invoicedMicro, invoicedWrites } from "./invoiced.ts";
import type { Parties } from "./parties.ts";
import { type InvoiceSettings, taxFor } from "./settings.ts";
import { invoiceXml } from "./to-ubl.ts";

/** `/comity/v1/invoices` on the buyer's node. */
export const invoicesPath = "/comity/v1/invoices";

/** Kind `invoice`, id = its number. */
export interface IssuedInvoice {
  readonly body: InvoiceBody;
  readonly hash: string;
  /** Absent: it is stored and numbered, and is signed next. */
  readonly signed?: GeneralJws;
  /** What came of bringing it to the buyer's node. */
  readonly told?: { readonly at: string } & (InvoiceAnswer | { readonly problem: string });
}

/** An invoice to draw up. */
export interface InvoiceWish {
  readonly month: string;
  /** DID. */
  readonly buyer: string;
}

export interface Uninvoiced {
  readonly line: StatementLine;
  /** Micro-units; below zero: asked for too much. */
  readonly leftMicro: bigint;
}

export interface IssuedInvoicesOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly crash?: Crash;
  readonly peers: Pick<Peers, "post">;
  readonly parties: Parties;
  readonly agreements: () => Iterable<Agreement>;
  readonly onFailed: (error: unknown) => void;
  /** Between two tries to bring what is issued to the buyers' nodes. */
  readonly everyMs?: number | undefined;
}

const kind = "invoice";
/** Issued, and not yet signed or brought to the buyer. */
const dueKind = "invoice-due";
const digits = 6;

/** What this node has invoiced. Documents are added and never changed. */
export class IssuedInvoices {
  readonly #options: IssuedInvoicesOptions;
  readonly #crash: Crash;
  readonly #turns = new Turns();
  readonly #timer: NodeJS.Timeout;
  #telling: Promise<void> | undefined;
  #again = false;

  private constructor(options: IssuedInvoicesOptions) {
    this.#options = options;
    this.#crash = options.crash ?? neverCrash;
    this.#timer = setInterval(() => void this.tell(), options.everyMs ?? 60_000).unref();
  }

  static async open(options: IssuedInvoicesOptions): Promise<IssuedInvoices> {
    const invoices = new IssuedInvoices(options);
    for await (const { id } of rowsOf(options.store, dueKind)) await invoices.#sign(id);
    return invoices;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turns.settled();
    await this.#telling;
  }

  async *all(): AsyncGenerator<IssuedInvoice> {
    for await (const { doc } of rowsOf<IssuedInvoice>(this.#options.store, kind)) yield doc;
  }

  get(number: string): Promise<IssuedInvoice | undefined> {
    return this.#options.store.get<IssuedInvoice>(kind, number);
  }

  /**
   * What the month owes and no invoice asked for yet: one document a currency. INVOICE_INVALID
   * where a rule forbids one, and then none is issued; NOT_FOUND where nothing is left.
   */
  async issue({ month, buyer }: InvoiceWish): Promise<IssuedInvoice[]> {
    const settings = await this.#options.parties.settings();
    const party = await this.#options.parties.of(buyer);
    return this.#turns.take("", async () => {
      const billables = await this.#billables({ month, buyer }, settings.taxes);
      const currencies = new Set(billables.map(({ line }) => line.currency));
      if (currencies.size === 0) {
        throw new ComityError("NOT_FOUND", { what: `amount to invoice in ${month} to`, id: buyer });
      }
      const issued = new Date(this.#options.clock.now()).toISOString().slice(0, 10);
      const { payment = {}, series } = settings;
      const drafts = [...currencies].sort().map((currency): Omit<InvoiceBody, "number"> => {
        const own = billables.filter(({ line }) => line.currency === currency);
        const lines = linesOf(own, currency);
        return {
          ...{ v: 1, type: "invoice", issued, month, currency },
          ...(payment.days !== undefined && { due: dayAfter(issued, payment.days) }),
          ...{ provider: this.#options.signer.did, consumer: buyer },
          ...{ seller: settings.party, buyer: party, payment, lines },
          ...sumsOf(lines, currency),
        };
      });
      return this.#store(drafts, series);
    });
  }

  /** Gives back a part of an invoice's lines, never more than stands of them. */
  async credit({ number, reason, lines }: CreditWish): Promise<IssuedInvoice> {
    const { series } = await this.#options.parties.settings();
    return this.#turns.take("", async () => {
      const invoice = (await this.get(number))?.body;
      if (invoice?.type !== "invoice") {
        throw new ComityError("NOT_FOUND", { what: "invoice", id: number });
      }
      const corrected = creditLines(invoice, await this.#credited(number), lines);
      const { month, currency, provider, consumer, seller, buyer, payment } = invoice;
      const issued = new Date(this.#options.clock.now()).toISOString().slice(0, 10);
      const draft: Omit<InvoiceBody, "number"> = {
        ...{ v: 1, type: "credit-note", issued, month, currency, provider, consumer },
        ...{ seller, buyer, payment, lines: corrected },
        ...sumsOf(corrected, currency),
        corrects: { number, issued: invoice.issued },
        reason,
      };
      const [note] = await this.#store([draft], series);
      if (note === undefined) throw new Error("the credit note was not stored");
      return note;
    });
  }

  /** Brings what is issued to the buyers' nodes; who is away is asked again. Never rejects. */
  tell(): Promise<void> {
    this.#again = true;
    this.#telling ??= this.#tellWhileNew()
      .catch(this.#options.onFailed)
      .finally(() => (this.#telling = undefined));
    return this.#telling;
  }

  /** Whoever was issued to meanwhile is told as well. */
  async #tellWhileNew(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await this.#tellAll();
    }
  }

  /** The month's lines of which invoices did not ask for all, or asked for more than they are. */
  async uninvoiced(month: string): Promise<Uninvoiced[]> {
    const lines = await this.#lines(month);
    const found = await Promise.all(
      lines.map(async (line) => ({ line, leftMicro: await this.#left(line) })),
    );
    return found.filter(({ leftMicro }) => leftMicro !== 0n);
  }

  /** One for each agreement: what a buyer without a node owes may stand in two. */
  async #lines(month: string, buyer?: string): Promise<StatementLine[]> {
    const { store, agreements, clock } = this.#options;
    const sold = [...agreements()].filter(({ role, consumer }) => {
      return role === "provider" && (buyer === undefined || consumer === buyer);
    });
    const lines = await begunStatement(store, sold, month, clock.now());
    return [...Map.groupBy(lines, ({ agreement }) => agreement).values()].flatMap((own) => {
      const [first] = own;
      const sum = own.reduce((all, { amount }) => all + microOf(amount), 0n);
      return first === undefined ? [] : { ...first, amount: formatAmount(sum) };
    });
  }

  async #left({ agreement, month, amount }: StatementLine): Promise<bigint> {
    return microOf(amount) - (await invoicedMicro(this.#options.store, agreement, month));
  }

  /** Where invoices asked for more than the month now owes, a credit note gives it back. */
  async #billables({ month, buyer }: InvoiceWish, taxes: InvoiceSettings["taxes"]) {
    const classes = new Map(
      [...this.#options.agreements()].map((one) => [one.id, attestedIn(one)?.recipientClass]),
    );
    const found: Billable[] = [];
    for (const line of await this.#lines(month, buyer)) {
      const exactMicro = await this.#left(line);
      if (exactMicro <= 0n) continue;
      const receipts = await this.#receipts(line);
      const tax = taxFor(taxes ?? [], line, classes.get(line.agreement));
      found.push({ line, exactMicro, tax, ...(receipts && { receipts }) });
    }
    return found;
  }

  /** First and last of the month that both signed. */
  async #receipts({ agreement, month }: StatementLine): Promise<InvoiceLine["receipts"]> {
    const { store } = this.#options;
    const { before, last } = await receiptsUntil(store, agreement, month);
    if (last === undefined) return undefined;
    const seq = (before?.seq ?? 0) + 1;
    const first = await receiptAt(store, agreement, seq);
    if (first === undefined) throw new Error(`receipt ${seq} of ${agreement} is missing`);
    const hashes = { firstHash: canonicalHash(first.body), lastHash: canonicalHash(last) };
    return { first: seq, last: last.seq, ...hashes };
  }

  /** What credit notes gave back of an invoice's lines. */
  async #credited(number: string): Promise<ReadonlyMap<string, bigint>> {
    const given = new Map<string, bigint>();
    for await (const { body } of this.all()) {
      if (body.corrects?.number !== number) continue;
      for (const { corrects = "", amount } of body.lines) {
        given.set(corrects, (given.get(corrects) ?? 0n) + microOf(amount));
      }
    }
    return given;
  }

  /**
   * Numbers without gaps: the next is one above the last that is stored, and stored with it. All
   * of them or none; what each line now is invoiced for goes into the same commit.
   */
  async #store(
    drafts: readonly Omit<InvoiceBody, "number">[],
    series: string | undefined,
  ): Promise<IssuedInvoice[]> {
    const { store } = this.#options;
    const year = drafts[0]?.issued.slice(0, 4);
    const prefix = `${series === undefined ? "" : `${series}-`}${year}-`;
    const [last] = await store.list(kind, { prefix, reverse: true, limit: 1 });
    const next = Number(last?.id.slice(prefix.length) ?? 0) + 1;
    const records = drafts.map((draft, index): IssuedInvoice => {
      const body = { ...draft, number: `${prefix}${String(next + index).padStart(digits, "0")}` };
      invoiceXml(body); // a document that breaks a rule gets no number
      return { body, hash: canonicalHash(body) };
    });
    const sums: Write[] = [];
    for (const { body } of records) {
      const lines = await this.#lines(body.month, body.consumer);
      sums.push(...(await invoicedWrites(store, body, lines)));
    }
    await store.commit([
      ...records.flatMap((doc): Write[] => [
        { op: "add", kind, id: doc.body.number, doc },
        { op: "add", kind: dueKind, id: doc.body.number, doc: {} },
      ]),
      ...sums,
    ]);
    this.#crash("invoice.stored");
    const signed = await Promise.all(records.map(({ body }) => this.#sign(body.number)));
    void this.tell();
    return signed;
  }

  /** Signed once: asked again it is the same document, to the byte. */
  async #sign(number: string): Promise<IssuedInvoice> {
    const { store, signer } = this.#options;
    const record = await this.get(number);
    if (record === undefined) throw new Error(`invoice ${number} is missing`);
    if (record.signed !== undefined) return record;
    const bytes = canonicalBytes(record.body);
    const signature = await signer.sign(bytes, invoiceType);
    const signed = mergeSignatures(unsignedJws(bytes), signature);
    const doc: IssuedInvoice = { ...record, signed };
    await store.commit([{ op: "put", kind, id: number, doc }]);
    this.#crash("invoice.signed");
    return doc;
  }

  async #tellAll(): Promise<void> {
    for await (const { id } of rowsOf(this.#options.store, dueKind)) {
      const record = await this.get(id);
      if (record?.signed === undefined) continue;
      const { lines, consumer } = record.body;
      const hasNode = lines.some(({ evidence }) => evidence === "two-sided");
      const told = hasNode ? await this.#tellOne(consumer, record.signed) : undefined;
      if (hasNode && told === undefined) continue;
      const { store } = this.#options;
      await store.commit([
        ...(told ? [{ op: "put", kind, id, doc: { ...record, told } } as const] : []),
        { op: "remove", kind: dueKind, id },
      ]);
    }
  }

  /** Undefined where the buyer's node is away. */
  async #tellOne(buyer: string, signed: GeneralJws): Promise<IssuedInvoice["told"]> {
    const at = new Date(this.#options.clock.now()).toISOString();
    try {
      const answer = await this.#options.peers.post(buyer, invoicesPath, signed);
      if (invoiceAnswer.Check(answer)) return { at, differences: answer.differences };
      return { at, problem: "its answer is none to an invoice" };
    } catch (thrown) {
      const refused = thrown instanceof ComityError && thrown.code === "PEER_REFUSED";
      return refused ? { at, problem: problemOf(thrown) } : undefined;
    }
  }
}
