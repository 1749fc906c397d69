import { microOf } from "../../kernel/amount.ts";
import { dayMs, monthOf } from "../../kernel/clock.ts";
import { canonicalHash } from "../../kernel/canonical.ts";
import { isoTime } from "../../kernel/time.ts";
import { statementHash, stepsMax } from "./document.ts";
import type { Act, Line, SignedStep, StatementBody, Step } from "./document.ts";
import { exchangeProblem } from "./exchange-rate.ts";
import { namedIn, settledIn, standingOf, standingOfLine } from "./standing.ts";
import type { Cleared, LineStanding } from "./standing.ts";

export interface ActContext {
  readonly body: StatementBody;
  /** What both sides have said before it. */
  readonly steps: readonly SignedStep[];
  readonly cleared: readonly Cleared[];
  /** Who signs it. */
  readonly by: string;
  /** Milliseconds since the Unix epoch, here. */
  readonly now: number;
}

/** How far the two sides' clocks may differ. */
const skewMs = 60_000;

const consumers = ["accept", "dispute", "agree", "withdraw"];
const providers = ["credit", "paid"];

/** Of one side: so that what both say always fits into one dossier. */
export const stepsOfSideMax = stepsMax / 2;

/** Why a statement cannot have been drawn up then, or undefined. */
export function drawnProblem({ month, at }: StatementBody, now: number): string | undefined {
  const drawn = isoTime(at);
  if (drawn === undefined) return `it is of ${at}, which is no time`;
  if (drawn > now + skewMs) return `it is of ${at}, which has not come`;
  return monthOf(drawn) < month ? `it is of ${at}, when ${month} had not begun` : undefined;
}

/** Why a step does not go on from that side's step before, or undefined. */
export function placeProblem(
  statement: StatementBody,
  { by, seq, prev, statement: of, at }: Step,
  before: Step | undefined,
): string | undefined {
  if (by !== statement.provider && by !== statement.consumer) return `${by} has no word in it`;
  const next = (before?.seq ?? 0) + 1;
  if (seq !== next) return `step ${next} of ${by} comes next, not ${seq}`;
  const goesOn = prev === (before === undefined ? "" : canonicalHash(before));
  const isOf = of === statementHash(statement);
  if (!goesOn || !isOf) return `step ${seq} of ${by} goes on from something else`;
  if (seq > stepsOfSideMax) return `${by} has said ${stepsOfSideMax} words about it already`;
  const said = isoTime(at);
  if (said === undefined) return `step ${seq} of ${by} is of ${at}, which is no time`;
  const { at: earlier } = before ?? statement;
  if (said + skewMs >= Date.parse(earlier)) return undefined;
  return `step ${seq} of ${by} is of ${at}, and what it goes on from of ${earlier}`;
}

/** Why a step of this time is not taken yet, or undefined. */
export function earlyProblem({ by, seq, at }: Step, now: number): string | undefined {
  const isEarly = Date.parse(at) > now + skewMs;
  return isEarly ? `step ${seq} of ${by} is of ${at}, which has not come` : undefined;
}

/**
 * The first of these words that is about nothing, and why, or undefined: held against all that
 * both have said, for a word may come before what it answers where a side lost its own.
 */
export function looseProblem(
  taken: readonly Step[],
  { body, steps }: Pick<ActContext, "body" | "steps">,
  /** When such a word is taken. */
  nowOf: (step: Step) => number,
): string | undefined {
  const { lines } = standingOf(body, steps, []);
  const disputes = new Map(lines.map(({ line, dispute }) => [line.agreement, dispute]));
  const notes = steps.filter(({ body: { act } }) => act.do === "credit");
  const credits = new Map(notes.map(({ body: note }) => [canonicalHash(note), note.act]));
  for (const step of taken) {
    const { act, by, seq } = step;
    if (act.do === "paid" || act.do === "accept" || act.do === "dispute") continue;
    const dispute = disputes.get(act.agreement);
    if (dispute === undefined) return `step ${seq} of ${by}: that line is not disputed`;
    if (act.do === "agree") {
      const note = credits.get(act.credit);
      const isThere = note?.do === "credit" && note.agreement === act.agreement;
      if (!isThere) return `step ${seq} of ${by}: there is no such credit note`;
    }
    const isEarly = act.do === "expire" && nowOf(step) + skewMs < Date.parse(dispute.expiresAt);
    if (isEarly) return `step ${seq} of ${by}: it expires ${dispute.expiresAt}`;
  }
  return undefined;
}

