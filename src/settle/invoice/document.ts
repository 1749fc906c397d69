/**
 * Invoices: a month's statement lines as a legal document, and credit notes that correct it.
 *
 * In come a month's lines (`../statement.ts`), which are not priced again here, and what the
 * seller says of itself, its payment and its taxes (`settings.ts`). `draw-up.ts` rounds each line
 * once to the currency's minor unit and states the difference; `issued.ts` gives the document its
 * number in the commit that stores it, signs it, and brings it to the buyer's node; there
 * `received.ts` holds it against the buyer's own lines and names each difference. Out go the
 * signed document (here), EN 16931 in UBL 2.1 (`to-ubl.ts`), a page to print (`html.ts`) and CSV
 * (`csv.ts`), all made from the same body.
 *
 * An issued document never changes: a credit note corrects it, line by line. Nothing here posts to
 * the ledger, holds money or decides which tax applies.
 */
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { monthPattern } from "../../kernel/clock.ts";
import { canonicalBytes } from "../../kernel/canonical.ts";
import { ComityError } from "../../kernel/errors.ts";
import { Signature } from "../../meter/receipt.ts";
import type { GeneralJws } from "../../ports/signer.ts";
import { Party, Payment, TaxCategory } from "./settings.ts";

/** The `typ` of its signature. */
export const invoiceType = "comity-invoice+jws";

const closed = { additionalProperties: false } as const;
const Text = Type.String({ maxLength: 4096 });
const Id = Type.String({ minLength: 1, maxLength: 512 });
const Day = Type.String({ pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Amount = Type.String({ pattern: "^-?[0-9]{1,18}(\\.[0-9]{1,6})?$" });

const tax = {
  category: TaxCategory,
  rate: Type.Optional(Type.String({ pattern: "^[0-9]{1,3}(\\.[0-9]{1,6})?$" })),
  reason: Type.Optional(Text),
  reasonCode: Type.Optional(Text),
};

const Receipts = Type.Object(
  { ...{ first: Count, last: Count }, ...{ firstHash: Text, lastHash: Text } },
  closed,
);

const Part = Type.Object(
  {
    charge: Type.Enum(["usage", "month", "minimum"]),
    amount: Amount,
  },
  closed,
);

const Line = Type.Object(
  {
    /** From 1. */
    id: Type.String({ pattern: "^[1-9][0-9]{0,5}$" }),
    agreement: Id,
    ...{ product: Text, title: Text },
    evidence: Type.Union([Type.Literal("two-sided"), Type.Literal("one-sided")]),
    /** Of the whole month. */
    ...{ messages: Count, bytes: Count },
    /** What the month owes, less what earlier invoices asked for; to the micro-unit. */
    exact: Amount,
    /** That, rounded once to the currency's minor unit. */
    amount: Amount,
    /** What the month's amount is made of, where charges by the month price it. */
    parts: Type.Optional(Type.Array(Part, { maxItems: 10 })),
    tax: Type.Object(tax, closed),
    receipts: Type.Optional(Receipts),
    /** In a credit note: the line of the invoice that it corrects. */
    corrects: Type.Optional(Type.String({ pattern: "^[1-9][0-9]{0,5}$" })),
  },
  closed,
);
export type InvoiceLine = Static<typeof Line>;

/** Closed, so that every byte is signed for; amounts of a credit note are what is given back. */
const InvoiceBody = Type.Object(
  {
    v: Type.Literal(1),
    type: Type.Union([Type.Literal("invoice"), Type.Literal("credit-note")]),
    number: Type.String({ pattern: "^([A-Z][A-Z0-9]{0,9}-)?[0-9]{4}-[0-9]{6}$" }),
    issued: Day,
    due: Type.Optional(Day),
    month: Type.String({ pattern: monthPattern }),
    currency: Type.String({ pattern: "^[A-Z]{3}$" }),
    /** DIDs. */
    ...{ provider: Id, consumer: Id },
    ...{ seller: Party, buyer: Party },
    payment: Payment,
    lines: Type.Array(Line, { minItems: 1, maxItems: 1000 }),
    taxes: Type.Array(Type.Object({ ...tax, taxable: Amount, amount: Amount }, closed), {
      minItems: 1,
      maxItems: 100,
    }),
    totals: Type.Object(
      {
        /** The lines' exact amounts, and what rounding each of them added. */
        ...{ exact: Amount, rounding: Amount },
        ...{ net: Amount, tax: Amount, gross: Amount },
      },
      closed,
    ),
    /** In a credit note. */
    corrects: Type.Optional(Type.Object({ number: Text, issued: Day }, closed)),
    reason: Type.Optional(Text),
  },
  closed,
);
export type InvoiceBody = Static<typeof InvoiceBody>;
export const invoiceBody = Compile(InvoiceBody);

/** How it travels: RFC 7515 general JSON over the body's canonical form, signed by the seller. */
export const OfferedInvoice = Type.Object(
  { payload: Type.String(), signatures: Type.Tuple([Signature]) },
  closed,
);
/** As it travels, and is kept. */
export type OfferedInvoice = Static<typeof OfferedInvoice>;
export const offeredInvoice = Compile(OfferedInvoice);

/** What is signed is the body's canonical form, and nothing that only reads like it: BODY_INVALID. */
export function invoiceIn(signed: GeneralJws): InvoiceBody {
  const bytes = Buffer.from(signed.payload, "base64url");
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString());
  } catch {
    throw invalid("its payload is no JSON");
  }
  if (!invoiceBody.Check(body)) {
    const [first] = invoiceBody.Errors(body);
    throw invalid(`it is no invoice of version 1: ${first?.instancePath} ${first?.message}`);
  }
  const canonical = Buffer.from(canonicalBytes(body)).toString("base64url");
  if (canonical !== signed.payload) throw invalid("its payload is not canonical");
  return body;
}

function invalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem });
}

/** What the buyer's node found beside its own lines. */
const Difference = Type.Object({
  /** `line 2`, `totals`, `buyer`. */
  where: Text,
  what: Text,
  /** As the invoice says, and as the buyer's node knows it. */
  ...{ invoiced: Text, own: Text },
});
export type InvoiceDifference = Static<typeof Difference>;

const InvoiceAnswer = Type.Object({ differences: Type.Array(Difference, { maxItems: 10_000 }) });
export type InvoiceAnswer = Static<typeof InvoiceAnswer>;
export const invoiceAnswer = Compile(InvoiceAnswer);
