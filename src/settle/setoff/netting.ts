import { formatAmount, microOf } from "../../kernel/amount.ts";
import { canonicalHash } from "../../kernel/canonical.ts";
import { statementHash } from "../statements/document.ts";
import { standingHere } from "../statements/record.ts";
import type { StatementRecord } from "../statements/record.ts";
import { itemsMax } from "./document.ts";
import type { Item, SetoffBody } from "./document.ts";

/** The two participants, in the order of their DIDs. */
export type Pair = readonly [string, string];

/** What the statements between two participants come to in one currency; micro-units. */
export interface Netting {
  readonly currency: string;
  /** What each of the pair is owed. */
  readonly owed: readonly [bigint, bigint];
  /** What both are owed at least: so much is set off. */
  readonly micro: bigint;
  readonly items: readonly Item[];
}

export function pairOf(one: string, other: string): Pair {
  return one < other ? [one, other] : [other, one];
}

/**
 * In each currency in which each owes the other something. What is due is what both know to be
 * accepted and not paid; the oldest statement of each side is cleared first, the last in part.
 */
export function nettings(pair: Pair, records: readonly StatementRecord[]): Netting[] {
  const due = new Map<string, [Item[], Item[]]>();
  for (const record of records.toSorted(byAge)) {
    const { body, id } = record;
    for (const { currency, due: micro } of standingHere(record).dues) {
      const sides = due.get(currency) ?? [[], []];
      const items = sides[pair.indexOf(body.provider)];
      if (micro <= 0n || items === undefined || items.length >= itemsMax) continue;
      const { provider } = body;
      const told = { due: formatAmount(micro), cleared: "0" };
      items.push({ statement: statementHash(body), id, provider, ...told });
      due.set(currency, sides);
    }
  }
  return [...due].flatMap(([currency, [first, second]]) => {
    const owed = [sumOf(first, "due"), sumOf(second, "due")] as const;
    const micro = owed[0] < owed[1] ? owed[0] : owed[1];
    if (micro === 0n) return [];
    return [
      { currency, owed, micro, items: [...cleared(first, micro), ...cleared(second, micro)] },
    ];
  });
}

export function bodyOf(
  pair: Pair,
  { currency, owed, micro, items }: Netting,
  place: Pick<SetoffBody, "number" | "prev" | "at">,
): SetoffBody {
  const claim = (side: 0 | 1) => ({
    provider: pair[side],
    owed: formatAmount(owed[side]),
    left: formatAmount(owed[side] - micro),
  });
  return {
    ...{ v: 1, type: "setoff", claims: [claim(0), claim(1)], currency },
    ...place,
    items: [...items],
  };
}

/** How much each of both is cleared of. */
export function clearedMicro({ items, claims }: SetoffBody): bigint {
  return sumOf(
    items.filter(({ provider }) => provider === claims[0].provider),
    "cleared",
  );
}

/** Why a body does not follow from its own items, or undefined. */
export function arithmeticProblem({ items, claims }: SetoffBody): string | undefined {
  const sums = claims.map(({ provider, owed, left }) => {
    const own = items.filter((one) => one.provider === provider);
    const [due, gone] = [sumOf(own, "due"), sumOf(own, "cleared")];
    const adds = microOf(owed) === due && microOf(left) === due - gone;
    return adds ? gone : undefined;
  });
  if (claims[0].provider >= claims[1].provider) return "its parties are not in order";
  if (sums[0] === undefined || sums[1] === undefined) return "its sums are not those of its items";
  if (sums[0] !== sums[1] || sums[0] === 0n) return "both sides are not cleared of the same";
  const parties = claims.map(({ provider }) => provider);
  const stranger = items.find(({ provider }) => !parties.includes(provider));
  if (stranger !== undefined) return `statement ${stranger.id} is of somebody else`;
  const over = items.find(({ due, cleared: gone }) => microOf(gone) > microOf(due));
  if (over !== undefined) return `more of statement ${over.id} is cleared than is due`;
  const named = new Set(items.map(({ statement }) => statement));
  return named.size < items.length ? "it names a statement twice" : undefined;
}

/** What of another's body is not as this side would draw it up, or undefined. */
export function differenceFrom(theirs: SetoffBody, own: Netting | undefined): string | undefined {
  const here = new Map((own?.items ?? []).map((item) => [item.statement, item]));
  for (const { statement, id, due } of theirs.items) {
    const item = here.get(statement);
    if (item === undefined) return `nothing of statement ${id} is due here`;
    if (item.due !== due) return `${item.due} of statement ${id} is due here, not ${due}`;
    here.delete(statement);
  }
  const [left] = here.values();
  if (left !== undefined) return `statement ${left.id}, of which ${left.due} is due, is left out`;
  const same = canonicalHash(theirs.items) === canonicalHash(own?.items ?? []);
  return same ? undefined : "it does not clear the oldest first";
}

function cleared(items: readonly Item[], micro: bigint): Item[] {
  let left = micro;
  return items.map((item) => {
    const due = microOf(item.due);
    const gone = due < left ? due : left;
    left -= gone;
    return { ...item, cleared: formatAmount(gone) };
  });
}

function sumOf(items: readonly Item[], member: "due" | "cleared"): bigint {
  return items.reduce((sum, item) => sum + microOf(item[member]), 0n);
}

/** By month, number and then id, so that both sides come to the same order. */
function byAge(a: StatementRecord, b: StatementRecord): number {
  if (a.body.month !== b.body.month) return a.body.month < b.body.month ? -1 : 1;
  if (a.body.number !== b.body.number) return a.body.number - b.body.number;
  return a.id < b.id ? -1 : 1;
}
