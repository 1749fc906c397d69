import { type TSchema, Type } from "typebox";
import {
  type RecipientClass as RecipientClassName,
  recipientClasses,
} from "../kernel/recipient-class.ts";
import { attestationOf } from "../market/attestation.ts";
import { pageMax, totalMax } from "../ports/search.ts";
import { PriceInput } from "../wire/price.ts";
import { SomeTerms } from "./terms-schema.ts";
import { textForm } from "./text-forms.ts";

/** Schemas said once: they validate requests, type handlers and write the OpenAPI document. */
const text = (maxLength: number) => Type.String({ minLength: 1, maxLength });
const strict = { additionalProperties: false } as const;

export const Name = textForm("name");
const ProductId = textForm("product");
export const Month = textForm("month");
export const TopicFilters = Type.Array(text(1024), { maxItems: 64 });

const tdText = "W3C Thing Description 1.1; the node adds its forms and security.";
const modelText = "W3C Thing Model, to make the Thing Description of.";

export const Place = Type.Object(
  {
    lat: Type.Number({ minimum: -90, maximum: 90 }),
    lon: Type.Number({ minimum: -180, maximum: 180 }),
    name: Type.Optional(text(200)),
  },
  strict,
);

const JsonObject = Type.Record(Type.String(), Type.Unknown());

const describing = {
  td: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: tdText })),
  model: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: modelText })),
  href: Type.Optional(Type.String({ maxLength: 2048, description: "The model's own address." })),
  models: Type.Optional(
    Type.Record(Type.String(), JsonObject, {
      description: "Models that it builds on, by their address: the node fetches none.",
    }),
  ),
  placeholders: Type.Optional(JsonObject),
  optional: Type.Optional(
    Type.Array(text(1024), {
      maxItems: 1000,
      description: "Of the model's optional affordances those the Thing has, as /actions/toggle.",
    }),
  ),
};

export const TdBody = Type.Object(describing, strict);

