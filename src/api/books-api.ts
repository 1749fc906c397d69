import type { LedgerAuditResource, BalanceResource } from "../client/books.ts";
import { formatAmount } from "../kernel/amount.ts";
import type { Agreements } from "../market/agreements.ts";
import type { Store } from "../ports/store.ts";
import { auditLedger } from "../settle/audit.ts";
import { balancesOf } from "../settle/ledger.ts";
import type { Account } from "../settle/ledger.ts";

/** The ledger, and what is settled with others, as the HTTP API sees them. */
export interface BooksApi {
  balances(): Promise<readonly BalanceResource[]>;
  /** Reads everything; who asks while it runs gets the same report. */
  audit(): Promise<LedgerAuditResource>;
}

export function booksApi(rooms: {
  readonly store: Store;
  readonly agreements: Agreements;
}): BooksApi {
  const { store, agreements } = rooms;
  let running: Promise<LedgerAuditResource> | undefined;
  const audit = async (): Promise<LedgerAuditResource> => {
    const report = await auditLedger({ store, agreements, entries: async function* () {} });
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
  };
}

function balanceOf(book: {
  readonly currency: string;
  readonly accounts: Readonly<Record<Account, bigint>>;
}): BalanceResource {
  const texts = Object.entries(book.accounts).map(([name, micro]) => [name, formatAmount(micro)]);
  return { currency: book.currency, accounts: Object.fromEntries(texts) };
}
