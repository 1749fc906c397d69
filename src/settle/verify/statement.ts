import { microOf } from "../../kernel/amount.ts";
import { monthOf } from "../../kernel/clock.ts";
import type { ReceiptBody } from "../../meter/receipt.ts";
import { requireSigned, type StatementBody, statementId } from "../statements/document.ts";
import type { Dossier, Line, SignedStep } from "../statements/document.ts";
import { statementFile, type StatementFile } from "../statements/file.ts";
import { lineFrom } from "../statements/lines.ts";
import { looseProblem, placeProblem, takenProblem } from "../statements/rules.ts";
import { type Cleared, type Standing, standingOf } from "../statements/standing.ts";
import { type Agreed, pinnedKeys } from "./agreed.ts";
import { type ProvedBill, proveBill } from "./bill.ts";
import { broken, brokenIn } from "./broken.ts";
import { type ProvedChain, verifyAlone } from "./receipts.ts";
import { verifySetoffs } from "./setoffs.ts";

/** What a statement's file proves. */
export interface VerifiedStatement {
  readonly id: string;
  readonly body: StatementBody;
  /** By what both sides have said and set off in the file. */
  readonly standing: Standing;
  /** What was set off of it, and by which document of both. */
  readonly cleared: readonly Cleared[];
  /** Signed words of both sides. */
  readonly words: number;
  /** Of each line. */
  readonly evidence: readonly {
    readonly chain?: ProvedChain;
    /** Its last receipt stands in an evidence log, of that name. */
    readonly log?: string;
  }[];
  /** Of both sides; to be compared once with what they publish. */
  readonly keys: readonly string[];
}

/**
 * Checks it with nothing but the file: the provider's signature, every word's signature, number
 * and chain, and every line computed again from receipts that both have signed. Throws
 * EVIDENCE_BROKEN and names the first thing that is wrong.
 */
export async function verifyStatementFile(file: unknown): Promise<VerifiedStatement> {
  if (!statementFile.Check(file)) throw broken("it is no statement's file of version 1");
  const { dossier, earlier, lines, setoffs = [] } = file;
  const { body } = dossier.statement;
  if (Number.isNaN(Date.parse(body.at))) throw broken(`the statement: at "${body.at}" is no time`);
  if (lines.length !== body.lines.length) throw broken("a line of it has no evidence");
  const bills: ProvedBill[] = [];
  for (const [i, line] of body.lines.entries()) {
    bills.push(await provedOf(`line ${i + 1}`, lines[i], line.agreement, body));
  }
  const sides = bills.map(({ agreed }) => agreed);
  const said = await verifyDossier(dossier, sides);
  const cleared = await verifySetoffs(setoffs, body, said, sides);
  const standing = standingOf(body, dossier.steps, cleared);
  await verifyEarlier(earlier, body, sides);
  const bodies = earlier.map((one) => one.body);
  for (const [i, line] of body.lines.entries()) {
    await verifyLine(`line ${i + 1}`, line, { ...{ body, bodies, of: lines[i] }, bill: bills[i] });
  }
  return {
    ...{ id: statementId(body), body, standing, cleared, words: dossier.steps.length },
    evidence: bills.map(({ bill: { chain, proof } }) => {
      return { ...(chain && { chain }), ...(proof && { log: proof.checkpoint.origin }) };
    }),
    keys: [...new Set(bills.flatMap(({ bill }) => bill.keys))],
  };
}

/** Signatures, numbers and chains of a statement and of what both sides said about it. */
export async function verifyDossier(
  { statement, steps }: Dossier,
  sides: readonly Agreed[],
): Promise<Standing> {
  const { body } = statement;
  const name = `statement ${statementId(body)}`;
  const named = body.lines.map(({ agreement }) => agreement);
  if (new Set(named).size < named.length) throw broken(`${name}: it names an agreement twice`);
  await verifySigned(statement, body.provider, sides, `${name}: the provider's signature`);
  const taken: SignedStep[] = [];
  for (const step of steps) {
    const { by, seq, at, act } = step.body;
    const before = taken.findLast((one) => one.body.by === by)?.body;
    const misplaced = placeProblem(body, step.body, before);
    if (misplaced !== undefined) throw broken(`${name}: ${misplaced}`);
    await verifySigned(step, by, sides, `${name}, step ${seq} of ${by}: the signature`);
    const context = { body, steps: taken, cleared: [], by, now: Date.parse(at) };
    const problem = takenProblem(act, context);
    if (problem !== undefined) throw broken(`${name}, step ${seq} of ${by}: ${problem}`);
    taken.push(step);
  }
  const words = taken.map((step) => step.body);
  const loose = looseProblem(words, { body, steps: taken }, ({ at }) => Date.parse(at));
  if (loose !== undefined) throw broken(`${name}, ${loose}`);
  return standingOf(body, taken, []);
}

