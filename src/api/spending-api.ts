import type { Clock } from "../kernel/clock.ts";
import { isFree } from "../kernel/price.ts";
import type { Agreements } from "../market/agreements.ts";
import type { ConsumerCounts } from "../meter/consumer-counts.ts";
import type { Owed } from "../meter/owed.ts";
import type { Meter } from "../meter/usage.ts";
import type { Store } from "../ports/store.ts";
import { type MonthForecast, monthForecast } from "../settle/month-forecast.ts";
import type { SpendingLimits } from "../settle/spending-limits.ts";
import { usageOf } from "../settle/usage-view.ts";

/** Limits on what is spent, and what a month comes to, as the HTTP API sees them. */
export interface SpendingApi {
  readonly limits: SpendingLimits;
  /** Of agreements that cost something, on either side. */
  forecasts(): Promise<readonly MonthForecast[]>;
}

export function spendingApi(rooms: {
  readonly spending: SpendingLimits;
  readonly agreements: Agreements;
  readonly store: Store;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly counts: ConsumerCounts;
  readonly owed: Owed;
}): SpendingApi {
  return {
    limits: rooms.spending,
    forecasts() {
      const priced = rooms.agreements.list().filter(({ price }) => !isFree(price));
      return Promise.all(
        priced.map(async (agreement) => {
          return monthForecast(agreement, await usageOf(agreement, rooms), rooms);
        }),
      );
    },
  };
}
