import { microOf } from "../../kernel/amount.ts";
import { dayMs } from "../../kernel/clock.ts";
import { canonicalHash } from "../../kernel/canonical.ts";
import type { Act, ActOf, Line, SignedStep, StatementBody, Step } from "./document.ts";

/** `open → evidence → adjusted | upheld | expired`. */
export interface Dispute {
  readonly state: "open" | "evidence" | "adjusted" | "upheld" | "expired";
  readonly reason: string;
  /** What the consumer holds to be owed; micro-units. */
  readonly claimedMicro: bigint;
  /** The provider's latest credit note, or the one that was agreed to. */
  readonly credit?: { readonly hash: string; readonly micro: bigint };
  /** ISO 8601, UTC: when nobody's word ends it. */
  readonly expiresAt: string;
}

export interface LineStanding {
  readonly line: Line;
  /** A disputed line is frozen until its dispute is over; an expired one stays in nobody's sum. */
  readonly state: "sent" | "accepted" | "disputed" | "settled" | "expired";
  /** Less what was credited. */
  readonly micro: bigint;
  readonly acceptedAt?: string;
  readonly dispute?: Dispute;
}

/** What is due in one currency, in micro-units: accepted lines alone. */
export interface DueStanding {
  readonly currency: string;
  readonly accepted: bigint;
  readonly paid: bigint;
  readonly setOff: bigint;
  readonly due: bigint;
}

/** A statement's amount in a currency that was set off. */
export interface Cleared {
  /** The id of what both signed about it. */
  readonly setoff: string;
  readonly currency: string;
  readonly amount: string;
}

export interface Standing {
  readonly lines: readonly LineStanding[];
  readonly dues: readonly DueStanding[];
}

/**
 * How a statement stands by what both sides signed about it. It depends on each side's own order
 * alone, never on which side's word came first: only the consumer ends a dispute, and its word
 * goes before time.
 */
export function standingOf(
  body: StatementBody,
  steps: readonly SignedStep[],
  cleared: readonly Cleared[],
): Standing {
  const about = new Map(body.lines.map(({ agreement }) => [agreement, [] as SignedStep[]]));
  for (const step of steps) for (const id of namedIn(step.body.act)) about.get(id)?.push(step);
  const lines = body.lines.map((line) => {
    return lineStanding(body, line, about.get(line.agreement) ?? []);
  });
  return { lines, dues: duesOf(lines, steps, cleared) };
}

/** Of one line, without the work of all. */
export function standingOfLine(
  body: StatementBody,
  line: Line,
  steps: readonly SignedStep[],
): LineStanding {
  const about = steps.filter(({ body: { act } }) => namedIn(act).includes(line.agreement));
  return lineStanding(body, line, about);
}

/** What of a currency is paid and set off, in micro-units, whatever is owed. */
export function settledIn(
  currency: string,
  steps: readonly SignedStep[],
  cleared: readonly Cleared[],
): { readonly paid: bigint; readonly setOff: bigint } {
  const marked = steps.map(({ body: { act } }) =>
    act.do === "paid" && act.currency === currency ? microOf(act.amount) : 0n,
  );
  const gone = cleared.map((one) => (one.currency === currency ? microOf(one.amount) : 0n));
  return { paid: sum(marked), setOff: sum(gone) };
}

/** The agreements whose lines a word is about. */
export function namedIn(act: Act): readonly string[] {
  if (act.do === "paid") return [];
  return act.do === "accept" ? act.agreements : [act.agreement];
}

/** `about`: the words about that line alone. */
function lineStanding(body: StatementBody, line: Line, about: readonly SignedStep[]): LineStanding {
  const whole = microOf(line.amount);
  const accepted = about.find(({ body: { act } }) => act.do === "accept")?.body;
  const disputed = about.find(({ body: { act } }) => act.do === "dispute")?.body;
  const at = accepted === undefined ? {} : { acceptedAt: accepted.at };
  if (disputed === undefined) {
    return { line, state: accepted === undefined ? "sent" : "accepted", micro: whole, ...at };
  }
  const dispute = disputeOf(body, disputed, about);
  const credited = dispute.state === "adjusted" ? (dispute.credit?.micro ?? 0n) : 0n;
  return { line, state: stateAfter(dispute), micro: whole - credited, ...at, dispute };
}

function stateAfter({ state }: Dispute): LineStanding["state"] {
  if (state === "adjusted" || state === "upheld") return "settled";
  return state === "expired" ? "expired" : "disputed";
}

function disputeOf(body: StatementBody, opened: Step, about: readonly SignedStep[]): Dispute {
  const act = opened.act as ActOf<"dispute">;
  const dispute = {
    reason: act.reason,
    claimedMicro: microOf(act.amount),
    expiresAt: new Date(Date.parse(opened.at) + body.disputeDays * dayMs).toISOString(),
  };
  const agreed = about.find(({ body: { act: one } }) => one.do === "agree")?.body.act;
  if (agreed?.do === "agree") {
    const credit = creditIn(about, agreed.credit);
    if (credit !== undefined) return { ...dispute, state: "adjusted", credit };
  }
  const newest = creditIn(about);
  const offered = newest === undefined ? {} : { credit: newest };
  const has = (what: Act["do"]): boolean => about.some(({ body: { act: one } }) => one.do === what);
  if (has("withdraw")) return { ...dispute, state: "upheld", ...offered };
  if (has("expire")) return { ...dispute, state: "expired", ...offered };
  const isShown = has("evidence") || newest !== undefined;
  return { ...dispute, state: isShown ? "evidence" : "open", ...offered };
}

/** The credit note of that hash, or the newest. */
function creditIn(
  about: readonly SignedStep[],
  hash?: string,
): { hash: string; micro: bigint } | undefined {
  const notes = about.flatMap(({ body }) =>
    body.act.do === "credit"
      ? [{ hash: canonicalHash(body), micro: microOf(body.act.amount), seq: body.seq }]
      : [],
  );
  const found =
    hash === undefined
      ? notes.toSorted((a, b) => a.seq - b.seq).at(-1)
      : notes.find((note) => note.hash === hash);
  return found && { hash: found.hash, micro: found.micro };
}

function duesOf(
  lines: readonly LineStanding[],
  steps: readonly SignedStep[],
  cleared: readonly Cleared[],
): DueStanding[] {
  const currencies = [...new Set(lines.map(({ line }) => line.currency))].toSorted();
  return currencies.map((currency) => {
    const accepted = sum(
      lines
        .filter(({ state }) => state === "accepted" || state === "settled")
        .filter(({ line }) => line.currency === currency)
        .map(({ micro }) => micro),
    );
    const { paid, setOff } = settledIn(currency, steps, cleared);
    return { currency, accepted, paid, setOff, due: accepted - paid - setOff };
  });
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((all, micro) => all + micro, 0n);
}