async function provedOf(
  name: string,
  evidence: StatementFile["lines"][number] | undefined,
  agreement: string,
  body: StatementBody,
): Promise<ProvedBill> {
  let proved: ProvedBill;
  try {
    proved = await proveBill(evidence?.bill);
  } catch (thrown) {
    throw brokenIn(name, thrown);
  }
  const { provider, consumer } = proved.agreed;
  const isOfIt =
    proved.agreed.id === agreement &&
    proved.bill.month === body.month &&
    provider === body.provider &&
    consumer === body.consumer;
  if (!isOfIt) throw broken(`${name}: its bill is of another agreement or month`);
  return proved;
}

async function verifyEarlier(
  earlier: StatementFile["earlier"],
  of: StatementBody,
  sides: readonly Agreed[],
): Promise<void> {
  const numbers = new Set<number>();
  for (const one of earlier) {
    const { provider, consumer, month, number, lines } = one.body;
    const name = `earlier statement ${number}`;
    const isOfPair = provider === of.provider && consumer === of.consumer && month === of.month;
    if (!isOfPair || number >= of.number) throw broken(`${name}: it is not one before it`);
    if (numbers.has(number)) throw broken(`${name}: it is there twice`);
    numbers.add(number);
    const pinned = sides.filter(({ id }) => lines.some(({ agreement }) => agreement === id));
    if (pinned.length === 0) throw broken(`${name}: it names none of the agreements`);
    await verifySigned(one, provider, pinned, `${name}: the provider's signature`);
  }
}

/** By the key that each of the agreements pins for the signer. */
async function verifySigned(
  signed: Parameters<typeof requireSigned>[0],
  by: string,
  sides: readonly Agreed[],
  what: string,
): Promise<void> {
  try {
    for (const key of pinnedKeys(sides, by)) await requireSigned(signed, by, key);
  } catch (thrown) {
    throw broken(`${what} does not verify`, thrown);
  }
}

interface LineEvidence {
  readonly body: StatementBody;
  readonly bodies: readonly StatementBody[];
  readonly of: StatementFile["lines"][number] | undefined;
  readonly bill: ProvedBill | undefined;
}

async function verifyLine(name: string, line: Line, evidence: LineEvidence): Promise<void> {
  const { body, bodies: earlier, of, bill } = evidence;
  if (bill === undefined) throw broken(`${name}: it has no evidence`);
  const { terms, before, last } = bill;
  const opening = await openingOf(name, line.from, bill, of?.opening);
  const place = { month: body.month, at: body.at, earlier };
  const own = lineFrom(terms, place, { before, last, opening });
  if (own === undefined) throw broken(`${name}: its receipts leave nothing to state`);
  for (const [member, value] of Object.entries(own)) {
    const claimed = line[member as keyof Line];
    if (claimed === value) continue;
    throw broken(`${name}: it says ${member} ${claimed}, and what both signed says ${value}`);
  }
}

async function openingOf(
  name: string,
  from: number,
  { agreed, receipts }: ProvedBill,
  opening: unknown,
): Promise<ReceiptBody | undefined> {
  if (from === 0) return undefined;
  const there = receipts.find(({ seq }) => seq === from);
  if (there !== undefined) return there;
  if (opening === undefined) throw broken(`${name}: receipt ${from} is not in the file`);
  const alone = await verifyAlone(opening, agreed);
  if (alone.seq !== from) throw broken(`${name}: it starts from receipt ${from}, not ${alone.seq}`);
  return alone;
}

/** What statements of the month say an agreement has come to, and how those lines stand. */
export interface Stated {
  readonly ids: readonly string[];
  readonly accepted: boolean;
}

/**
 * Do statements that end with the same receipt say the same? Undefined: none of them ends there.
 * They count what no message causes once the month is over.
 */
export function statedAs(
  { bill, before, last }: ProvedBill,
  dossiers: readonly { readonly dossier: Dossier; readonly standing: Standing }[],
): (Stated & { readonly micro: bigint; readonly ownMicro: bigint }) | undefined {
  const end = last ?? before;
  const lines = dossiers.flatMap(({ dossier: { statement }, standing }) => {
    const found = standing.lines.filter(({ line }) => line.agreement === bill.agreement);
    return found.map((one) => ({ ...one, body: statement.body }));
  });
  const until = lines.filter(({ line }) => line.to <= (end?.seq ?? 0));
  const newest = until.toSorted((a, b) => a.body.number - b.body.number).at(-1);
  if (newest === undefined || newest.line.to !== (end?.seq ?? 0)) return undefined;
  const isOver = monthOf(Date.parse(newest.body.at)) > bill.month;
  const used = BigInt(end?.amountMicro ?? 0) - BigInt(before?.amountMicro ?? 0);
  return {
    ids: until.map(({ body }) => statementId(body)),
    accepted: until.every(({ state }) => state === "accepted"),
    micro: until.reduce((sum, { line }) => sum + microOf(line.amount), 0n),
    ownMicro: isOver ? microOf(bill.amount) : used,
  };
}
