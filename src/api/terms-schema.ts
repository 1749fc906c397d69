import { Type } from "typebox";
import { PriceInput } from "../wire/price.ts";

/** A product's terms as they travel; what their values mean is checked by the market. */
const strict = { additionalProperties: false } as const;
const names = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { maxItems: 100, description }),
  );
const time = (description: string) => Type.Optional(Type.String({ maxLength: 40, description }));
const whole = (description: string) => Type.Optional(Type.Integer({ minimum: 1, description }));

const Rate = Type.Object(
  {
    messages: Type.Integer({ minimum: 1 }),
    seconds: Type.Integer({ minimum: 1, maximum: 3600 }),
    per: Type.Union([Type.Literal("topic"), Type.Literal("stream")]),
  },
  { ...strict, description: "The first so many messages of each window of log time." },
);

const Polygon = Type.Object(
  {
    type: Type.Literal("Polygon"),
    coordinates: Type.Array(Type.Array(Type.Array(Type.Number()))),
  },
  { ...strict, description: "GeoJSON; by the position that stands in each message." },
);

const terms = {
  topics: names("Topic filters, where less than the product is sold."),
  fields: names("Members that are let through; dotted: members of members."),
  drop: names("Members that are left out."),
  round: Type.Optional(
    Type.Record(Type.String(), Type.Number(), { description: "Steps, by member." }),
  ),
  pseudonymise: names("Members whose value is replaced by a keyed hash."),
  shift: Type.Optional(
    Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
      description: "Dates moved by whole days, at most so many, by member.",
    }),
  ),
  shiftBy: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: "Each value of this member has a number of days of its own.",
    }),
  ),
  notBefore: time("ISO 8601, UTC: nothing is delivered before."),
  notAfter: time("ISO 8601, UTC: nothing is delivered from then on."),
  lifeSeconds: whole("Delivery ends so long after the agreement was signed."),
  dataFrom: time("ISO 8601, UTC, by when the data was logged: from then on."),
  dataUntil: time("ISO 8601, UTC, by when the data was logged: before that."),
  messagesMax: whole("Over the agreement's life."),
  bytesMax: whole("Of payloads, over the agreement's life."),
  rate: Type.Optional(Rate),
  area: Type.Optional(Polygon),
  purposes: names("What it may be used for; attested."),
  recipients: names("Who may receive it; attested."),
  jurisdictions: names("Where it may be used, as ISO 3166 codes; attested."),
  noResharing: Type.Optional(Type.Boolean({ description: "It may not be passed on; attested." })),
  deleteAfterSeconds: whole("Each message is deleted so long after its receipt; attested."),
  attribution: Type.Optional(
    Type.String({ maxLength: 500, description: "How the source is named; attested." }),
  ),
};

export const Terms = Type.Object({ price: PriceInput, ...terms }, strict);
export const SomeTerms = Type.Object({ price: Type.Optional(PriceInput), ...terms }, strict);
