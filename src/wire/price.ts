/** A price as it travels; what its values mean is checked by `kernel/price-problem.ts`. */
import { Type } from "typebox";
import type { Price as PriceRead } from "../kernel/price.ts";

const strict = { additionalProperties: false } as const;
const whole = Type.Integer({ minimum: 1 });
const amount = Type.String({ description: "Decimal, at most six places.", maxLength: 30 });
const currency = Type.String({ description: "ISO 4217 code.", pattern: "^[A-Z]{3}$" });

const unitPrice = Type.Object({ amount, currency, perMessages: whole }, strict);

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

const chargedPrice = Type.Object(
  {
    currency,
    charges: Type.Array(charge, { minItems: 1, maxItems: 10 }),
    minimum: Type.Optional(amount),
    cap: Type.Optional(amount),
    trialDays: Type.Optional(whole),
    costOnly: Type.Optional(Type.Literal(true)),
  },
  strict,
);

export const Price = Type.Unsafe<PriceRead>(
  Type.Union([unitPrice, chargedPrice], {
    description: "So much for so many messages, or charges by the month.",
  }),
);
