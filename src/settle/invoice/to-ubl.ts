import type { UblDocument, UblParty } from "../../wire/ubl/document.ts";
import { ublOf } from "../../wire/ubl/invoice.ts";
import type { InvoiceBody, InvoiceLine } from "./document.ts";
import { microOf } from "../../kernel/amount.ts";
import { monthAfter } from "../../kernel/clock.ts";
import { dayAfter } from "./draw-up.ts";
import type { Party } from "./settings.ts";

/** EN 16931 in UBL 2.1; INVOICE_INVALID names the rule that the body breaks. */
export function invoiceXml(body: InvoiceBody): string {
  return ublOf(documentOf(body));
}

function documentOf(body: InvoiceBody): UblDocument {
  const { type, number, issued, due, currency, month, lines, totals, payment } = body;
  // BR-O-02: what is outside the scope of VAT names no VAT id
  const outside = lines.every(({ tax }) => tax.category === "O");
  const partyOf = ({ vatId, ...party }: Party, id: string): UblParty => ({
    ...party,
    id,
    vatId: outside ? undefined : vatId,
  });
  return {
    ...{ type, number, issued, due, currency },
    notes: notesOf(body),
    period: periodOf(month),
    corrects: body.corrects,
    supporting: lines.flatMap((line) => supportingOf(line, month)),
    seller: partyOf(body.seller, body.provider),
    buyer: partyOf(body.buyer, body.consumer),
    payment,
    lines: lines.map((line) => {
      const net = microOf(line.amount);
      return {
        id: line.id,
        note: noteOf(line, body),
        object: line.agreement,
        // a month of the agreement: what tiers and minimums come to is no price times messages
        quantity: net < 0n ? -1n : 1n,
        unit: "MON",
        net,
        price: net < 0n ? -net : net,
        name: line.title.trim() === "" ? line.product : line.title,
        product: line.product,
        properties: {
          messages: String(line.messages),
          bytes: String(line.bytes),
          [`exact amount in ${currency}`]: line.exact,
        },
        tax: line.tax,
      };
    }),
    taxes: body.taxes.map((tax) => ({
      ...tax,
      taxable: microOf(tax.taxable),
      amount: microOf(tax.amount),
    })),
    totals: {
      net: microOf(totals.net),
      tax: microOf(totals.tax),
      gross: microOf(totals.gross),
    },
  };
}

/** First and last day of a month. */
export function periodOf(month: string): { readonly from: string; readonly to: string } {
  return { from: `${month}-01`, to: dayAfter(`${monthAfter(month)}-01`, -1) };
}

/** What a reader must know that is in no field. */
export function notesOf({ totals, currency, reason, corrects }: InvoiceBody): string[] {
  const { exact, net, rounding } = totals;
  return [
    ...(corrects && reason !== undefined ? [`Corrects ${corrects.number}: ${reason}`] : []),
    `Rounded once per line: ${exact} ${currency} exactly, ${net} ${currency} invoiced, ` +
      `a difference of ${rounding} ${currency}.`,
  ];
}

export function noteOf(line: InvoiceLine, { month, corrects }: InvoiceBody): string {
  const { messages, bytes, evidence, parts = [] } = line;
  const made = parts.map(({ charge, amount }) => `, ${charge} ${amount}`).join("");
  const counted = `${month}: ${messages} messages, ${bytes} bytes${made}`;
  if (line.corrects !== undefined && corrects !== undefined) {
    return `Corrects line ${line.corrects} of ${corrects.number}. ${counted}`;
  }
  return evidence === "one-sided" ? `${counted}, counted by the seller alone` : counted;
}

/** The receipts that both signed, and the bill that holds them. */
export function supportingOf(
  { agreement, receipts }: InvoiceLine,
  month: string,
): { readonly id: string; readonly description: string }[] {
  if (receipts === undefined) return [];
  const { first, last, firstHash, lastHash } = receipts;
  const description =
    `Receipts ${first} (${firstHash}) to ${last} (${lastHash}), signed by both sides; ` +
    `the bill of ${month} for this agreement holds them, and comity verify checks it`;
  return [{ id: agreement, description }];
}
