import { parseAmount } from "../../kernel/amount.ts";
import { currencyExponent, roundedToMinor } from "../../kernel/currency.ts";
import { ComityError } from "../../kernel/errors.ts";
import { isCountry } from "./countries.ts";
import type { UblDocument, UblLine, UblParty, UblSubtotal, UblTax } from "./document.ts";

/** A business rule of EN 16931-1:2017 §6.4, and what of the document breaks it. */
type Broken = readonly [rule: string, problem: string] | undefined;

/** Throws INVOICE_INVALID with the first rule that the document breaks, and what to do. */
export function requireRules(doc: UblDocument): void {
  const broken =
    headProblem(doc) ??
    partyProblem(doc.seller, "seller") ??
    partyProblem(doc.buyer, "buyer") ??
    paymentProblem(doc) ??
    first(doc.lines, (line) => lineProblem(line, doc)) ??
    first(doc.taxes, (tax) => taxProblem(tax, doc)) ??
    sumsProblem(doc);
  if (broken === undefined) return;
  const [rule, problem] = broken;
  throw new ComityError("INVOICE_INVALID", { rule, problem });
}

function headProblem(doc: UblDocument): Broken {
  const { number, issued, due, currency, period, lines, supporting, type, corrects } = doc;
  if (number === "") return ["BR-02", "it has no number"];
  if (!isDay(issued)) return ["BR-03", `its date "${issued}" is no day such as 2026-12-01`];
  if (due !== undefined && !isDay(due)) return ["BR-03", `it is due on "${due}", which is no day`];
  if (currencyExponent(currency) === undefined) {
    const problem = `${currency} is no currency of ISO 4217 that is paid in; agree on another`;
    return ["BR-CL-04", problem];
  }
  if (lines.length === 0) return ["BR-16", "it has no line: nothing is owed"];
  if (!isDay(period.from) || !isDay(period.to) || period.to < period.from) {
    return ["BR-29", `its period ends on ${period.to}, before it begins on ${period.from}`];
  }
  if (type === "credit-note" && !corrects?.number) {
    return ["BR-55", "a credit note names the invoice that it corrects"];
  }
  return supporting.some(({ id }) => id === "")
    ? ["BR-52", "a supporting document has no reference"]
    : undefined;
}

function partyProblem(party: UblParty, side: "seller" | "buyer"): Broken {
  const sells = side === "seller";
  const { name, address, vatId, endpoint } = party;
  if (name === "") return [sells ? "BR-06" : "BR-07", `the ${side}'s name is missing; give it`];
  if (address === undefined) {
    return [sells ? "BR-08" : "BR-10", `the ${side}'s postal address is missing; give it`];
  }
  if (!isCountry(address.country)) {
    const { country } = address;
    const problem = `the ${side}'s country "${country}" is no code of ISO 3166-1 such as NL`;
    return [sells ? "BR-09" : "BR-11", problem];
  }
  if (vatId !== undefined && !isVatPrefix(vatId.slice(0, 2))) {
    return ["BR-CO-09", `the ${side}'s VAT id "${vatId}" does not begin with its country's code`];
  }
  if (endpoint !== undefined && !endpoint.scheme) {
    const problem = `the ${side}'s electronic address has no scheme; give one of the EAS list`;
    return [sells ? "BR-62" : "BR-63", problem];
  }
  return sells && !party.id && !party.registration && !vatId
    ? ["BR-CO-26", "the seller has neither identifier, registration nor VAT id; give one"]
    : undefined;
}

function paymentProblem({ totals, due, payment, type }: UblDocument): Broken {
  if (type === "credit-note" || totals.gross <= 0n || due !== undefined || payment.terms) {
    return undefined;
  }
  return ["BR-CO-25", "it says neither when nor how it is due; give days or terms of payment"];
}

function lineProblem(line: UblLine, doc: UblDocument): Broken {
  const { id, unit, name, net, price, quantity } = line;
  const exponent = currencyExponent(doc.currency) ?? 0;
  if (id === "") return ["BR-21", "a line has no number"];
  if (unit === "") return ["BR-23", `line ${id} has no unit`];
  if (name.trim() === "") return ["BR-25", `what line ${id} is for has no name`];
  if (price < 0n) return ["BR-27", `the price on line ${id} is below zero; turn its quantity`];
  if (net !== quantity * price) return ["BR-24", `line ${id} is not quantity times price`];
  if (net !== roundedToMinor(net, exponent)) {
    return ["BR-DEC-23", `line ${id} is no whole number of minor units of ${doc.currency}`];
  }
  const rate = rateProblem(line.tax, `line ${id}`);
  if (rate !== undefined) return rate;
  const stands = doc.taxes.filter((tax) => isSameTax(tax, line.tax));
  if (stands.length === 1) return undefined;
  return ["BR-CO-18", `the tax of line ${id} stands ${stands.length} times in the breakdown`];
}