/**
 * Why the other side's word is not taken, or undefined. What came too late to change anything is
 * taken: both sides' words may pass each other on the way, and `standingOf` bears it.
 */
export function takenProblem(act: Act, context: ActContext): string | undefined {
  const { body, by } = context;
  const role = by === body.provider ? "provider" : "consumer";
  if (role === "provider" && consumers.includes(act.do)) return `the provider does not ${act.do}`;
  if (role === "consumer" && providers.includes(act.do)) return `that is the provider's to sign`;
  if (act.do === "paid") {
    const isIn = body.lines.some(({ currency }) => currency === act.currency);
    if (!isIn) return `nothing in it is owed in ${act.currency}`;
    if (microOf(act.amount) <= 0n) return "it is about no money";
    return act.exchanged && exchangeProblem(act, act.exchanged);
  }
  const lines = new Map(body.lines.map((line) => [line.agreement, line]));
  const named = namedIn(act).map((id) => lines.get(id));
  const [first] = named;
  if (first === undefined || named.includes(undefined)) return "it names a line that there is not";
  if (act.do === "credit") {
    const micro = microOf(act.amount);
    const isWithin = micro > 0n && micro <= microOf(first.amount);
    return isWithin ? undefined : `a credit is above 0 and at most ${first.amount}`;
  }
  return act.do === "dispute" ? disputeProblem(first, context) : undefined;
}

/** Why this side may not sign that now, or undefined. */
export function ownProblem(act: Act, context: ActContext): string | undefined {
  const problem = takenProblem(act, context);
  if (problem !== undefined) return problem;
  const { body, steps, cleared, now } = context;
  const standing = standingOf(body, steps, cleared);
  if (act.do === "paid") {
    const { due = 0n } = standing.dues.find(({ currency }) => currency === act.currency) ?? {};
    return microOf(act.amount) <= due ? undefined : `less is due in ${act.currency}`;
  }
  const named = new Set(namedIn(act));
  for (const one of standing.lines) {
    if (!named.has(one.line.agreement)) continue;
    const stands = stateProblem(act, one, now);
    if (stands !== undefined) return stands;
  }
  return undefined;
}

function stateProblem(act: Act, { state, dispute }: LineStanding, now: number): string | undefined {
  const isOpen = state === "disputed" || state === "expired";
  switch (act.do) {
    case "accept":
      return state === "sent" ? undefined : `that line is ${state}`;
    case "expire":
      if (state !== "disputed" || dispute === undefined) return `that line is ${state}`;
      return now + skewMs < Date.parse(dispute.expiresAt)
        ? `it expires ${dispute.expiresAt}`
        : undefined;
    case "evidence":
      return state === "disputed" ? undefined : `that line is ${state}, not disputed`;
    case "credit":
    case "withdraw":
      return isOpen ? undefined : `that line is ${state}, not disputed`;
    case "agree":
      if (!isOpen) return `that line is ${state}, not disputed`;
      return dispute?.credit?.hash === act.credit ? undefined : "there is no such credit note";
    default:
      return undefined;
  }
}

/** A line is disputed once, while nothing of its money is settled, and not for ever. */
function disputeProblem(line: Line, { body, steps, cleared, now }: ActContext): string | undefined {
  const { acceptedAt, dispute } = standingOfLine(body, line, steps);
  if (dispute !== undefined) return "that line was disputed already";
  const { paid, setOff } = settledIn(line.currency, steps, cleared);
  if (paid > 0n || setOff > 0n) {
    return `${line.currency} of this statement is paid or set off already`;
  }
  if (acceptedAt === undefined) return undefined;
  const lateAt = Date.parse(acceptedAt) + body.disputeDays * dayMs;
  return now - skewMs > lateAt
    ? `it was accepted ${acceptedAt}, more than ${body.disputeDays} days ago`
    : undefined;
}
