import { Type } from "typebox";
import type { Static } from "typebox";
import { Compile } from "typebox/compile";
import type { Agreement } from "../../market/agreement.ts";
import { receiptAt } from "../../meter/receipt.ts";
import type { Store } from "../../ports/store.ts";
import { billOf, type ProveReceipt, signedBy, SignedReceipt } from "../bill.ts";
import { SignedSetoff } from "../setoff/document.ts";
import { setoffsWith } from "../setoff/record.ts";
import { Dossier, type Line, linesMax, SignedStatement } from "./document.ts";
import { dossierOf, otherSide, recordsOf, type StatementRecord } from "./record.ts";

export const statementFileType = "comity-statement-file";
const strict = { additionalProperties: false };
/** Each clears all of a statement but the last of a side, so that few are about the same. */
const setoffsMax = 1000;

/** A statement with both sides' words and all that proves its lines; closed, as all evidence is. */
const StatementFile = Type.Object(
  {
    v: Type.Literal(1),
    type: Type.Literal(statementFileType),
    dossier: Dossier,
    /** Earlier statements of the month that name one of its agreements. */
    earlier: Type.Array(SignedStatement, { maxItems: 9998 }),
    /** Of each line, in their order. */
    lines: Type.Array(
      Type.Object(
        {
          /** The month at the line's last receipt. */
          bill: Type.Unknown(),
          /** The receipt that the line starts from, where the bill has it not. */
          opening: Type.Optional(SignedReceipt),
        },
        strict,
      ),
      { minItems: 1, maxItems: linesMax },
    ),
    /** What both signed that clears something of it, in the order of their numbers. */
    setoffs: Type.Optional(Type.Array(SignedSetoff, { minItems: 1, maxItems: setoffsMax })),
  },
  strict,
);
export type StatementFile = Static<typeof StatementFile>;
export const statementFile = Compile(StatementFile);

/** Proofs out of the log stand in a file of no more lines: each may have sixteen witnesses. */
export const provedLinesMax = 100;
/** The month's first receipt and its last: what lies between is proved by the two. */
const receiptsMax = 2;

/** What a file of evidence is made from. */
export interface FileSources {
  readonly store: Store;
  readonly agreementOf: (id: string) => Agreement;
  readonly prove: ProveReceipt;
}

/** `comity verify` needs nothing else. */
export async function statementFileOf(
  record: StatementRecord,
  sources: FileSources,
): Promise<StatementFile> {
  const { body } = record;
  const named = new Set(body.lines.map(({ agreement }) => agreement));
  const all = await recordsOf(sources.store, body.month);
  const earlier = all.flatMap(({ body: one, signature }) => {
    const isOfPair = one.provider === body.provider && one.consumer === body.consumer;
    const names = one.lines.some(({ agreement }) => named.has(agreement));
    const isEarlier = isOfPair && names && one.number < body.number;
    return isEarlier && signature !== undefined ? [{ body: one, signature }] : [];
  });
  const lines: StatementFile["lines"] = [];
  for (const line of body.lines) lines.push(await evidenceOf(line, record, sources));
  const setoffs = await setoffsOf(record, sources);
  return {
    ...{ v: 1, type: statementFileType, dossier: dossierOf(record), earlier, lines },
    ...(setoffs.length > 0 && { setoffs }),
  };
}

async function setoffsOf(record: StatementRecord, { store }: FileSources): Promise<SignedSetoff[]> {
  if (record.cleared.length === 0) return [];
  const all = await setoffsWith(store, otherSide(record));
  const named = new Set(record.cleared.map(({ setoff }) => setoff));
  const clearing = all.filter(({ id, state }) => state === "agreed" && named.has(id));
  return clearing.map(({ body, signatures }) => ({ body, signatures }));
}

async function evidenceOf(
  { agreement: id, from, to }: Line,
  { body }: StatementRecord,
  { store, agreementOf, prove }: FileSources,
): Promise<StatementFile["lines"][number]> {
  const isProved = body.lines.length <= provedLinesMax;
  const options = { upTo: to, receiptsMax, ...(isProved && { prove }) };
  const bill = await billOf(store, agreementOf(id), body.month, options);
  const isThere = bill.receipts.some((one) => (one as SignedReceipt).body.seq === from);
  if (from === 0 || isThere) return { bill };
  const record = await receiptAt(store, id, from);
  if (record === undefined) throw new Error(`receipt ${from} of ${id} is missing`);
  return { bill, opening: signedBy(id, record) };
}