/** BR-S, BR-Z, BR-E, BR-AE, BR-G and BR-O: which rate a category has. */
function rateProblem({ category, rate }: UblTax, where: string): Broken {
  const micro = rate === undefined ? undefined : parseAmount(rate);
  if (category === "O") {
    if (rate === undefined) return undefined;
    return ["BR-O-05", `${where}: category O is outside the scope of VAT; leave the rate out`];
  }
  if (micro === undefined || micro < 0n || micro > 100_000_000n) {
    const problem = `${where}: its rate ${rate ?? "is missing"}; give percent such as 21`;
    return [`BR-${category}-05`, problem];
  }
  if (category === "S") {
    return micro > 0n
      ? undefined
      : ["BR-S-05", `${where}: category S has a rate above zero; for zero there is Z`];
  }
  return micro === 0n
    ? undefined
    : [`BR-${category}-05`, `${where}: category ${category} has the rate 0, not ${rate}`];
}

function taxProblem(tax: UblSubtotal, doc: UblDocument): Broken {
  const { category, reason, reasonCode } = tax;
  const { seller, buyer } = doc;
  const reasoned = Boolean(reason) || Boolean(reasonCode);
  const needsReason = ["E", "AE", "G", "O"].includes(category);
  if (needsReason && !reasoned) {
    return [
      `BR-${category}-10`,
      `category ${category} needs the reason why no tax is due; give it`,
    ];
  }
  if (!needsReason && reasoned) {
    return [
      `BR-${category}-10`,
      `category ${category} has no reason for an exemption; leave it out`,
    ];
  }
  if (category === "O") {
    if (seller.vatId !== undefined || buyer.vatId !== undefined) {
      return ["BR-O-02", "what is outside the scope of VAT names no VAT id"];
    }
    const alone = doc.taxes.length === 1;
    return alone ? undefined : ["BR-O-11", "category O stands alone; draw up two invoices"];
  }
  if (seller.vatId === undefined) {
    const problem = `category ${category} needs the seller's VAT id; give it, or use O`;
    return [`BR-${category}-02`, problem];
  }
  if (category === "AE" && buyer.vatId === undefined && buyer.registration === undefined) {
    return ["BR-AE-02", "reverse charge needs the buyer's VAT id or registration; give one"];
  }
  return undefined;
}

function sumsProblem({ lines, taxes, totals, currency }: UblDocument): Broken {
  const exponent = currencyExponent(currency) ?? 0;
  for (const tax of taxes) {
    const { category, rate = "0", taxable, amount } = tax;
    const own = lines.filter((line) => isSameTax(line.tax, tax));
    if (taxable !== sum(own.map(({ net }) => net))) {
      return [`BR-${category}-08`, `what is taxed as ${category} ${rate} is not its lines' sum`];
    }
    if (amount !== taxOf(taxable, rate, exponent)) {
      return ["BR-CO-17", `the tax of ${category} is not ${rate} % of what is taxed`];
    }
  }
  if (totals.net !== sum(lines.map(({ net }) => net))) {
    return ["BR-CO-10", "the net total is not the lines' sum"];
  }
  if (totals.tax !== sum(taxes.map(({ amount }) => amount))) {
    return ["BR-CO-14", "the tax in total is not the sum of its parts"];
  }
  if (totals.gross !== totals.net + totals.tax) {
    return ["BR-CO-15", "the total is not net and tax together"];
  }
  return undefined;
}

/** BR-CO-17: rounded once for each category and rate. */
export function taxOf(taxable: bigint, rate: string, exponent: number): bigint {
  const percent = parseAmount(rate) ?? 0n;
  const scaled = taxable * percent; // micro-units times millionths of a percent
  const size = scaled < 0n ? -scaled : scaled;
  const unit = 10n ** BigInt(6 - exponent) * 100_000_000n;
  const rounded = ((size + unit / 2n) / unit) * 10n ** BigInt(6 - exponent);
  return scaled < 0n ? -rounded : rounded;
}

export function isSameTax(one: UblTax, other: UblTax): boolean {
  return one.category === other.category && one.rate === other.rate;
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((all, one) => all + one, 0n);
}

function first<T>(list: readonly T[], problem: (one: T) => Broken): Broken {
  for (const one of list) {
    const found = problem(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === text;
}

/** Greece writes EL, Northern Ireland XI. */
function isVatPrefix(code: string): boolean {
  return isCountry(code) || code === "EL" || code === "XI";
}
