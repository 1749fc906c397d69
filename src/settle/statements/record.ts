import type { JwsSignature } from "../../ports/signer.ts";
import type { Store, Write } from "../../ports/store.ts";
import type { Entry, PostingLine } from "../ledger.ts";
import { rowsOf } from "../ledger.ts";
import type { Dossier, SignedStep, StatementBody } from "./document.ts";
import { standingOf } from "./standing.ts";
import { microOf } from "../../kernel/amount.ts";
import type { Cleared, Standing } from "./standing.ts";

/** A statement as either side keeps it; kind `statement`. */
export interface StatementRecord {
  readonly id: string;
  readonly role: "provider" | "consumer";
  readonly body: StatementBody;
  /** The provider's; absent until it is made. */
  readonly signature?: JwsSignature;
  /** What both sides are known to have: each side's in its own order. The ledger follows these. */
  readonly steps: readonly SignedStep[];
  /** This side's own that the other may not have yet. */
  readonly pending: readonly SignedStep[];
  /** What of it was set off. */
  readonly cleared: readonly Cleared[];
  /** The set-off that this side drew up over it and the other has not answered. */
  readonly held?: string;
  /** The other side has the statement. */
  readonly told: boolean;
  /** What the other side answered instead of taking it. */
  readonly problem?: string;
}

export function recordWrite(op: "add" | "put", record: StatementRecord): Write {
  return { op, kind: "statement", id: record.id, doc: record };
}

export function recordOf(store: Store, id: string): Promise<StatementRecord | undefined> {
  return store.get<StatementRecord>("statement", id);
}

/** Of one month, or of all; in the order of their ids, which begin with the month. */
export async function recordsOf(store: Store, month?: string): Promise<StatementRecord[]> {
  if (month === undefined) {
    const all: StatementRecord[] = [];
    for await (const { doc } of rowsOf<StatementRecord>(store, "statement")) all.push(doc);
    return all;
  }
  const found = await store.list<StatementRecord>("statement", { prefix: `${month}-` });
  return found.map(({ doc }) => doc);
}

export function otherSide({ role, body }: StatementRecord): string {
  return role === "provider" ? body.consumer : body.provider;
}

/** With what this side has signed and the other may not have yet. */
export function standingHere({ body, steps, pending, cleared }: StatementRecord): Standing {
  return standingOf(body, [...steps, ...pending], cleared);
}

/** With what both sides have alone. */
function standingOfBoth({ body, steps, cleared }: StatementRecord): Standing {
  return standingOf(body, steps, cleared);
}

export function dossierOf({ body, signature, steps, pending }: StatementRecord): Dossier {
  if (signature === undefined) throw new Error("a statement goes out unsigned");
  return { statement: { body, signature }, steps: [...steps, ...pending] };
}

/**
 * What both sides' words add to the ledger, the same on both sides but for the sign: what no
 * message caused, once it is accepted; a credit note that was agreed to, which corrects the
 * entries of its line's receipts; a payment, which lessens what is owed, and where it came in
 * another currency two entries in two books, linked.
 */
export function entriesOf(record: StatementRecord): Entry[] {
  return [...chargeEntries(record), ...creditEntries(record), ...paymentEntries(record)];
}

/** What no message caused is in no receipt: it is posted once both sides say that it is owed. */
function chargeEntries(record: StatementRecord): Entry[] {
  const { id, body, role } = record;
  return standingOfBoth(record).lines.flatMap(({ line, state, acceptedAt }) => {
    const micro = microOf(line.amount) - microOf(line.usage);
    if (micro === 0n || (acceptedAt === undefined && state !== "settled")) return [];
    const entry: Entry = {
      v: 1,
      at: body.at,
      month: body.month,
      agreement: line.agreement,
      source: { kind: "charge", id: `${id}/${line.agreement}` },
      party: otherSide(record),
      currency: line.currency,
      lines:
        role === "provider"
          ? moved("receivable", "revenue", micro)
          : moved("expense", "payable", micro),
    };
    return [entry];
  });
}

function creditEntries(record: StatementRecord): Entry[] {
  const { id, body, role, steps } = record;
  return standingOfBoth(record).lines.flatMap(({ line, dispute }) => {
    const agreed = steps.find(
      ({ body: { act } }) => act.do === "agree" && act.agreement === line.agreement,
    );
    if (dispute?.state !== "adjusted" || dispute.credit === undefined) return [];
    const micro = dispute.credit.micro;
    const entry: Entry = {
      v: 1,
      at: agreed?.body.at ?? body.at,
      month: body.month,
      agreement: line.agreement,
      source: { kind: "credit", id: `${id}/${line.agreement}` },
      corrects: { from: line.from + 1, to: line.to },
      party: otherSide(record),
      currency: line.currency,
      lines:
        role === "provider"
          ? moved("revenue", "receivable", micro)
          : moved("payable", "expense", micro),
    };
    return [entry];
  });
}

function paymentEntries(record: StatementRecord): Entry[] {
  const { id, body, role, steps } = record;
  return steps.flatMap(({ body: step }) => {
    const { act } = step;
    if (act.do !== "paid") return [];
    const micro = microOf(act.amount);
    const of = `${id}/${step.seq}`;
    const shared = { v: 1 as const, at: step.at, month: body.month, party: otherSide(record) };
    const { exchanged: came } = act;
    const by = came === undefined ? "paid" : "exchange";
    const rate = came && { of, rate: came.rate, source: came.source };
    const payment: Entry = {
      ...{ ...shared, source: { kind: "payment", id: of }, currency: act.currency },
      ...(rate && { exchange: rate }),
      lines: role === "provider" ? moved(by, "receivable", micro) : moved("payable", by, micro),
    };
    if (came === undefined || rate === undefined) return [payment];
    const other = microOf(came.amount);
    const leg: Entry = {
      ...{ ...shared, source: { kind: "exchange", id: of }, currency: came.currency },
      exchange: rate,
      lines:
        role === "provider" ? moved("paid", "exchange", other) : moved("exchange", "paid", other),
    };
    return [payment, leg];
  });
}

function moved(
  debit: PostingLine["account"],
  credit: PostingLine["account"],
  micro: bigint,
): PostingLine[] {
  return [
    { account: debit, micro: micro.toString() },
    { account: credit, micro: (-micro).toString() },
  ];
}

/** Every entry that signed statements make, for the audit. */
export async function* statementEntries(store: Store): AsyncGenerator<Entry> {
  for await (const { doc } of rowsOf<StatementRecord>(store, "statement")) yield* entriesOf(doc);
}
