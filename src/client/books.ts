import { type HttpCaller, part } from "./http-caller.ts";

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

/** A statement of a month between two nodes, with how its lines stand; decimal strings. */
export interface SignedStatementResource {
  readonly id: string;
  readonly role: "provider" | "consumer";
  /** The other side's DID. */
  readonly with: string;
  readonly month: string;
  readonly number: number;
  readonly at: string;
  readonly lines: readonly {
    readonly agreement: string;
    readonly title: string;
    readonly state: "sent" | "accepted" | "disputed" | "settled" | "expired";
    readonly messages: number;
    readonly stated: string;
    /** Less what was credited. */
    readonly amount: string;
    readonly currency: string;
    readonly dispute?: {
      readonly state: "open" | "evidence" | "adjusted" | "upheld" | "expired";
      readonly reason: string;
      readonly claimed: string;
      readonly expiresAt: string;
      readonly credit?: { readonly hash: string; readonly amount: string };
    };
  }[];
  readonly dues: readonly {
    readonly currency: string;
    readonly accepted: string;
    readonly paid: string;
    readonly setOff: string;
    readonly due: string;
  }[];
  /** What the other side answered instead of taking it. */
  readonly problem?: string;
}

const auditTimeoutMs = 600_000;

/** The routes of the ledger. */
export class BooksCalls {
  readonly #caller: HttpCaller;

  constructor(caller: HttpCaller) {
    this.#caller = caller;
  }

  balances = () => this.#caller.json<BalanceResource[]>("/ledger");
  statements = (month?: string) =>
    this.#caller.json<SignedStatementResource[]>("/signed-statements", { query: { month } });
  /** A file that `comity verify` checks, offline. */
  evidence = (id: string) => this.#caller.json<unknown>(`/signed-statements/${part(id)}/evidence`);
  draw = (consumer: string, month: string) =>
    this.#caller.json<SignedStatementResource>("/signed-statements", {
      method: "POST",
      json: { consumer, month },
    });
  /** This side's word about a statement: docs/guides/settlement.md has them all. */
  act = (id: string, act: Readonly<Record<string, unknown>>) =>
    this.#caller.json<SignedStatementResource>(`/signed-statements/${part(id)}/acts`, {
      method: "POST",
      json: act,
    });
  audit = () =>
    this.#caller.json<LedgerAuditResource>("/ledger/audit", { timeoutMs: auditTimeoutMs });
}
