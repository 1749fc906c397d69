import { formatAmount, microOf } from "../../kernel/amount.ts";
import { formatMinor, roundedToMinor } from "../../kernel/currency.ts";
import { ComityError } from "../../kernel/errors.ts";
import type { InvoiceBody, InvoiceLine } from "./document.ts";
import { exponentOf } from "./draw-up.ts";

/** A credit note to draw up: what is given back of an invoice's lines, without tax. */
export interface CreditWish {
  readonly number: string;
  readonly reason: string;
  /** By the line's id; decimal, in the invoice's currency. */
  readonly lines: Readonly<Record<string, string>>;
}

/**
 * Lines of a credit note, each naming the line that it corrects; INVOICE_INVALID where one gives
 * back more than stands. `given`: what earlier credit notes gave back, micro-units by line.
 */
export function creditLines(
  invoice: InvoiceBody,
  given: ReadonlyMap<string, bigint>,
  wish: CreditWish["lines"],
): InvoiceLine[] {
  const exponent = exponentOf(invoice.currency);
  return Object.entries(wish).map(([corrects, amount], index) => {
    const line = invoice.lines.find(({ id }) => id === corrects);
    if (line === undefined) {
      const what = `line of invoice ${invoice.number}`;
      throw new ComityError("NOT_FOUND", { what, id: corrects });
    }
    const left = microOf(line.amount) - (given.get(corrects) ?? 0n);
    const problem = creditProblem(amount, left, invoice.currency);
    if (problem !== undefined) {
      const named = `line ${corrects} of ${invoice.number} ${problem}`;
      throw new ComityError("INVOICE_INVALID", { rule: "BR-27", problem: named });
    }
    const micro = microOf(amount);
    return {
      ...line,
      id: String(index + 1),
      exact: formatAmount(micro),
      amount: formatMinor(micro, exponent),
      corrects,
    };
  });
}

function creditProblem(amount: string, left: bigint, currency: string): string | undefined {
  if (!/^[0-9]{1,18}(\.[0-9]{1,6})?$/.test(amount)) return `has no amount such as 5.00: ${amount}`;
  const micro = microOf(amount);
  if (micro === 0n) return "gives nothing back; leave it out";
  if (roundedToMinor(micro, exponentOf(currency)) !== micro) {
    return `gives back ${amount}, which is no whole number of minor units of ${currency}`;
  }
  return micro > left
    ? `has ${formatAmount(left < 0n ? 0n : left)} ${currency} left, not ${amount}`
    : undefined;
}
