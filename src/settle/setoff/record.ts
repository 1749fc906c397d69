import { monthOf } from "../../kernel/clock.ts";
import type { Store, Write } from "../../ports/store.ts";
import type { AuditFinding } from "../audit.ts";
import type { Entry } from "../ledger.ts";
import { rowsOf } from "../ledger.ts";
import type { StatementRecord } from "../statements/record.ts";
import type { SetoffBody, SignedSetoff } from "./document.ts";
import { clearedMicro } from "./netting.ts";

/** A set-off as either side keeps it; kind `setoff`. */
export interface SetoffRecord extends SignedSetoff {
  readonly id: string;
  /** The other side's DID. */
  readonly with: string;
  /** Drawn up here, drawn up there and not signed here, or signed by both: then it counts. */
  readonly state: "drawn" | "offered" | "agreed";
  /** The other side has what this side has of it. */
  readonly told: boolean;
}

export function setoffWrite(record: SetoffRecord): Write {
  return { op: "put", kind: "setoff", id: record.id, doc: record };
}

/** In the order of their numbers. */
export async function setoffsWith(store: Store, other?: string): Promise<SetoffRecord[]> {
  const found: SetoffRecord[] = [];
  for await (const { doc } of rowsOf<SetoffRecord>(store, "setoff")) {
    if (other === undefined || doc.with === other) found.push(doc);
  }
  return found.toSorted((a, b) => a.body.number - b.body.number);
}

/** Each is owed less by what both were cleared of: the same entry on both sides. */
export function setoffEntry({ id, body, with: party }: SetoffRecord): Entry {
  const micro = clearedMicro(body);
  return {
    ...{ v: 1, at: body.at, month: monthOf(Date.parse(body.at)) },
    ...{ source: { kind: "setoff", id }, party, currency: body.currency },
    lines: [
      { account: "payable", micro: micro.toString() },
      { account: "receivable", micro: (-micro).toString() },
    ],
  };
}

/** Every entry that signed set-offs make, for the audit. */
export async function* setoffEntries(store: Store): AsyncGenerator<Entry> {
  for (const record of await setoffsWith(store)) {
    if (record.state === "agreed") yield setoffEntry(record);
  }
}

/** Statements that say of themselves to be cleared of something else than both signed. */
export async function* clearedFindings(store: Store): AsyncGenerator<AuditFinding> {
  const signed = new Map<string, string[]>();
  for (const { state, body, id: setoff } of await setoffsWith(store)) {
    for (const item of state === "agreed" ? body.items : []) {
      if (item.cleared === "0") continue;
      const text = clearedText({ setoff, currency: body.currency, amount: item.cleared });
      signed.set(item.id, [...(signed.get(item.id) ?? []), text]);
    }
  }
  for await (const { id, doc } of rowsOf<StatementRecord>(store, "statement")) {
    const says = doc.cleared.map(clearedText).toSorted().join(", ");
    const should = (signed.get(id) ?? []).toSorted().join(", ");
    signed.delete(id);
    if (says === should) continue;
    const problem = `it was set off by ${should || "nothing"}, and says ${says || "nothing"}`;
    yield { what: `statement ${id}`, problem };
  }
  for (const id of signed.keys()) yield { what: `statement ${id}`, problem: "it is not here" };
}

function clearedText(one: StatementRecord["cleared"][number]): string {
  return `${one.amount} ${one.currency} (${one.setoff})`;
}

/** What a statement is cleared of by a set-off. */
export function clearedOf(
  setoff: string,
  { currency, items }: SetoffBody,
  statement: string,
): StatementRecord["cleared"] {
  const item = items.find(({ id }) => id === statement);
  if (item === undefined || item.cleared === "0") return [];
  return [{ setoff, currency, amount: item.cleared }];
}
