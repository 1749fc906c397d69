import type { HttpCaller } from "./http-caller.ts";

/** One currency's book; decimal strings, debit balances above zero, credit balances below. */
export interface BalanceResource {
  readonly currency: string;
  readonly accounts: Readonly<Record<string, string>>;
}

/** What an audit read, and what does not follow from what was signed. */
export interface LedgerAuditResource {
  readonly receipts: number;
  readonly postings: number;
  /** From the postings; `sum` is "0" where a book balances. */
  readonly books: readonly (BalanceResource & { readonly sum: string })[];
  /** The first thousand. */
  readonly findings: readonly { readonly what: string; readonly problem: string }[];
  /** How many there are. */
  readonly problems: number;
}

const auditTimeoutMs = 600_000;

/** The routes of the ledger. */
export class BooksCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  balances = () => this.#caller.json<BalanceResource[]>("/ledger");
  audit = () =>
    this.#caller.json<LedgerAuditResource>("/ledger/audit", { timeoutMs: auditTimeoutMs });
}
