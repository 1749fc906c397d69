import type { Store, Write } from "../../ports/store.ts";
import type { StatementLine } from "../statement.ts";
import type { InvoiceBody } from "./document.ts";
import { microOf } from "../../kernel/amount.ts";

/** What invoices ask for of one agreement's month; kind `invoiced`, on both sides. */
interface Invoiced {
  readonly micro: string;
}

const kind = "invoiced";

/** Micro-units; zero where no invoice named it. */
export async function invoicedMicro(
  store: Store,
  agreement: string,
  month: string,
): Promise<bigint> {
  const row = await store.get<Invoiced>(kind, idOf(agreement, month));
  return BigInt(row?.micro ?? 0);
}

/**
 * For the commit that stores the document. An invoice asks for its lines' exact amounts. A credit
 * note takes back what the month's line no longer owes, after an adjustment, and no more: what is
 * given back of an amount that is still owed is not asked for again.
 */
export async function invoicedWrites(
  store: Store,
  { type, month, lines }: InvoiceBody,
  owed: readonly StatementLine[],
): Promise<Write[]> {
  const named = Map.groupBy(lines, ({ agreement }) => agreement);
  return Promise.all(
    [...named].map(async ([agreement, own]): Promise<Write> => {
      const before = await invoicedMicro(store, agreement, month);
      const sum = own.reduce((all, { exact }) => all + microOf(exact), 0n);
      const line = owed.find((one) => one.agreement === agreement);
      const floor = microOf(line?.amount ?? "0");
      const after = type === "invoice" ? before + sum : lowered(before, sum, floor);
      const doc: Invoiced = { micro: String(after) };
      return { op: "put", kind, id: idOf(agreement, month), doc };
    }),
  );
}

function lowered(before: bigint, by: bigint, floor: bigint): bigint {
  if (before <= floor) return before;
  return before - by < floor ? floor : before - by;
}

function idOf(agreement: string, month: string): string {
  return `${agreement}/${month}`;
}
