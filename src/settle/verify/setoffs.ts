import { formatAmount, microOf } from "../../kernel/amount.ts";
import { canonicalHash } from "../../kernel/canonical.ts";
import { type SignedSetoff, setoffId, signersOf } from "../setoff/document.ts";
import { arithmeticProblem } from "../setoff/netting.ts";
import { clearedOf } from "../setoff/record.ts";
import { type StatementBody, statementHash, statementId } from "../statements/document.ts";
import type { Cleared, Standing } from "../statements/standing.ts";
import { type Agreed, pinnedKeys } from "./agreed.ts";
import { broken } from "./broken.ts";

/**
 * What set-offs clear of a statement: each signed by both, its sums those of its items, one after
 * the other, and none of more than the ones before it left due. Of the other statements in them
 * it says what both signed, which their own files prove.
 */
export async function verifySetoffs(
  setoffs: readonly SignedSetoff[],
  body: StatementBody,
  { dues }: Standing,
  sides: readonly Agreed[],
): Promise<Cleared[]> {
  const left = new Map(dues.map(({ currency, accepted }) => [currency, accepted]));
  const cleared: Cleared[] = [];
  let before: SignedSetoff["body"] | undefined;
  for (const signed of setoffs) {
    const { body: said } = signed;
    const name = `set-off ${setoffId(said)}`;
    const misplaced = arithmeticProblem(said) ?? orderProblem(said, before);
    if (misplaced !== undefined) throw broken(`${name}: ${misplaced}`);
    await verifySigned(name, signed, body, sides);
    const own = clearedOf(setoffId(said), said, statementId(body));
    const item = said.items.find(({ statement }) => statement === statementHash(body));
    const isOfIt = item?.id === statementId(body) && item.provider === body.provider;
    if (!isOfIt || own.length === 0) throw broken(`${name}: it clears nothing of the statement`);
    const due = left.get(said.currency) ?? 0n;
    if (microOf(item.due) > due) {
      const is = `${formatAmount(due)} ${said.currency}`;
      throw broken(`${name}: it says that ${item.due} is due, and at most ${is} can be`);
    }
    left.set(said.currency, microOf(item.due) - microOf(item.cleared));
    cleared.push(...own);
    before = said;
  }
  return cleared;
}

function orderProblem(
  { number, prev }: SignedSetoff["body"],
  before: SignedSetoff["body"] | undefined,
): string | undefined {
  if (before === undefined) return undefined;
  if (number <= before.number) return `it does not come after set-off ${before.number}`;
  const isNext = number === before.number + 1;
  return isNext && prev !== canonicalHash(before) ? "it goes on from another" : undefined;
}

/** By both, with every key that the statement's agreements pin for them. */
async function verifySigned(
  name: string,
  signed: SignedSetoff,
  { provider, consumer }: StatementBody,
  sides: readonly Agreed[],
): Promise<void> {
  const parties = signed.body.claims.map((claim) => claim.provider);
  for (const did of [provider, consumer]) {
    if (!parties.includes(did)) throw broken(`${name}: ${did} is no party of it`);
  }
  for (const key of pinnedKeys(sides, provider)) {
    for (const other of pinnedKeys(sides, consumer)) {
      let signers: readonly string[];
      try {
        signers = await signersOf(signed, (did) => (did === provider ? key : other));
      } catch (thrown) {
        throw broken(`${name}: a signature does not verify`, thrown);
      }
      const missing = [provider, consumer].find((did) => !signers.includes(did));
      if (missing !== undefined) throw broken(`${name}: ${missing} has not signed it`);
    }
  }
}