const Certificate = Type.Object(
  {
    fingerprint256: Type.Optional(text(100)),
    subject: Type.Optional(text(500)),
  },
  { ...strict, description: "With which it may come over TLS: one of both." },
);
export const ThingBody = Type.Object(
  {
    ...describing,
    name: Name,
    title: Type.Optional(text(200)),
    kind: Type.Optional(text(200)),
    place: Type.Optional(Place),
    publish: Type.Optional(TopicFilters),
    subscribe: Type.Optional(TopicFilters),
    certificate: Type.Optional(Certificate),
    properties: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  strict,
);

const withheldTexts = { article: text(100), reason: text(1_000) };

const RecipientClass = Type.Unsafe<RecipientClassName>({
  type: "string",
  enum: recipientClasses,
  description: "What the buyer states to be.",
});

const Measures = Type.Array(text(64), {
  ...{ minItems: 1, maxItems: 20 },
  description: "By which the buyer keeps trade secrets, in the owner's names.",
});

export const Attestation = Type.Object(
  { recipientClass: Type.Optional(RecipientClass), measures: Type.Optional(Measures) },
  strict,
);

/** The same as it is asked with. */
const attested = { as: Type.Optional(RecipientClass), measures: Type.Optional(Measures) };

export const TradeSecrets = Type.Object(
  { fields: Type.Array(text(256), { minItems: 1, maxItems: 100 }), measures: Measures },
  { ...strict, description: "Members left out, unless the buyer attests the measures." },
);

export const priced = {
  tariffs: Type.Optional(
    Type.Array(Type.Object({ class: RecipientClass, price: PriceInput }, strict), { maxItems: 10 }),
  ),
  cost: Type.Optional(PriceInput),
  tradeSecrets: Type.Optional(TradeSecrets),
};

export const ThingAccessBody = Type.Object(
  {
    user: text(512),
    price: Type.Optional(PriceInput),
    ...priced,
    withheld: Type.Optional(Type.Object(withheldTexts, strict)),
  },
  strict,
);

export const AccessRequestBody = Type.Object(
  {
    provider: text(512),
    thing: Name,
    for: Type.Optional(text(512)),
    measures: Type.Optional(Measures),
  },
  strict,
);

export const AccessWithdrawalBody = Type.Object(
  { provider: text(512), thing: Name, for: text(512) },
  strict,
);

export const Sheet = Type.Object(
  {
    kind: Type.Optional(text(1_000)),
    format: Type.Optional(text(255)),
    messagesPerDay: Type.Optional(Type.Number({ minimum: 0 })),
    bytesPerDay: Type.Optional(Type.Number({ minimum: 0 })),
    retentionDays: Type.Optional(Type.Number({ minimum: 0 })),
    access: Type.Optional(text(1_000)),
    tradeSecrets: Type.Optional(Type.Boolean()),
    contact: Type.Optional(text(1_000)),
  },
  strict,
);

const Policy = Type.Object({}, { description: "ODRL, as its writer wrote it." });

export const Retention = Type.Object(
  {
    days: Type.Optional(Type.Integer({ minimum: 1 })),
    bytesMax: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { ...strict, description: "How long a log is kept; absent: for ever." },
);

export const ProductBody = Type.Object(
  {
    id: Type.Optional(ProductId),
    title: text(200),
    description: Type.Optional(Type.String({ maxLength: 4000 })),
    topics: Type.Array(text(1024), { minItems: 1, maxItems: 64 }),
    delivery: Type.Optional(Type.Union([Type.Literal("live"), Type.Literal("logged")])),
    sector: Type.Optional(text(64)),
    keywords: Type.Optional(Type.Array(text(64), { maxItems: 32 })),
    units: Type.Optional(
      Type.Array(text(32), { maxItems: 16, description: "Kept as UCUM has them." }),
    ),
    place: Type.Optional(Place),
    conformsTo: Type.Optional(text(700)),
    sheet: Type.Optional(Sheet),
    retention: Type.Optional(Retention),
    approval: Type.Optional(Type.Union([Type.Literal("auto"), Type.Literal("manual")])),
    sample: Type.Optional(Type.Literal(false, { description: "Gives no samples." })),
    terms: Type.Optional(SomeTerms),
    ...priced,
    policy: Type.Optional(Policy),
  },
  strict,
);

export const SampleParams = Type.Object(
  {
    product: Type.String({
      ...{ minLength: 1, maxLength: 512 },
      description: "A product's id, or an offer's as it was found.",
    }),
    provider: Type.Optional(Type.String({ maxLength: 512, description: "A peer's name or DID." })),
  },
  strict,
);

export const LintBody = Type.Object(
  { conditions: Type.Optional(Type.String({ maxLength: 100_000, description: "In English." })) },
  strict,
);

export const PeerBody = Type.Object({ url: text(2048), did: Type.Optional(text(512)) }, strict);
const findable = {
  q: Type.Optional(Type.String({ maxLength: 200 })),
  sector: Type.Optional(text(64)),
  delivery: Type.Optional(Type.Union([Type.Literal("live"), Type.Literal("logged")])),
  unit: Type.Optional(text(32)),
  provider: Type.Optional(text(512)),
  free: Type.Optional(Type.Boolean()),
  near: Type.Optional(Type.String({ maxLength: 80, description: "lat,lon,km" })),
  box: Type.Optional(Type.String({ maxLength: 120, description: "south,west,north,east" })),
  priceMax: Type.Optional(
    Type.String({ maxLength: 40, description: "For one message, such as 0.01 EUR." }),
  ),
  as: Type.Optional(RecipientClass),
};

export const WantBody = Type.Object(
  {
    ...findable,
    auto: Type.Optional(Type.Boolean({ description: "Agrees by itself, within spendMax." })),
    spendMax: Type.Optional(
      Type.Object(
        {
          amount: Type.String({ maxLength: 30 }),
          currency: textForm("currency"),
        },
        { ...strict, description: "The most its agreement may cost over its life." },
      ),
    ),
  },
  strict,
);

export const FindParams = Type.Object(
  {
    ...findable,
    mark: Type.Optional(
      Type.String({ maxLength: 32, description: "A sector that is recognised." }),
    ),
    newerThanSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000 })),
    fresh: Type.Optional(Type.Boolean({ description: "Asks peers before it answers." })),
    offset: Type.Optional(Type.Integer({ minimum: 0, maximum: totalMax })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax })),
  },
  strict,
);

