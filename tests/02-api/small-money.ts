import assert from "node:assert/strict";
import { booksApi } from "../../src/api/books-api.ts";
import type { ApiDeps } from "../../src/api/deps.ts";
import { systemClock as clock } from "../../src/kernel/clock.ts";
import { Journal } from "../../src/kernel/journal.ts";
import type { Agreements } from "../../src/market/agreements.ts";
import { ConsumerCounts } from "../../src/meter/consumer-counts.ts";
import { Owed } from "../../src/meter/owed.ts";
import type { Store } from "../../src/ports/store.ts";
import { SpendingLimits } from "../../src/settle/spending-limits.ts";

/** The rooms of money of a node that trades with nobody. */
export async function smallMoney(
  store: Store,
  agreements: Agreements,
): Promise<Pick<ApiDeps, "books" | "spending">> {
  const limits = await SpendingLimits.open({
    ...{ store, clock, journal: new Journal(), agreements },
    counts: await ConsumerCounts.open(store, clock),
    owed: await Owed.open(store, clock, []),
    onFailed: (error) => assert.fail(String(error)),
  });
  return {
    books: booksApi({ store, agreements }),
    spending: { limits, forecasts: async () => [] },
  };
}
