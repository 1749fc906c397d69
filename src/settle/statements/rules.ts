import { microOf } from "../../kernel/amount.ts";
import { dayMs } from "../../kernel/clock.ts";
import { canonicalHash } from "../../kernel/canonical.ts";
import type { Act, StatementBody, Step } from "./document.ts";
import { exchangeProblem } from "./exchange-rate.ts";
import type { LineStanding, Standing } from "./standing.ts";

export interface ActContext {
  readonly body: StatementBody;
  readonly standing: Standing;
  /** Who signs it. */
  readonly by: string;
  /** Milliseconds since the Unix epoch, here. */
  readonly now: number;
}

/** How far the two sides' clocks may differ. */
const skewMs = 60_000;

const consumers = ["accept", "dispute", "agree", "withdraw"];
const providers = ["credit", "paid"];

/** Why a step does not go on from that side's step before, or undefined. */
export function placeProblem(
  statement: StatementBody,
  { by, seq, prev, statement: of }: Step,
  before: Step | undefined,
): string | undefined {
  if (by !== statement.provider && by !== statement.consumer) return `${by} has no word in it`;
  const next = (before?.seq ?? 0) + 1;
  if (seq !== next) return `step ${next} of ${by} comes next, not ${seq}`;
  const goesOn = prev === (before === undefined ? "" : canonicalHash(before));
  const isOf = of === canonicalHash(statement);
  return goesOn && isOf ? undefined : `step ${seq} of ${by} goes on from something else`;
}

/**
 * Why the other side's word is not taken, or undefined. What came too late to change anything is
 * taken: both sides' words may pass each other on the way, and `standingOf` bears it.
 */
export function takenProblem(act: Act, context: ActContext): string | undefined {
  const { body, standing, by, now } = context;
  const role = by === body.provider ? "provider" : "consumer";
  if (role === "provider" && consumers.includes(act.do)) return `the provider does not ${act.do}`;
  if (role === "consumer" && providers.includes(act.do)) return `that is the provider's to sign`;
  if (act.do === "paid") {
    const isIn = standing.dues.some(({ currency }) => currency === act.currency);
    if (!isIn) return `nothing in it is owed in ${act.currency}`;
    if (microOf(act.amount) <= 0n) return "it is about no money";
    return act.exchanged && exchangeProblem(act, act.exchanged);
  }
  const named = act.do === "accept" ? act.agreements : [act.agreement];
  const lines = named.map((id) => standing.lines.find(({ line }) => line.agreement === id));
  const [first] = lines;
  if (first === undefined || lines.includes(undefined)) return "it names a line that there is not";
  if (act.do === "credit") {
    const micro = microOf(act.amount);
    const isWithin = micro > 0n && micro <= microOf(first.line.amount);
    return isWithin ? undefined : `a credit is above 0 and at most ${first.line.amount}`;
  }
  if (act.do === "dispute") return disputeProblem(first, context);
  if (act.do === "expire" && first.dispute !== undefined) {
    const due = Date.parse(first.dispute.expiresAt);
    return now + skewMs < due ? `it expires ${first.dispute.expiresAt}` : undefined;
  }
  return undefined;
}

/** Why this side may not sign that now, or undefined. */
export function ownProblem(act: Act, context: ActContext): string | undefined {
  const problem = takenProblem(act, context);
  if (problem !== undefined) return problem;
  const { standing } = context;
  if (act.do === "paid") {
    const { due = 0n } = standing.dues.find(({ currency }) => currency === act.currency) ?? {};
    return microOf(act.amount) <= due ? undefined : `less is due in ${act.currency}`;
  }
  const named = act.do === "accept" ? act.agreements : [act.agreement];
  for (const one of standing.lines) {
    if (!named.includes(one.line.agreement)) continue;
    const stands = stateProblem(act, one);
    if (stands !== undefined) return stands;
  }
  return undefined;
}

function stateProblem(act: Act, { state, dispute }: LineStanding): string | undefined {
  const isOpen = state === "disputed" || state === "expired";
  switch (act.do) {
    case "accept":
      return state === "sent" ? undefined : `that line is ${state}`;
    case "evidence":
    case "expire":
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
function disputeProblem(
  { line, acceptedAt, dispute }: LineStanding,
  { body, standing, now }: ActContext,
): string | undefined {
  if (dispute !== undefined) return "that line was disputed already";
  const due = standing.dues.find(({ currency }) => currency === line.currency);
  if (due !== undefined && (due.paid > 0n || due.setOff > 0n)) {
    return `${line.currency} of this statement is paid or set off already`;
  }
  const lateAt = Date.parse(acceptedAt ?? body.at) + body.disputeDays * dayMs;
  const isLate = acceptedAt !== undefined && now - skewMs > lateAt;
  return isLate
    ? `it was accepted ${acceptedAt}, more than ${body.disputeDays} days ago`
    : undefined;
}
