import { canonicalHash } from "../../kernel/canonical.ts";
import type { Clock } from "../../kernel/clock.ts";
import { type Crash, neverCrash } from "../../kernel/crash.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { Journal } from "../../kernel/journal.ts";
import { Turns } from "../../kernel/turns.ts";
import type { Agreement } from "../../market/agreement.ts";
import type { GeneralJws } from "../../ports/signer.ts";
import type { Store, Write } from "../../ports/store.ts";
import { rowsOf } from "../ledger.ts";
import { begunStatement } from "../statement.ts";
import { differencesOf, type OwnView } from "./differences.ts";
import {
  type InvoiceAnswer,
  type InvoiceBody,
  type InvoiceDifference,
  invoiceIn,
  invoiceType,
  offeredInvoice,
} from "./document.ts";
import { invoicedMicro, invoicedWrites } from "./invoiced.ts";
import { type Parties, pinnedKeys, verifyByPinned } from "./parties.ts";

/** Kind `invoice-received`, id = the seller's DID and the number. */
export interface ReceivedInvoice {
  readonly body: InvoiceBody;
  readonly hash: string;
  readonly signed: GeneralJws;
  /** ISO 8601, UTC. */
  readonly receivedAt: string;
  /** What it does not share with this node's own lines; empty: it owes just that. */
  readonly differences: readonly InvoiceDifference[];
}

export interface ReceivedInvoicesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly crash?: Crash;
  readonly did: string;
  readonly parties: Pick<Parties, "given">;
  readonly agreements: () => Iterable<Agreement>;
  /** Documents kept of one seller. */
  readonly perSellerMax?: number;
}

const kind = "invoice-received";
/** How many of one seller's are kept, id = its DID. */
const countKind = "invoice-count";
const perSellerMax = 10_000;

/** What others have invoiced to this node; it keeps each, and pays none. */
export class ReceivedInvoices {
  readonly #options: ReceivedInvoicesOptions;
  readonly #crash: Crash;
  readonly #turns = new Turns();

  constructor(options: ReceivedInvoicesOptions) {
    this.#options = options;
    this.#crash = options.crash ?? neverCrash;
  }

  async *all(): AsyncGenerator<ReceivedInvoice> {
    for await (const { doc } of rowsOf<ReceivedInvoice>(this.#options.store, kind)) yield doc;
  }

  get(seller: string, number: string): Promise<ReceivedInvoice | undefined> {
    return this.#options.store.get<ReceivedInvoice>(kind, receivedId(seller, number));
  }

  /**
   * `from` is the DID of the authenticated caller. Each line is compared with this node's own, and
   * the invoice kept whatever comes of it: a difference is for people. Throws BODY_INVALID,
   * SIGNATURE_INVALID or INVOICE_REFUSED; asked again it gives the same answer.
   */
  async take(from: string, offered: unknown): Promise<InvoiceAnswer> {
    if (!offeredInvoice.Check(offered)) throw badBody("it is no signed invoice");
    const body = invoiceIn(offered);
    const { agreements, did } = this.#options;
    const what = `invoice ${body.number}`;
    await verifyByPinned(offered, pinnedKeys(agreements(), from), from, {
      what,
      type: invoiceType,
    });
    if (body.provider !== from) throw refused(what, `it is of ${body.provider}, not of ${from}`);
    if (body.consumer !== did) throw refused(what, `it is for ${body.consumer}, not for ${did}`);
    const own = new Map([...agreements()].map((one) => [one.id, one]));
    const foreign = body.lines.find((line) => {
      const agreement = own.get(line.agreement);
      return agreement?.role !== "consumer" || agreement.provider !== from;
    });
    if (foreign !== undefined) {
      const problem = `line ${foreign.id} is of agreement ${foreign.agreement}, and there is none`;
      throw refused(what, problem);
    }
    return this.#turns.take("", () => this.#keep(body, offered, own));
  }

  async #keep(
    body: InvoiceBody,
    signed: GeneralJws,
    own: ReadonlyMap<string, Agreement>,
  ): Promise<InvoiceAnswer> {
    const { store, clock, journal } = this.#options;
    const hash = canonicalHash(body);
    const there = await this.get(body.provider, body.number);
    if (there !== undefined) {
      if (there.hash === hash) return { differences: [...there.differences] };
      const problem = "another document with that number is here already, signed by the same side";
      throw refused(`invoice ${body.number}`, problem);
    }
    const view = await this.#view(body, own);
    const differences = differencesOf(body, view);
    const counted = await this.#counted(body.provider);
    const doc: ReceivedInvoice = {
      ...{ body, hash, signed, differences },
      receivedAt: new Date(clock.now()).toISOString(),
    };
    const sums = await invoicedWrites(store, body, view.lines);
    const id = receivedId(body.provider, body.number);
    await store.commit([{ op: "add", kind, id, doc }, counted, ...sums]);
    this.#crash("invoice.received");
    const many = differences.length;
    const found = many === 0 ? "agrees with what both signed" : `differs in ${many} things`;
    const text = `Invoice ${body.number} of ${body.totals.gross} ${body.currency} ${found}`;
    journal.record({ at: clock.now(), kind: "invoice.received", text });
    return { differences };
  }

  /** One more of that seller's; LIMIT_REACHED where it fills this node's disk with them. */
  async #counted(seller: string): Promise<Write> {
    const row = await this.#options.store.get<{ count: number }>(countKind, seller);
    const count = (row?.count ?? 0) + 1;
    const limit = this.#options.perSellerMax ?? perSellerMax;
    if (count > limit) {
      throw new ComityError("LIMIT_REACHED", { limit, what: `invoices of ${seller}` });
    }
    return { op: "put", kind: countKind, id: seller, doc: { count } };
  }

  async #view(body: InvoiceBody, own: ReadonlyMap<string, Agreement>): Promise<OwnView> {
    const { store, parties, clock } = this.#options;
    const named = [...new Set(body.lines.map(({ agreement }) => agreement))];
    const known = named.flatMap((id) => own.get(id) ?? []);
    const lines = await begunStatement(store, known, body.month, clock.now());
    const before = new Map<string, bigint>();
    for (const id of named) before.set(id, await invoicedMicro(store, id, body.month));
    const corrected = body.corrects && (await this.get(body.provider, body.corrects.number))?.body;
    const party = (await parties.given())?.party;
    return { lines, before, ...(party && { party }), ...(corrected && { corrected }) };
  }
}

function receivedId(seller: string, number: string): string {
  return `${seller}/${number}`;
}

function badBody(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem });
}

function refused(what: string, problem: string): ComityError {
  return new ComityError("INVOICE_REFUSED", { what, problem });
}