export const AgreeBody = Type.Object(
  {
    offer: text(512),
    provider: Type.Optional(text(512)),
    ...attested,
    spendMax: Type.Optional(
      Type.String({
        description: "The most it may cost over its life, in the offer's currency; decimal.",
        maxLength: 30,
      }),
    ),
  },
  strict,
);
const Budget = Type.Object(
  {
    amount: Type.String({ description: "Decimal, at most six places.", maxLength: 30 }),
    currency: textForm("currency"),
  },
  { ...strict, description: "What the user's agreements may cost in a month." },
);
export const BudgetBody = Type.Object(
  { budget: Type.Union([Budget, Type.Null()], { description: "null: no limit." }) },
  strict,
);
export const EffectBody = Type.Object(
  {
    text: text(300),
    value: Type.Number(),
    unit: Type.String({ maxLength: 32 }),
  },
  strict,
);
export const LinkBudgetBody = Type.Object(
  { bytesPerSecond: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]) },
  strict,
);
export const LinkBody = Type.Object(
  { action: Type.Union([Type.Literal("cut"), Type.Literal("mend")]) },
  strict,
);
export const NegotiationBody = Type.Object(
  {
    provider: text(512),
    offer: text(512),
    dataset: Type.Optional(text(512)),
    policy: Type.Optional(Policy),
    address: Type.Optional(text(2048)),
    ...attested,
  },
  strict,
);
/** What it is told may be left out. */
export const NegotiationActBody = Type.Union([
  Type.Null(),
  Type.Object(
    {
      reason: Type.Optional(text(1000)),
      offer: Type.Optional(Type.Object({ "@id": text(512) })),
      terms: Type.Optional(SomeTerms),
      ...attested,
    },
    strict,
  ),
]);
export const ProposalBody = Type.Object(
  { consumer: text(512), terms: Type.Optional(SomeTerms) },
  strict,
);
export const NegotiationActParams = Type.Object({
  id: text(512),
  act: Type.Union([
    Type.Literal("offer"),
    Type.Literal("request"),
    Type.Literal("accept"),
    Type.Literal("agree"),
    Type.Literal("verify"),
    Type.Literal("finalize"),
    Type.Literal("terminate"),
  ]),
});
export const TransferBody = Type.Object({ format: text(256) }, strict);
/** What it is told may be left out. */
export const TransferActBody = Type.Union([
  Type.Null(),
  Type.Object({ reason: Type.Optional(text(1000)) }, strict),
]);
export const TransferActParams = Type.Object({
  id: text(512),
  act: Type.Union([
    Type.Literal("start"),
    Type.Literal("suspend"),
    Type.Literal("resume"),
    Type.Literal("complete"),
    Type.Literal("terminate"),
  ]),
});
export const UserBody = Type.Object(
  {
    id: Name,
    role: Type.Union([
      Type.Literal("viewer"),
      Type.Literal("operator"),
      Type.Literal("trader"),
      Type.Literal("owner"),
    ]),
    budget: Type.Optional(Budget),
  },
  strict,
);

export const GraceBody = Type.Object(
  {
    graceSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 2_592_000,
        description: "How long the old token stays good; absent: an hour, 0: not at all.",
      }),
    ),
  },
  strict,
);
const graceSecondsDefault = 3600;

export function graceMsOf({ graceSeconds = graceSecondsDefault }: Type.Static<typeof GraceBody>) {
  return graceSeconds * 1000;
}

export const IdParams = Type.Object({ id: text(512) });
/** The rest of the path: a topic, a filter or a log's name. */
export const RestParams = Type.Unsafe<{ "*": string }>({ type: "object" });

/** What a route answers: T to the compiler, described in short to OpenAPI. */
export function answer<T>(description: string, schema: TSchema = Type.Unknown()) {
  return Type.Unsafe<T>({ ...schema, description });
}

/** What a request attests of its sender; undefined where it attests nothing. */
export function attestationIn(said: {
  readonly as?: RecipientClassName;
  readonly measures?: readonly string[];
}) {
  return attestationOf({
    ...(said.as === undefined ? {} : { recipientClass: said.as }),
    ...(said.measures === undefined ? {} : { measures: said.measures }),
  });
}
