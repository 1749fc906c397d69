import { formatAmount, parseAmount } from "./amount.ts";

/** What a stream costs: `amount` of `currency` for every `perMessages` messages; zero is free. */
export interface Price {
  /** Decimal string, at most six places. */
  readonly amount: string;
  /** ISO 4217 code. */
  readonly currency: string;
  readonly perMessages: number;
}

/** Micro-units owed for a cumulative count: floor(count × amount / per), rounded down once. */
export function amountMicro(price: Price, messages: number): bigint {
  const micro = parseAmount(price.amount);
  if (micro === undefined) throw new RangeError(`price "${price.amount}" is not a decimal`);
  return (BigInt(messages) * micro) / BigInt(price.perMessages);
}

/** What is wrong with a price, or undefined. */
export function priceProblem(price: Price): string | undefined {
  const micro = parseAmount(price.amount);
  if (micro === undefined || micro < 0n)
    return `amount "${price.amount}" is not a decimal ≥ 0 with at most six places`;
  if (!/^[A-Z]{3}$/.test(price.currency))
    return `currency "${price.currency}" is not an ISO 4217 code`;
  if (!Number.isSafeInteger(price.perMessages) || price.perMessages < 1) {
    return `perMessages ${price.perMessages} is not a whole number ≥ 1`;
  }
  return undefined;
}

/** `0.002 EUR per message`, `5 KES per 1,000 messages`, `free`. */
export function describePrice(price: Price): string {
  const micro = parseAmount(price.amount) ?? 0n;
  if (micro === 0n) return "free";
  const per =
    price.perMessages === 1 ? "message" : `${price.perMessages.toLocaleString("en")} messages`;
  return `${formatAmount(micro)} ${price.currency} per ${per}`;
}
