import { formatAmount } from "../kernel/amount.ts";
import { type Clock, dayMs, monthEnd, monthOf } from "../kernel/clock.ts";
import type { Used } from "../kernel/price.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Owed } from "../meter/owed.ts";
import type { Store } from "../ports/store.ts";
import { type Forecast, forecastOf, recentDays, type SpentBy } from "./forecast.ts";
import { owedBefore } from "./owed-before.ts";
import { lastCosignedBy } from "./statement.ts";

/** What one agreement's month comes to; decimal strings. */
export interface MonthForecast {
  readonly agreement: string;
  readonly role: "provider" | "consumer";
  readonly title: string;
  readonly month: string;
  readonly currency: string;
  /** In the month so far. */
  readonly spent: string;
  /** Absent while less than an hour has been seen: it would say nothing. */
  readonly expected?: string;
  readonly least?: string;
  readonly most?: string;
}

const seenMinMs = 3_600_000;

/** By what both have signed on the days before, and `used`, what was counted until now. */
export async function monthForecast(
  agreement: Agreement,
  used: Used,
  { store, clock, owed }: { readonly store: Store; readonly clock: Clock; readonly owed: Owed },
): Promise<MonthForecast> {
  const { id, role, title, price, state } = agreement;
  const signedAt = Date.parse(agreement.signedAt);
  const now = clock.now();
  const month = monthOf(now);
  const life = owed.micro(agreement, used);
  const recent: SpentBy[] = [];
  for (let days = recentDays; days > 0; days--) {
    const at = now - days * dayMs;
    if (at <= signedAt) continue;
    const signed = await lastCosignedBy(store, id, new Date(at).toISOString());
    recent.push({ at, micro: BigInt(signed?.amountMicro ?? 0) });
  }
  if (recent.length < recentDays) recent.unshift({ at: signedAt, micro: 0n });
  recent.push({ at: now, micro: life });
  // charges by the month are those of the whole month, whatever comes
  const spent = owed.billMicro(agreement, used) - (await owedBefore(store, owed, agreement, month));
  const soFar = {
    ...{ agreement: id, role, title, month, currency: price.currency },
    spent: formatAmount(spent),
  };
  const isOver = state === "ended";
  if (!isOver && now - signedAt < seenMinMs) return soFar;
  const { expected, least, most }: Forecast = forecastOf(spent, isOver ? [] : recent, {
    now,
    ends: monthEnd(month),
  });
  return {
    ...soFar,
    expected: formatAmount(expected),
    least: formatAmount(least),
    most: formatAmount(most),
  };
}
