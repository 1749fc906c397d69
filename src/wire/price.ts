/** A price as it travels; what its values mean is checked by `kernel/price-problem.ts`. */
import { Type } from "typebox";
import type { Price as PriceRead } from "../kernel/price.ts";

const strict = { additionalProperties: false } as const;
const whole = Type.Integer({ minimum: 1 });
const amount = Type.String({ description: "Decimal, at most six places.", maxLength: 30 });
const currency = Type.String({ description: "ISO 4217 code.", pattern: "^[A-Z]{3}$" });

const unit = { amount, perMessages: whole };

const tiers = Type.Array(Type.Object({ upTo: Type.Optional(whole), amount }, strict), {
  minItems: 2,
  maxItems: 20,
});

const charge = Type.Object(
  {
    perMessages: Type.Optional(whole),
    perBytes: Type.Optional(whole),
    per: Type.Optional(Type.Union([Type.Literal("month"), Type.Literal("device-month")])),
    amount: Type.Optional(amount),
    graduated: Type.Optional(tiers),
    volume: Type.Optional(tiers),
    included: Type.Optional(whole),
  },
  {
    ...strict,
    description:
      "One of perMessages, perBytes and per; one of amount, graduated and volume. Quantities are " +
      "those of a calendar month, UTC.",
  },
);

const charged = {
  charges: Type.Array(charge, { minItems: 1, maxItems: 10 }),
  minimum: Type.Optional(amount),
  cap: Type.Optional(amount),
  trialDays: Type.Optional(whole),
  costOnly: Type.Optional(Type.Literal(true)),
};
const description = "So much for so many messages, or charges by the month.";

export const Price = Type.Unsafe<PriceRead>(
  Type.Union(
    [Type.Object({ currency, ...unit }, strict), Type.Object({ currency, ...charged }, strict)],
    { description },
  ),
);

/**
 * As a person writes it: which of the two it is meant to be is for `priceProblem` to say, and not
 * for a list of what both lack.
 */
export const PriceInput = Type.Unsafe<PriceRead>(
  Type.Object(
    {
      currency,
      ...Type.Partial(Type.Object(unit)).properties,
      ...Type.Partial(Type.Object(charged)).properties,
    },
    { ...strict, description },
  ),
);
