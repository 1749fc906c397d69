import { Type } from "typebox";
import type { Static } from "typebox";
import { Compile } from "typebox/compile";
import type { GeneralJws } from "../../ports/signer.ts";
import { billOf } from "../bill.ts";
import { Dossier } from "../statements/document.ts";
import { type FileSources, provedLinesMax } from "../statements/file.ts";
import { dossierOf, recordsOf } from "../statements/record.ts";
import { type InvoiceBody, OfferedInvoice } from "./document.ts";

export const invoiceFileType = "comity-invoice-file";

/** An invoice or a credit note with all that proves its lines. */
const InvoiceFile = Type.Object(
  {
    v: Type.Literal(1),
    type: Type.Literal(invoiceFileType),
    invoice: OfferedInvoice,
    /** Those of the month before it that name one of its agreements. */
    earlier: Type.Array(OfferedInvoice, { maxItems: 10_000 }),
    /** Of each agreement it names: the month at the last receipt that a line names. */
    bills: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 1000 }),
    /** Of the month, with both sides' words, where they name one of its agreements. */
    statements: Type.Array(Dossier, { maxItems: 9999 }),
  },
  { additionalProperties: false },
);
export type InvoiceFile = Static<typeof InvoiceFile>;
export const invoiceFile = Compile(InvoiceFile);

/** An invoice as either side keeps it. */
export interface KeptInvoice {
  readonly body: InvoiceBody;
  readonly signed?: GeneralJws;
}

const receiptsMax = 2;

/** `others`: all that this side keeps of the same seller. `comity verify` needs nothing else. */
export async function invoiceFileOf(
  { body, signed }: KeptInvoice,
  others: AsyncIterable<KeptInvoice>,
  { store, agreementOf, prove }: FileSources,
): Promise<InvoiceFile> {
  const { month, consumer, provider } = body;
  const named = new Set(body.lines.map(({ agreement }) => agreement));
  const earlier: InvoiceFile["earlier"] = [];
  for await (const one of others) {
    if (isEarlier(one.body, body)) earlier.push(offered(one.signed));
  }
  const isProved = named.size <= provedLinesMax;
  const bills: unknown[] = [];
  for (const id of named) {
    const lasts = body.lines.filter(({ agreement }) => agreement === id);
    const upTo = Math.max(...lasts.map(({ receipts }) => receipts?.last ?? 0));
    const options = { upTo, receiptsMax, ...(isProved && { prove }) };
    bills.push(await billOf(store, agreementOf(id), month, options));
  }
  const all = await recordsOf(store, month);
  const statements = all.filter(({ body: one, signature }) => {
    const isOfPair = one.provider === provider && one.consumer === consumer;
    const names = one.lines.some(({ agreement }) => named.has(agreement));
    return isOfPair && names && signature !== undefined;
  });
  return {
    ...{ v: 1, type: invoiceFileType, invoice: offered(signed), earlier, bills },
    statements: statements.map(dossierOf),
  };
}

/** Numbers have a series before them, which may change: days come first. */
function isEarlier(one: InvoiceBody, than: InvoiceBody): boolean {
  const isOfPair = one.provider === than.provider && one.consumer === than.consumer;
  if (!isOfPair || one.month !== than.month || one.number === than.number) return false;
  const isSooner =
    one.issued < than.issued || (one.issued === than.issued && one.number < than.number);
  const named = new Set(than.lines.map(({ agreement }) => agreement));
  return isSooner && one.lines.some(({ agreement }) => named.has(agreement));
}

function offered(signed: GeneralJws | undefined): OfferedInvoice {
  const [signature, ...more] = signed?.signatures ?? [];
  if (signed === undefined || signature === undefined || more.length > 0) {
    throw new Error("an invoice has one signature, and goes out with it");
  }
  return { payload: signed.payload, signatures: [signature] };
}
