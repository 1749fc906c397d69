import { Type } from "typebox";

/** Shapes that several tools give; amounts are decimal text, so that no reader rounds them. */
export const text = (description: string) => Type.String({ description });
export const count = (description: string) => Type.Integer({ minimum: 0, description });
export const closed = { additionalProperties: false } as const;

export const Evidence = Type.Union([Type.Literal("two-sided"), Type.Literal("one-sided")], {
  description: "two-sided: both signed the agreement; one-sided: one of them alone.",
});

export const AgreementId = Type.String({
  description: "The agreement's id, urn:uuid:…, as request_contract and usage_and_cost give it.",
  minLength: 1,
  maxLength: 512,
});

export const Product = Type.Object({
  offer: text("What request_contract takes."),
  product: text("The product's id on its provider's node."),
  title: text("Written by the provider."),
  description: Type.Optional(text("Written by the provider.")),
  provider: text("DID of the organisation that offers it."),
  providerName: text("Its short name."),
  price: text("Such as 0.002 EUR per message, or free."),
  delivery: Type.Optional(text("logged: durable, with history; live: as it comes.")),
  topics: Type.Optional(Type.Array(Type.String())),
  sector: Type.Optional(Type.String()),
  keywords: Type.Optional(Type.Array(Type.String())),
  place: Type.Optional(
    Type.Object({ lat: Type.Number(), lon: Type.Number(), name: Type.Optional(Type.String()) }),
  ),
  terms: Type.Array(Type.String(), {
    description:
      "What the agreement would say: enforced on every message, or attested, which the buyer keeps.",
  }),
});

export const Message = Type.Object({
  topic: Type.String(),
  position: Type.Optional(count("Where it stands in the log.")),
  at: Type.Optional(text("When it was logged; ISO 8601, UTC.")),
  payload: Type.Optional(text("As it was sent, where it is UTF-8 text.")),
  payloadBase64: Type.Optional(text("Where it is not.")),
  retained: Type.Optional(Type.Boolean({ description: "The topic's last value from before." })),
});

export const Usage = Type.Object({
  agreement: Type.String(),
  title: Type.String(),
  role: text("consumer: bought; provider: sold."),
  evidence: Evidence,
  messages: count("Counted so far."),
  bytes: count("Of their payloads."),
  amount: text("What that comes to."),
  currency: text("ISO 4217."),
  signedForMessages: Type.Optional(count("For which both sides have signed a receipt.")),
});

export const Budget = Type.Object({
  amount: text("What this token's agreements may cost in a month."),
  currency: text("ISO 4217."),
  per: Type.Literal("month"),
  committed: text("Used, or set aside for running agreements."),
  left: text("What a further agreement may cost at most."),
});
