import { microOf } from "./amount.ts";
import { type Charge, isCharged, type Price, type Tier } from "./price.ts";

/**
 * Does every possible bill by `next` come to no more than by `price`? Said of pairs that compare
 * line by line: a lower amount for as many messages; or the same charges and tiers with no amount
 * higher, nothing less included, no charge more, a minimum no higher and a cap no higher. Of any
 * other pair it says no, though it may be so.
 */
export function isNeverDearer(next: Price, price: Price): boolean {
  if (next.currency !== price.currency) return false;
  if (!isCharged(next) || !isCharged(price)) {
    if (isCharged(next) || isCharged(price)) return false;
    const asked = microOf(next.amount) * BigInt(price.perMessages);
    return asked <= microOf(price.amount) * BigInt(next.perMessages);
  }
  if (microOf(next.minimum ?? "0") > microOf(price.minimum ?? "0")) return false;
  if (price.cap !== undefined) {
    if (next.cap === undefined || microOf(next.cap) > microOf(price.cap)) return false;
  }
  const left = [...price.charges];
  return next.charges.every((charge) => {
    const at = left.findIndex((one) => isChargeNeverDearer(charge, one));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function isChargeNeverDearer(next: Charge, charge: Charge): boolean {
  const isSame = (["per", "perMessages", "perBytes"] as const).every(
    (unit) => next[unit] === charge[unit],
  );
  if (!isSame || (next.included ?? 0) < (charge.included ?? 0)) return false;
  if (next.amount !== undefined && charge.amount !== undefined) {
    return microOf(next.amount) <= microOf(charge.amount);
  }
  return (
    tiersNeverDearer(next.graduated, charge.graduated) ||
    tiersNeverDearer(next.volume, charge.volume)
  );
}

function tiersNeverDearer(next?: readonly Tier[], tiers?: readonly Tier[]): boolean {
  if (next === undefined || tiers === undefined || next.length !== tiers.length) return false;
  return next.every(({ upTo, amount }, at) => {
    const tier = tiers[at];
    return tier !== undefined && upTo === tier.upTo && microOf(amount) <= microOf(tier.amount);
  });
}
