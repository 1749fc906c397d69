import assert from "node:assert/strict";
import { booksApi } from "../../src/api/books-api.ts";
import { ownersApi } from "../../src/api/owners-api.ts";
import { setoffsApi } from "../../src/api/setoffs-api.ts";
import { invoicesApi } from "../../src/api/invoices-api.ts";
import type { ApiDeps } from "../../src/api/deps.ts";
import type { UsageResource } from "../../src/client/resources.ts";
import { systemClock as clock } from "../../src/kernel/clock.ts";
import { systemEntropy } from "../../src/kernel/id.ts";
import { Journal } from "../../src/kernel/journal.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import type { Agreements } from "../../src/market/agreements.ts";
import { ConsumerCounts } from "../../src/meter/consumer-counts.ts";
import { Owed } from "../../src/meter/owed.ts";
import type { Signer } from "../../src/ports/signer.ts";
import type { Store } from "../../src/ports/store.ts";
import { IssuedInvoices } from "../../src/settle/invoice/issued.ts";
import { Parties } from "../../src/settle/invoice/parties.ts";
import { ReceivedInvoices } from "../../src/settle/invoice/received.ts";
import { Ledger } from "../../src/settle/ledger.ts";
import { Parts } from "../../src/settle/owners/parts.ts";
import { OwnerShares } from "../../src/settle/owners/shares.ts";
import { SetoffExchange } from "../../src/settle/setoff/exchange.ts";
import { Setoffs } from "../../src/settle/setoff/setoffs.ts";
import { StatementExchange } from "../../src/settle/statements/exchange.ts";
import { Statements } from "../../src/settle/statements/statements.ts";
import { SpendingLimits } from "../../src/settle/spending-limits.ts";

/** The rooms of money of a node that trades with nobody. */
export async function smallMoney(
  store: Store,
  agreements: Agreements,
  signer: Signer,
): Promise<Pick<ApiDeps, "books" | "invoices" | "owners" | "setoffs" | "spending">> {
  const limits = await SpendingLimits.open({
    ...{ store, clock, journal: new Journal(), agreements },
    counts: await ConsumerCounts.open(store, clock),
    owed: await Owed.open(store, clock, []),
    onFailed: (error) => assert.fail(String(error)),
  });
  const away = async (): Promise<never> => assert.fail("it has no peers");
  const sold = { store, clock, signer, agreements: () => agreements.list() };
  const parties = new Parties({ ...sold, peers: { get: away } });
  const issued = await IssuedInvoices.open({
    ...{ ...sold, parties, peers: { post: away } },
    onFailed: (error) => assert.fail(String(error)),
  });
  const kept = new Statements({
    store,
    clock,
    signer,
    agreements,
    ledger: await Ledger.open(store),
  });
  const statements = {
    kept,
    exchange: new StatementExchange({
      ...{
        statements: kept,
        peers: { get: away, post: away, keyOf: away, nameOf: String },
        clock,
        agreements,
      },
      journal: new Journal(),
      takeReceipts: away,
    }),
  };
  const setoffs = new Setoffs({
    ...{ store, clock, signer, agreements, statements: kept, ledger: await Ledger.open(store) },
  });
  const setoffExchange = new SetoffExchange({
    ...{ setoffs, store, clock, journal: new Journal(), statements: statements.exchange },
    peers: { get: away, post: away, keyOf: away, nameOf: String },
  });
  const parts = new Parts({ store, clock, did: signer.did });
  const shares = new OwnerShares({
    ...{ store, clock, agreements, parts, ledger: await Ledger.open(store) },
    onFailed: (error) => assert.fail(String(error)),
  });
  const received = new ReceivedInvoices({
    ...{ ...sold, parties, journal: new Journal(), did: signer.did },
  });
  const prove = async () => undefined; // what it never signed stands in no log
  const agreementOf = (id: string) => agreements.need(id);
  const files = { store, agreementOf, prove };
  return {
    invoices: invoicesApi({ parties, issued, received }, { list: () => [] }, files),
    books: booksApi({ store, agreements, statements, prove }),
    owners: ownersApi({
      ...{ agreements, entropy: systemEntropy, catalogue: { get: () => undefined } },
      owners: { parts, shares },
    }),
    setoffs: setoffsApi({ setoffs: { kept: setoffs, exchange: setoffExchange } }),
    spending: { limits, forecasts: async () => [] },
  };
}

export function usageToldOf({ id, role, product, title }: Agreement): UsageResource {
  const counted = { messages: 8412, bytes: 100, amount: "16.824", currency: "EUR" };
  return { agreement: id, role, product, title, evidence: "one-sided", ...counted };
}

export function statementLineOf(one: Agreement, month: string) {
  const { provider, consumer } = one;
  return { ...usageToldOf(one), provider, consumer, month, receipts: 2 };
}
