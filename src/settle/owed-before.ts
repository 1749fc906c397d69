import { monthBefore } from "../kernel/clock.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Owed } from "../meter/owed.ts";
import type { Store } from "../ports/store.ts";
import { lastCosignedBefore } from "./statement.ts";

/**
 * Micro-units for the months before: what both signed for them, and the most that their charges by
 * the month come to. The bill so far (`Owed.billMicro`) less this is the running month's.
 */
export async function owedBefore(
  store: Store,
  owed: Owed,
  agreement: Agreement,
  month: string,
): Promise<bigint> {
  const signed = await lastCosignedBefore(store, agreement.id, month);
  const standing = owed.standingMicro(agreement, monthBefore(month));
  return BigInt(signed?.amountMicro ?? 0) + standing;
}
