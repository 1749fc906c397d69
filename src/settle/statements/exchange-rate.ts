import { formatAmount, microOf } from "../../kernel/amount.ts";
import { currencyExponent, formatMinor } from "../../kernel/currency.ts";
import type { ActOf, Exchanged } from "./document.ts";

/**
 * Why a payment cannot have come in another currency as it says, or undefined. Rate and amounts
 * agree within one minor unit of what came: banks round to it, each in its own way.
 */
export function exchangeProblem(
  { amount, currency }: ActOf<"paid">,
  came: Exchanged,
): string | undefined {
  if (came.currency === currency) return `it came in ${currency}, and nothing was exchanged`;
  const exponent = currencyExponent(came.currency);
  if (exponent === undefined) return `${came.currency} is no currency of ISO 4217`;
  const [whole = "0", fraction = ""] = came.rate.split(".");
  const rate = BigInt(whole + fraction);
  if (rate === 0n) return "its rate is 0";
  const scale = 10n ** BigInt(fraction.length);
  // micro-units times the rate's own scale: nothing is rounded before it is compared
  const should = microOf(amount) * rate;
  const is = microOf(came.amount) * scale;
  if (is <= 0n) return "nothing came";
  const minor = 10n ** BigInt(6 - exponent);
  const off = is > should ? is - should : should - is;
  if (off <= minor * scale) return undefined;
  const told = formatMinor(should / scale, exponent);
  const at = `${formatAmount(microOf(amount))} ${currency} at ${came.rate}`;
  return `${at} are ${told} ${came.currency}, not ${came.amount}`;
}
