import { canonicalHash } from "../../kernel/canonical.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { PublicJwk } from "../../ports/signer.ts";
import { requireSigned, type SignedStep, type StatementBody, statementId } from "./document.ts";
import type { StatementRecord } from "./record.ts";
import { earlyProblem, looseProblem, placeProblem, takenProblem } from "./rules.ts";

export interface Merging {
  /** This side's DID. */
  readonly own: string;
  /** Milliseconds since the Unix epoch, here. */
  readonly now: number;
  /** By which either side is known. */
  readonly keys: ReadonlyMap<string, readonly PublicJwk[]>;
}

/**
 * A statement with what the other side has of both sides' words: all of them or, where one is
 * wrong, none. Throws STATEMENT_DISAGREES or SIGNATURE_INVALID.
 */
export async function mergedWith(
  record: StatementRecord,
  said: readonly SignedStep[],
  merging: Merging,
): Promise<StatementRecord> {
  let next = record.told ? record : { ...record, told: true };
  if (next.problem !== undefined) next = withoutProblem(next);
  for (const step of said.toSorted((a, b) => a.body.seq - b.body.seq)) {
    next = await withTheirs(next, step, merging);
  }
  const here = new Set([...record.steps, ...record.pending].map(({ body }) => body));
  const heard = next.steps.map(({ body }) => body).filter((body) => !here.has(body));
  const theirs = heard.filter(({ by }) => by !== merging.own);
  if (theirs.length === 0) return next;
  const { body, steps } = next;
  const problem = looseProblem(theirs, { body, steps }, () => merging.now);
  if (problem !== undefined) throw disagrees(body, problem);
  return next;
}

/** One step of either side as the other has it: what it has of this side's is with both. */
async function withTheirs(
  record: StatementRecord,
  step: SignedStep,
  merging: Merging,
): Promise<StatementRecord> {
  const { body } = step;
  const hash = canonicalHash(body);
  const chain = record.steps.filter((one) => one.body.by === body.by);
  const there = chain.find((one) => one.body.seq === body.seq);
  if (there !== undefined) {
    if (canonicalHash(there.body) === hash) return record;
    throw disagrees(record.body, `another step ${body.seq} of ${body.by} is here already`);
  }
  const pending = record.pending.find((one) => canonicalHash(one.body) === hash);
  const taken = pending ?? step;
  if (pending === undefined) await requireTakeable(record, step, chain.at(-1), merging);
  // what this side has signed since on a past that is not the other's never counted
  const isOther = body.by === merging.own && pending === undefined;
  const left = isOther ? [] : record.pending.filter((one) => one !== pending);
  return { ...record, steps: [...record.steps, taken], pending: left };
}

async function requireTakeable(
  record: StatementRecord,
  step: SignedStep,
  before: SignedStep | undefined,
  { own, now, keys }: Merging,
): Promise<void> {
  const { body } = step;
  const misplaced = placeProblem(record.body, body, before?.body) ?? earlyProblem(body, now);
  if (misplaced !== undefined) throw disagrees(record.body, misplaced);
  for (const key of keys.get(body.by) ?? []) await requireSigned(step, body.by, key);
  if (body.by === own) return; // signed here once, and lost since
  const said = { steps: [...record.steps, ...record.pending], cleared: record.cleared };
  const problem = takenProblem(body.act, { body: record.body, ...said, by: body.by, now });
  if (problem === undefined) return;
  throw disagrees(record.body, `step ${body.seq} of ${body.by}: ${problem}`);
}

function withoutProblem({ problem: _problem, ...rest }: StatementRecord): StatementRecord {
  return rest;
}

export function disagrees(body: StatementBody, problem: string): ComityError {
  return new ComityError("STATEMENT_DISAGREES", { id: statementId(body), problem });
}
