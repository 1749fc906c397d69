import { formatAmount, microOf } from "./amount.ts";
import { canonicalBytes } from "./canonical.ts";
import { objectAt } from "./json-object.ts";
import { type Charge, isCharged, type Price, type Tier } from "./price.ts";

/** A price that was checked, in the one form that all its spellings have, so that it has one hash. */
export function normalPrice(price: Price): Price {
  if (!isCharged(price)) {
    const { amount, currency, perMessages } = price;
    return { amount: normal(amount), currency, perMessages };
  }
  const { minimum, cap, charges, ...rest } = inOrder(price) as typeof price;
  return {
    ...rest,
    charges: charges.map(({ amount, graduated, volume, ...charge }) => ({
      ...charge,
      ...(amount !== undefined && { amount: normal(amount) }),
      ...(graduated && { graduated: graduated.map(normalTier) }),
      ...(volume && { volume: volume.map(normalTier) }),
    })),
    ...(minimum !== undefined && { minimum: normal(minimum) }),
    ...(cap !== undefined && { cap: normal(cap) }),
  };
}

/**
 * Its lists in order, whatever it is otherwise: as JSON-LD they are sets, and another connector may
 * hand them on in any order. Tiers go up; charges begin with those by the month.
 */
export function inOrder(price: unknown): unknown {
  const { charges } = objectAt(price);
  if (!Array.isArray(charges)) return price;
  const ordered = charges.map((charge: unknown) => {
    const { graduated, volume } = objectAt(charge);
    return {
      ...objectAt(charge),
      ...(Array.isArray(graduated) && { graduated: graduated.toSorted(byEnd) }),
      ...(Array.isArray(volume) && { volume: volume.toSorted(byEnd) }),
    };
  });
  return { ...objectAt(price), charges: ordered.toSorted(byKind) };
}

function byEnd(a: Tier, b: Tier): number {
  return (a.upTo ?? Infinity) < (b.upTo ?? Infinity) ? -1 : 1;
}

function byKind(a: Charge, b: Charge): number {
  const [one, other] = [a, b].map((charge) => {
    const kind = charge.per !== undefined ? 0 : charge.perMessages !== undefined ? 1 : 2;
    return `${kind}${Buffer.from(canonicalBytes(charge)).toString()}`;
  });
  return (one ?? "") < (other ?? "") ? -1 : 1;
}

function normalTier(tier: Tier): Tier {
  return { ...tier, amount: normal(tier.amount) };
}

function normal(amount: string): string {
  return formatAmount(microOf(amount));
}
