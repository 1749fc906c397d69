import type {
  BalanceResource,
  LedgerAuditResource,
  SignedStatementResource,
} from "../client/books.ts";
import { formatAmount } from "../kernel/amount.ts";
import type { Agreements } from "../market/agreements.ts";
import type { Store } from "../ports/store.ts";
import { auditBooks } from "../settle/audit-books.ts";
import type { ProveReceipt } from "../settle/bill.ts";
import { balancesOf } from "../settle/ledger.ts";
import type { Account } from "../settle/ledger.ts";
import type { Act } from "../settle/statements/document.ts";
import type { StatementExchange } from "../settle/statements/exchange.ts";
import { otherSide, standingHere, type StatementRecord } from "../settle/statements/record.ts";
import { statementFileOf } from "../settle/statements/file.ts";
import type { Statements } from "../settle/statements/statements.ts";

/** The ledger, and what is settled with others, as the HTTP API sees them. */
export interface BooksApi {
  balances(): Promise<readonly BalanceResource[]>;
  /** Reads everything; who asks while it runs gets the same report. */
  audit(): Promise<LedgerAuditResource>;
  /** Statements of a month, or all. */
  statements(month?: string): Promise<readonly SignedStatementResource[]>;
  /** Both sides' words and all that proves the lines: a file. NOT_FOUND. */
  evidence(id: string): Promise<unknown>;
  /** As provider: drawn up, signed and brought. NOT_FOUND where nothing is left to state. */
  draw(consumer: string, month: string): Promise<SignedStatementResource>;
  /** This side's word about a statement, signed and brought. */
  act(id: string, act: Act): Promise<SignedStatementResource>;
}

export function booksApi(rooms: {
  readonly store: Store;
  readonly agreements: Agreements;
  readonly statements: { readonly exchange: StatementExchange; readonly kept: Statements };
  readonly prove: ProveReceipt;
}): BooksApi {
  const { store, agreements, statements } = rooms;
  let running: Promise<LedgerAuditResource> | undefined;
  const audit = async (): Promise<LedgerAuditResource> => {
    const report = await auditBooks(store, agreements);
    const books = report.books.map(({ sum, ...book }) => ({
      ...balanceOf(book),
      sum: formatAmount(sum),
    }));
    return { ...report, books };
  };
  return {
    balances: async () => (await balancesOf(store)).map(balanceOf),
    audit() {
      running ??= audit().finally(() => {
        running = undefined;
      });
      return running;
    },
    async statements(month) {
      return (await statements.kept.list(month)).map(statementTold);
    },
    async evidence(id) {
      const agreementOf = (named: string) => agreements.need(named);
      const { prove } = rooms;
      return statementFileOf(await statements.kept.need(id), { store, agreementOf, prove });
    },
    draw: async (consumer, month) => statementTold(await statements.exchange.draw(consumer, month)),
    act: async (id, act) => statementTold(await statements.exchange.act(id, act)),
  };
}

function statementTold(record: StatementRecord): SignedStatementResource {
  const { id, role, body, problem } = record;
  const { lines, dues } = standingHere(record);
  return {
    ...{ id, role, with: otherSide(record), month: body.month, number: body.number, at: body.at },
    lines: lines.map(({ line, state, micro, dispute }) => ({
      ...{ agreement: line.agreement, title: line.title, state, currency: line.currency },
      ...{ messages: line.messages, stated: line.amount, amount: formatAmount(micro) },
      ...(dispute && {
        dispute: {
          ...{ state: dispute.state, reason: dispute.reason, expiresAt: dispute.expiresAt },
          claimed: formatAmount(dispute.claimedMicro),
          ...(dispute.credit && {
            credit: { hash: dispute.credit.hash, amount: formatAmount(dispute.credit.micro) },
          }),
        },
      }),
    })),
    dues: dues.map(({ currency, accepted, paid, setOff, due }) => ({
      ...{ currency, accepted: formatAmount(accepted) },
      ...{ paid: formatAmount(paid), setOff: formatAmount(setOff), due: formatAmount(due) },
    })),
    ...(problem !== undefined && { problem }),
  };
}

function balanceOf(book: {
  readonly currency: string;
  readonly accounts: Readonly<Record<Account, bigint>>;
}): BalanceResource {
  const texts = Object.entries(book.accounts).map(([name, micro]) => [name, formatAmount(micro)]);
  return { currency: book.currency, accounts: Object.fromEntries(texts) };
}
