import { microOf, parseAmount } from "./amount.ts";

/**
 * What a stream costs: so much for so many messages, or a list of charges. One rule for all:
 * within a billing period each charge is rounded down once, and more usage never costs less.
 */
export type Price = UnitPrice | ChargedPrice;

/** `amount` of `currency` for every `perMessages` messages; zero is free. */
export interface UnitPrice {
  /** Decimal string, at most six places. */
  readonly amount: string;
  /** ISO 4217 code. */
  readonly currency: string;
  readonly perMessages: number;
  readonly charges?: never;
  readonly trialDays?: never;
}

/** Charges by the calendar month, UTC. Amounts are decimal strings, at most six places. */
export interface ChargedPrice {
  readonly currency: string;
  readonly charges: readonly Charge[];
  /** A month costs no less than this. */
  readonly minimum?: string;
  /** A month costs no more than this. */
  readonly cap?: string;
  /** Nothing is owed for the day of signing and so many days after it, UTC. */
  readonly trialDays?: number;
  /** Its owner says that it covers costs alone, as the Data Act and cooperatives ask. */
  readonly costOnly?: true;
  readonly amount?: never;
  readonly perMessages?: never;
}

/**
 * One of `perMessages`, `perBytes` (of payload; a megabyte is 1,000,000) and `per`; and one of
 * `amount`, `graduated` and `volume`. A flat charge by the month has an `amount` alone.
 */
export interface Charge {
  readonly perMessages?: number;
  readonly perBytes?: number;
  readonly per?: "month" | "device-month";
  readonly amount?: string;
  /** Each tier's rate for what falls into it. */
  readonly graduated?: readonly Tier[];
  /** The rate of the tier that the month's quantity reaches, for all of it. */
  readonly volume?: readonly Tier[];
  /** So many messages, bytes or devices of a month are free; tiers count what is beyond. */
  readonly included?: number;
}

export interface Tier {
  /** Messages, bytes or devices; the last tier has no end. */
  readonly upTo?: number;
  readonly amount: string;
}

/** What was delivered in one billing period. */
export interface Used {
  readonly messages: number;
  readonly bytes: number;
}

export function isCharged(price: Price): price is ChargedPrice {
  return price.charges !== undefined;
}

export function isFree(price: Price): boolean {
  return !isCharged(price) && parseAmount(price.amount) === 0n;
}

/**
 * Micro-units owed for what messages caused in one billing period: the whole agreement under a
 * price for messages, a calendar month under charges. It never falls as usage grows.
 */
export function usageMicro(price: Price, used: Used): bigint {
  if (!isCharged(price)) {
    return (BigInt(used.messages) * microOf(price.amount)) / BigInt(price.perMessages);
  }
  let sum = 0n;
  for (const charge of price.charges) {
    if (charge.perMessages !== undefined) {
      sum += chargeMicro(charge, used.messages, charge.perMessages);
    } else if (charge.perBytes !== undefined) {
      sum += chargeMicro(charge, used.bytes, charge.perBytes);
    }
  }
  return price.cap === undefined ? sum : least(sum, microOf(price.cap));
}

/** The most that so much can cost, wherever in a month it falls and whatever is included. */
export function dearestMicro(price: Price, used: Used): bigint {
  if (!isCharged(price)) return usageMicro(price, used);
  const charges = price.charges.map((charge): Charge => {
    const { included: _included, graduated, volume, ...rest } = charge;
    const tiers = graduated ?? volume;
    return tiers === undefined ? rest : { ...rest, amount: dearestOf(tiers) };
  });
  return usageMicro({ currency: price.currency, charges }, used);
}

/** Rounded down once, of the quantity beyond what is included. */
function chargeMicro(charge: Charge, quantity: number, per = 1): bigint {
  const { amount, graduated, volume, included = 0 } = charge;
  const rest = BigInt(Math.max(0, quantity - included));
  if (graduated !== undefined) return graduatedTotal(graduated, rest) / BigInt(per);
  if (volume !== undefined) return volumeTotal(volume, rest) / BigInt(per);
  return (rest * microOf(amount ?? "0")) / BigInt(per);
}

function graduatedTotal(tiers: readonly Tier[], quantity: bigint): bigint {
  let total = 0n;
  let from = 0n;
  for (const { upTo, amount } of tiers) {
    const to = upTo === undefined ? quantity : least(BigInt(upTo), quantity);
    if (to > from) total += (to - from) * microOf(amount);
    if (upTo === undefined || BigInt(upTo) >= quantity) break;
    from = BigInt(upTo);
  }
  return total;
}

/** Never less than a whole tier below it costs, so that one message more is no cheaper. */
function volumeTotal(tiers: readonly Tier[], quantity: bigint): bigint {
  let below = 0n;
  for (const { upTo, amount } of tiers) {
    const each = microOf(amount);
    if (upTo === undefined || quantity <= BigInt(upTo)) return most(below, quantity * each);
    below = most(below, BigInt(upTo) * each);
  }
  return below;
}

function dearestOf(tiers: readonly Tier[]): string {
  return tiers.reduce((a, b) => (microOf(b.amount) > microOf(a.amount) ? b : a)).amount;
}

/** For a comparison in a search, never for money; Infinity where not messages alone are priced. */
export function pricePerMessage(price: Price): number {
  if (!isCharged(price)) return Number(price.amount) / price.perMessages;
  const { charges, minimum } = price;
  const rates = charges.map(({ perMessages, amount, graduated, volume }) => {
    const dearest = amount ?? dearestOf(graduated ?? volume ?? []);
    return perMessages === undefined ? Infinity : Number(dearest) / perMessages;
  });
  return minimum === undefined ? rates.reduce((a, b) => a + b, 0) : Infinity;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
