import { formatAmount, microOf } from "../../kernel/amount.ts";
import { canonicalHash } from "../../kernel/canonical.ts";
import { currencyExponent, formatMinor, roundedToMinor } from "../../kernel/currency.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { StatementLine } from "../statement.ts";
import type { InvoiceBody, InvoiceDifference, InvoiceLine } from "./document.ts";
import { sumsOf } from "./draw-up.ts";
import type { Party } from "./settings.ts";
import { invoiceXml } from "./to-ubl.ts";

/** What the buyer's node knows by itself. */
export interface OwnView {
  /** Of the invoice's month and agreements. */
  readonly lines: readonly StatementLine[];
  /** What earlier invoices asked for, micro-units by agreement. */
  readonly before: ReadonlyMap<string, bigint>;
  /** Who this node said to be. */
  readonly party?: Party;
  /** The invoice that a credit note names. */
  readonly corrected?: InvoiceBody;
}

/** Every figure that is not as the buyer's node knows it, by name; none: it is owed as it stands. */
export function differencesOf(body: InvoiceBody, own: OwnView): InvoiceDifference[] {
  const lines =
    body.type === "invoice" ? invoicedLines(body, own) : creditedLines(body, own.corrected);
  return [
    ...lines,
    ...sumDifferences(body),
    ...ruleDifferences(body),
    ...partyDifferences(body, own),
  ];
}

function invoicedLines(body: InvoiceBody, own: OwnView): InvoiceDifference[] {
  const asked = new Map(own.before);
  return body.lines.flatMap((line) => {
    const where = `line ${line.id}`;
    const known = own.lines.find(({ agreement }) => agreement === line.agreement);
    const before = asked.get(line.agreement) ?? 0n;
    asked.set(line.agreement, before + microOf(line.exact));
    const left = microOf(known?.amount ?? "0") - before;
    return [
      ...compared(where, "exact amount", line.exact, formatAmount(left)),
      ...compared(where, "messages", line.messages, known?.messages ?? 0),
      ...compared(where, "bytes", line.bytes, known?.bytes ?? 0),
      ...compared(where, "currency", body.currency, known?.currency ?? "none"),
      ...compared(where, "parts", partsText(line.parts), partsText(known?.parts)),
      ...compared(where, "title", line.title, known?.title ?? "none"),
      ...roundingOf(line, body.currency),
    ];
  });
}

function partsText(parts: StatementLine["parts"] = []): string {
  return parts.map(({ charge, amount }) => `${charge} ${amount}`).join(", ");
}

function creditedLines(body: InvoiceBody, corrected: InvoiceBody | undefined): InvoiceDifference[] {
  const number = body.corrects?.number ?? "none";
  if (corrected === undefined) return compared("corrects", "invoice", number, "none such");
  return body.lines.flatMap((line) => {
    const where = `line ${line.id}`;
    const of = corrected.lines.find(({ id }) => id === line.corrects);
    const most = microOf(of?.amount ?? "0");
    return [
      ...compared(where, "agreement", line.agreement, of?.agreement ?? "none"),
      ...(microOf(line.amount) > most
        ? compared(where, "amount", line.amount, `at most ${of?.amount ?? "0"}`)
        : []),
      ...roundingOf(line, body.currency),
    ];
  });
}

function roundingOf(line: InvoiceLine, currency: string): InvoiceDifference[] {
  const exponent = currencyExponent(currency);
  if (exponent === undefined) return [];
  const rounded = formatMinor(roundedToMinor(microOf(line.exact), exponent), exponent);
  return compared(`line ${line.id}`, "amount", line.amount, rounded);
}

function sumDifferences(body: InvoiceBody): InvoiceDifference[] {
  if (currencyExponent(body.currency) === undefined) return [];
  const { taxes, totals } = sumsOf(body.lines, body.currency);
  const sums = Object.entries(totals).flatMap(([name, own]) => {
    return compared("totals", name, body.totals[name as keyof typeof totals], own);
  });
  if (canonicalHash(taxes) === canonicalHash(body.taxes)) return sums;
  const told = (of: typeof taxes): string =>
    of.map(({ category, rate = "", amount }) => `${category} ${rate}: ${amount}`).join(", ");
  return [...sums, ...compared("totals", "taxes", told(body.taxes), told(taxes))];
}

/** A document that breaks a rule of EN 16931 is no invoice that books can take. */
function ruleDifferences(body: InvoiceBody): InvoiceDifference[] {
  try {
    invoiceXml(body);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof ComityError)) throw thrown;
    return compared("document", "rule of EN 16931", thrown.message, "kept");
  }
}

function partyDifferences({ buyer }: InvoiceBody, { party }: OwnView): InvoiceDifference[] {
  if (party === undefined || canonicalHash(party) === canonicalHash(buyer)) return [];
  return compared("buyer", "party", JSON.stringify(buyer), JSON.stringify(party));
}

function compared(
  where: string,
  what: string,
  invoiced: string | number,
  own: string | number,
): InvoiceDifference[] {
  if (invoiced === own) return [];
  const [theirs, ours] = [invoiced, own].map((one) => String(one).slice(0, 4096));
  return [{ where, what, invoiced: theirs ?? "", own: ours ?? "" }];
}
