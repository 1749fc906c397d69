import type { BudgetResource } from "../client/callers.ts";
import type { StatementResource, UsageResource } from "../client/resources.ts";
import { type Clock, monthOf } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Agreements } from "../market/agreements.ts";
import { receiptsAfter } from "../meter/receipt.ts";
import type { ProviderReceipts } from "../meter/receipts-provider.ts";
import type { Store } from "../ports/store.ts";
import { billOf, oneSidedBillOf, type ProveReceipt } from "../settle/bill.ts";
import type { Budgets } from "../settle/budgets.ts";
import { begunStatement } from "../settle/statement.ts";
import { usageOf } from "../settle/usage-view.ts";

/** How long a question waits for the other side to co-sign what is still open. */
const closeWithinMs = 2000;

export interface SettleApi {
  usage(): readonly UsageResource[] | Promise<readonly UsageResource[]>;
  usageOf(agreement: string): UsageResource | undefined | Promise<UsageResource | undefined>;
  /** Numbers above `after`, in order, at most `limit`. */
  receipts(agreement: string, after: number, limit: number): Promise<readonly unknown[]>;
  /** `month` as `2026-11`. */
  statement(month: string): Promise<readonly StatementResource[]>;
  /** Undefined: the user has no budget. */
  budgetOf(user: string): Promise<BudgetResource | undefined>;
  /** A self-contained evidence file; undefined where nothing was receipted. */
  bill(month: string, agreement: string): Promise<unknown>;
}

type SettleRooms = Parameters<typeof usageOf>[1] & {
  readonly agreements: Agreements;
  readonly clock: Clock;
  readonly store: Store;
  readonly receipts: ProviderReceipts;
  readonly budgets: Budgets;
  readonly prove: ProveReceipt;
};

export function settleApi(rooms: SettleRooms): SettleApi {
  const { agreements, clock, store } = rooms;
  const need = (id: string): Agreement => agreements.need(id);
  return {
    usage: () => Promise.all(agreements.list().map((agreement) => usageOf(agreement, rooms))),
    usageOf: (id) => usageOf(need(id), rooms),
    async receipts(id, after, limit) {
      await rooms.receipts.closeWindows(id, closeWithinMs);
      return receiptsAfter(store, id, after, limit);
    },
    statement: async (month) => begunStatement(store, agreements.list(), month, clock.now()),
    budgetOf: (user) => rooms.budgets.stateOf(user),
    async bill(month, id) {
      await rooms.receipts.closeWindows(id, closeWithinMs);
      const counted = await oneSidedBillOf(store, need(id), month);
      if (month > monthOf(clock.now())) {
        throw new ComityError("BILL_ABSENT", { month, id });
      }
      return counted ?? billOf(store, need(id), month, { prove: rooms.prove });
    },
  };
}
