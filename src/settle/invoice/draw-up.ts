import { formatAmount, microOf } from "../../kernel/amount.ts";
import { dayMs } from "../../kernel/clock.ts";
import { currencyExponent, formatMinor, roundedToMinor } from "../../kernel/currency.ts";
import { ComityError } from "../../kernel/errors.ts";
import { isSameTax, taxOf } from "../../wire/ubl/rules.ts";
import type { UblTax } from "../../wire/ubl/document.ts";
import type { StatementLine } from "../statement.ts";
import type { InvoiceBody, InvoiceLine } from "./document.ts";

/** A month's line, with what of it earlier invoices did not ask for. */
export interface Billable {
  readonly line: StatementLine;
  readonly exactMicro: bigint;
  readonly tax: UblTax;
  readonly receipts?: InvoiceLine["receipts"];
}

export type Sums = Pick<InvoiceBody, "taxes" | "totals">;

/** The exponent of ISO 4217; INVOICE_INVALID where nobody pays in that. */
export function exponentOf(currency: string): number {
  const exponent = currencyExponent(currency);
  if (exponent !== undefined) return exponent;
  const problem = `${currency} is no currency of ISO 4217 that is paid in; agree on another`;
  throw new ComityError("INVOICE_INVALID", { rule: "BR-CL-04", problem });
}

/** Numbered from 1; each rounded once. */
export function linesOf(billables: readonly Billable[], currency: string): InvoiceLine[] {
  const exponent = exponentOf(currency);
  return billables.map(({ line, exactMicro, tax, receipts }, index) => ({
    id: String(index + 1),
    agreement: line.agreement,
    product: line.product,
    title: line.title,
    evidence: line.evidence,
    messages: line.messages,
    bytes: line.bytes,
    exact: formatAmount(exactMicro),
    amount: formatMinor(roundedToMinor(exactMicro, exponent), exponent),
    ...(line.parts && { parts: [...line.parts] }),
    tax: taxIn(tax),
    ...(receipts && { receipts }),
  }));
}

/** What lines come to: the seller computes it, and the buyer's node again. */
export function sumsOf(lines: readonly InvoiceLine[], currency: string): Sums {
  const exponent = exponentOf(currency);
  const minor = (micro: bigint): string => formatMinor(micro, exponent);
  const total = (of: readonly InvoiceLine[], member: "exact" | "amount"): bigint =>
    of.reduce((all, line) => all + microOf(line[member]), 0n);
  const kinds = lines.filter((line, index) => {
    return lines.findIndex((other) => isSameTax(other.tax, line.tax)) === index;
  });
  const taxes = kinds.map(({ tax }) => {
    const taxable = total(
      lines.filter((line) => isSameTax(line.tax, tax)),
      "amount",
    );
    return { ...tax, taxable, amount: taxOf(taxable, tax.rate ?? "0", exponent) };
  });
  const net = total(lines, "amount");
  const exact = total(lines, "exact");
  const tax = taxes.reduce((all, { amount }) => all + amount, 0n);
  return {
    taxes: taxes.map((one) => ({
      ...one,
      taxable: minor(one.taxable),
      amount: minor(one.amount),
    })),
    totals: {
      exact: formatAmount(exact),
      rounding: formatAmount(net - exact),
      ...{ net: minor(net), tax: minor(tax), gross: minor(net + tax) },
    },
  };
}

export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * dayMs).toISOString().slice(0, 10);
}

function taxIn({ category, rate, reason, reasonCode }: UblTax): InvoiceLine["tax"] {
  return {
    category,
    ...(rate !== undefined && { rate }),
    ...(reason !== undefined && { reason }),
    ...(reasonCode !== undefined && { reasonCode }),
  };
}
