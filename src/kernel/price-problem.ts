import { formatAmount, microOf, parseAmount } from "./amount.ts";
import { currencyExponent } from "./currency.ts";
import type { Charge, Price } from "./price.ts";
import { isFree } from "./price.ts";

const chargesMax = 10;
const tiersMax = 20;
const trialDaysMax = 3660;
/** No amount of a charge is greater, in micro-units. */
const microMax = 2n ** 63n - 1n;

const unitMembers = ["amount", "currency", "perMessages"];
const chargedMembers = ["currency", "charges", "minimum", "cap", "trialDays", "costOnly"];
export const priceMembers: readonly string[] = [...unitMembers, ...chargedMembers];
const unitNames = ["perMessages", "perBytes", "per"];
const rateNames = ["amount", "graduated", "volume"];
const chargeMembers = [...unitNames, ...rateNames, "included"];
const tierMembers = ["upTo", "amount"];

/** What is wrong with a price, or undefined. */
export function priceProblem(price: unknown): string | undefined {
  if (!isObject(price)) return "it is no object";
  const { currency } = price;
  const members = "charges" in price ? chargedMembers : unitMembers;
  const problem = memberProblem(price, members);
  if (problem !== undefined) return problem;
  if (!("charges" in price)) {
    const unit = unitProblem(price);
    if (unit !== undefined) return unit;
  }
  if (typeof currency !== "string" || !/^[A-Z]{3}$/.test(currency)) {
    return `currency "${shown(currency)}" is not an ISO 4217 code`;
  }
  const charged = "charges" in price ? chargedProblem(price) : undefined;
  if (charged !== undefined) return charged;
  const asks = currencyExponent(currency) === undefined && !isFree(price as unknown as Price);
  return asks ? `currency "${currency}" is no currency of ISO 4217 to pay in` : undefined;
}

function unitProblem(price: Record<string, unknown>): string | undefined {
  const { amount, perMessages } = price;
  const micro = typeof amount === "string" ? parseAmount(amount) : undefined;
  if (micro === undefined || micro < 0n) return notDecimal("amount", amount);
  if (isWhole(perMessages, 1)) return undefined;
  return `perMessages ${shown(perMessages)} is not a whole number ≥ 1`;
}

function chargedProblem(price: Record<string, unknown>): string | undefined {
  const { charges, minimum, cap, trialDays, costOnly } = price;
  if (!Array.isArray(charges)) return "charges are no list";
  if (charges.length === 0) return 'charges are empty: what is free has the amount "0"';
  if (charges.length > chargesMax) return `charges are more than ${chargesMax}`;
  for (const [at, charge] of charges.entries()) {
    const problem = chargeProblem(charge);
    if (problem !== undefined) return `charge ${at + 1}: ${problem}`;
  }
  const flat = charges.filter(({ per }: Charge) => per !== undefined).map(({ per }: Charge) => per);
  if (new Set(flat).size < flat.length) return "charges name a month or a device-month twice";
  for (const [name, value] of Object.entries({ minimum, cap })) {
    const problem = value === undefined ? undefined : amountProblem(name, value, 1n);
    if (problem !== undefined) return problem;
  }
  if (isText(minimum) && isText(cap) && microOf(minimum) > microOf(cap)) {
    return `the minimum ${minimum} is above the cap ${cap}`;
  }
  if (trialDays !== undefined && !isWhole(trialDays, 1, trialDaysMax)) {
    return `trialDays ${shown(trialDays)} is not a whole number from 1 to ${trialDaysMax}`;
  }
  if (costOnly !== undefined && costOnly !== true) return "costOnly is not true: leave it out";
  const amounts = (charges as Charge[]).flatMap(amountsOf);
  const isNothing = minimum === undefined && amounts.every((one) => parseAmount(one) === 0n);
  return isNothing ? 'all charges are zero: what is free has the amount "0"' : undefined;
}

function chargeProblem(charge: unknown): string | undefined {
  if (!isObject(charge)) return "it is no object";
  const unknown = memberProblem(charge, chargeMembers);
  if (unknown !== undefined) return unknown;
  const { perMessages, perBytes, per, amount, graduated, volume, included } = charge;
  const has = (names: readonly string[]) => names.filter((name) => charge[name] !== undefined);
  if (has(unitNames).length !== 1) return 'it names one of perMessages, perBytes and per: "month"';
  for (const [name, value] of Object.entries({ perMessages, perBytes })) {
    if (value !== undefined && !isWhole(value, 1)) {
      return `${name} ${shown(value)} is not a whole number ≥ 1`;
    }
  }
  if (per !== undefined && per !== "month") {
    if (per !== "device-month") return `per "${shown(per)}" is not month`;
    return "devices are not counted yet: charge by the month, by messages or by bytes";
  }
  if (has(rateNames).length !== 1) return "it has one of amount, graduated and volume";
  if (per === "month" && (amount === undefined || included !== undefined)) {
    return "by the month it has an amount, and no tiers and nothing included";
  }
  if (included !== undefined && !isWhole(included, 1)) {
    return `included ${shown(included)} is not a whole number ≥ 1`;
  }
  if (amount !== undefined) return amountProblem("amount", amount);
  return tiersProblem(graduated === undefined ? "volume" : "graduated", graduated ?? volume);
}

function tiersProblem(name: string, tiers: unknown): string | undefined {
  if (!Array.isArray(tiers)) return `${name} is no list of tiers`;
  if (tiers.length < 2 || tiers.length > tiersMax) return `${name} has not 2 to ${tiersMax} tiers`;
  let before = 0;
  for (const [at, tier] of (tiers as unknown[]).entries()) {
    const which = `${name}: tier ${at + 1}`;
    if (!isObject(tier)) return `${which} is no object`;
    const { upTo, amount } = tier;
    const isLast = at === tiers.length - 1;
    const problem = memberProblem(tier, tierMembers) ?? amountProblem("amount", amount);
    if (problem !== undefined) return `${which}: ${problem}`;
    if (isLast && upTo !== undefined) return `${which} is the last: it has no upTo`;
    if (isLast) return undefined;
    if (!isWhole(upTo, before + 1)) {
      return `${which}: upTo ${shown(upTo)} is not a whole number above ${before}`;
    }
    before = upTo;
  }
  return undefined;
}

function amountsOf({ amount, graduated, volume }: Charge): string[] {
  return [amount, ...[...(graduated ?? []), ...(volume ?? [])].map((tier) => tier.amount)].filter(
    (one) => one !== undefined,
  );
}

function amountProblem(name: string, value: unknown, least = 0n): string | undefined {
  const micro = typeof value === "string" ? parseAmount(value) : undefined;
  if (micro === undefined || micro < 0n) return notDecimal(name, value);
  if (micro < least) return `${name} is zero: leave it out`;
  return micro > microMax
    ? `${name} ${shown(value)} is above ${formatAmount(microMax)}`
    : undefined;
}

function notDecimal(name: string, value: unknown): string {
  if (typeof value === "number")
    return `${name} ${value} is a number: write it as text, "${value}"`;
  return `${name} "${shown(value)}" is not a decimal ≥ 0 with at most six places`;
}

function memberProblem(value: object, members: readonly string[]): string | undefined {
  const other = Object.keys(value).find((name) => !members.includes(name));
  return other === undefined ? undefined : `${other} is no member it has`;
}

function isWhole(value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
}
