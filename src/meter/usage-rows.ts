import type { Store, Stored, Write } from "../ports/store.ts";
import { afterRowsOf, agreementOfRow, rowId, rowPrefix } from "./row-id.ts";

/** What one commit on the provider found acknowledged; kind `usage`. */
export interface UsageRow {
  /** Running number, from 1 without gaps until rows that are receipted are joined. */
  readonly seq: number;
  readonly epoch: string;
  /** Positions [from, to) of the epoch. */
  readonly from: number;
  readonly to: number;
  readonly messages: number;
  readonly bytes: number;
  /** Over the agreement's whole life, this row included. */
  readonly totalMessages: number;
  readonly totalBytes: number;
  /** Milliseconds since the Unix epoch: when it was acknowledged. */
  readonly at: number;
  /** UTC, by this node's clock; a receipt is for a month that its consumer can sign. */
  readonly month: string;
}

/** Rows that are read at once. */
const page = 1000;

export function usageRowWrite(op: "add" | "put", agreement: string, row: UsageRow): Write {
  return { op, kind: "usage", id: rowId(agreement, row.seq), doc: row };
}

/** The last row of every agreement: one look-up for each, however many rows there are. */
export async function lastUsageRows(store: Store): Promise<Map<string, UsageRow>> {
  const rows = new Map<string, UsageRow>();
  let after = "";
  for (;;) {
    const [first] = await store.list<UsageRow>("usage", { after, limit: 1 });
    if (first === undefined) return rows;
    const agreement = agreementOfRow(first.id);
    const range = { prefix: rowPrefix(agreement), reverse: true, limit: 1 };
    const [last] = await store.list<UsageRow>("usage", range);
    rows.set(agreement, (last ?? first).doc);
    after = afterRowsOf(agreement);
  }
}

/** The rows between which a month stands: the last of the months before, and the month's last. */
export interface MonthOfRows {
  readonly before: UsageRow | undefined;
  readonly last: UsageRow | undefined;
}

/** Of rows that are kept one a month, the newest first: what is asked for stands near the end. */
export async function monthOfRows(
  store: Store,
  agreement: string,
  month: string,
): Promise<MonthOfRows> {
  let last: UsageRow | undefined;
  const prefix = rowPrefix(agreement);
  const rows = await store.list<UsageRow>("usage", { prefix, reverse: true, limit: page });
  for (const { doc: row } of rows) {
    if (row.month < month) return { before: row, last };
    if (row.month === month) last ??= row;
  }
  return { before: undefined, last };
}

/** The row that ends the first billing period found after row `after`, up to row `upTo`. */
export async function endOfPeriod(
  store: Store,
  agreement: string,
  { after, upTo }: { readonly after: number; readonly upTo: number },
  periodOf: (row: UsageRow) => string,
): Promise<UsageRow | undefined> {
  let end: UsageRow | undefined;
  for (;;) {
    const rows = await rowsAfter(store, agreement, end?.seq ?? after);
    for (const { doc: row } of rows) {
      if (row.seq > upTo || (end !== undefined && periodOf(row) !== periodOf(end))) return end;
      end = row;
    }
    if (rows.length < page) return end;
  }
}

/** The last row after `after` that counts no more messages than these; `after` where none does. */
export async function lastRowWithin(
  store: Store,
  agreement: string,
  after: number,
  messages: number,
): Promise<number> {
  let last = after;
  for (;;) {
    const rows = await rowsAfter(store, agreement, last);
    for (const { doc: row } of rows) {
      if (row.totalMessages > messages) return last;
      last = row.seq;
    }
    if (rows.length < page) return last;
  }
}

/**
 * Rows that a co-signed receipt covers become one for each epoch and month, under the id of the
 * last of them; sums stay what they were. Bounded: the rest is joined with the next receipt.
 */
export async function joinedRows(
  store: Store,
  agreement: string,
  after: number,
  upTo: number,
): Promise<Write[]> {
  const gone: Write[] = [];
  const joined: UsageRow[] = [];
  for (const { doc: row } of await rowsAfter(store, agreement, after)) {
    if (row.seq > upTo) break;
    const last = joined.at(-1);
    if (last?.epoch === row.epoch && last.month === row.month) {
      gone.push({ op: "remove", kind: "usage", id: rowId(agreement, last.seq) });
      joined.splice(-1, 1, {
        ...row,
        from: last.from,
        messages: last.messages + row.messages,
        bytes: last.bytes + row.bytes,
      });
    } else {
      joined.push(row);
    }
  }
  if (gone.length === 0) return [];
  return [...gone, ...joined.map((row) => usageRowWrite("put", agreement, row))];
}

function rowsAfter(store: Store, agreement: string, seq: number): Promise<Stored<UsageRow>[]> {
  const after = rowId(agreement, seq);
  return store.list<UsageRow>("usage", { prefix: rowPrefix(agreement), after, limit: page });
}
