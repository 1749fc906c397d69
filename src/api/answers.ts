import { MarkAnswer } from "./commission-told.ts";
import { type TSchema, Type } from "typebox";
import {
  Attestation,
  Place,
  priced,
  Retention,
  Sheet,
  ThingAccessBody,
  TradeSecrets,
} from "./schemas.ts";
import { Price } from "../wire/price.ts";
import { Terms } from "./terms-schema.ts";

/** What routes answer, for the OpenAPI document; the types are those of `client/resources.ts`. */
const text = Type.String();
const count = Type.Integer({ minimum: 0 });
const texts = Type.Array(text);
const time = Type.String({ description: "ISO 8601, UTC." });
const millis = Type.Number({ description: "Milliseconds since the Unix epoch." });
const amount = Type.String({ description: "Decimal, exact to the millionth." });
const either = (...words: string[]): TSchema => Type.Union(words.map((word) => Type.Literal(word)));
const delivery = either("live", "logged");
const role = either("provider", "consumer");
const state = either("active", "ended");
const evidence = Type.Union([Type.Literal("two-sided"), Type.Literal("one-sided")], {
  description: "How many sides signed the agreement.",
});

export const Health = Type.Object({
  status: Type.Literal("ok"),
  name: text,
  did: text,
  version: text,
});

export const Links = Type.Array(
  Type.Object({
    agreement: text,
    state: either("up", "down", "ended"),
    problem: Type.Optional(
      either("waiting", "address", "refused", "disagrees", "fault", "failed", "limit"),
    ),
    lastError: Type.Optional(text),
    since: text,
    lagMs: Type.Optional(Type.Number()),
    behind: Type.Optional(count),
    messages: count,
    encoding: Type.Optional(either("zstd", "deflate")),
    wireBytes: count,
    packetBytes: count,
    bytesPerSecond: Type.Optional(count),
  }),
);

const told = {
  plain: Type.String({ description: "The terms in plain English." }),
  promises: Type.Array(Type.Object({ text, kind: either("enforced", "attested", "owed") }), {
    description: "The same line by line: enforced on every message, attested, or owed.",
  }),
};

export const Negotiation = Type.Object({
  ...told,
  pid: text,
  role,
  state: either(
    "REQUESTED",
    "OFFERED",
    "ACCEPTED",
    "AGREED",
    "VERIFIED",
    "FINALIZED",
    "TERMINATED",
  ),
  counterpart: text,
  product: text,
  offer: Type.Object({ "@id": text }),
  startedAt: time,
  agreement: Type.Optional(text),
  problem: Type.Optional(text),
});

export const Transfer = Type.Object({
  pid: text,
  role,
  state: either("REQUESTED", "STARTED", "SUSPENDED", "COMPLETED", "TERMINATED"),
  format: text,
  agreement: text,
  counterpart: text,
  startedAt: time,
  problem: Type.Optional(text),
  suspendedBy: Type.Optional(role),
  tokenExpiresAt: Type.Optional(millis),
});

const flag = either("unreadable", "type", "dimension", "physical", "bounds", "unit");
const Flagged = Type.Object(
  {
    property: text,
    member: Type.Optional(text),
    now: Type.Optional(flag),
    counts: Type.Record(text, count, { description: "Since the node started, by flag." }),
  },
  { description: "A property whose readings are not what its Description says." },
);
export const Thing = Type.Object({
  id: text,
  title: text,
  kind: text,
  place: Type.Optional(Place),
  publish: texts,
  subscribe: texts,
  certificate: Type.Optional(
    Type.Object({ fingerprint256: Type.Optional(text), subject: Type.Optional(text) }),
  ),
  access: Type.Optional(ThingAccessBody),
  createdAt: time,
  lastAt: Type.Optional(millis),
  last: Type.Optional(text),
  flagged: Type.Optional(Type.Array(Flagged)),
});
export const ThingToken = Type.Object({ thing: Thing, token: text });
export const ThingAdded = Type.Object({
  ...ThingToken.properties,
  warnings: Type.Optional(
    Type.Array(text, { description: "What its Description says of units that cannot be meant." }),
  ),
});

export const AccessGranted = Type.Object({
  offer: text,
  agreement: Type.Optional(text),
  tradeSecrets: Type.Optional(TradeSecrets),
});

export const Refusal = Type.Object({
  record: Type.Object({
    id: text,
    asker: text,
    by: text,
    subject: text,
    article: text,
    reason: text,
    at: time,
  }),
  signed: Type.Unknown({ description: "A JWS over the record's canonical form." }),
});

/** What really passed over the last day. */
const Quality = Type.Object({
  minutes: count,
  messages: count,
  perMinuteMedian: Type.Number(),
  minutesWithData: Type.Number(),
  longestGapSeconds: count,
  completeness: Type.Optional(Type.Number()),
  lag: Type.Optional(Type.Object({ medianSeconds: Type.Number(), p95Seconds: Type.Number() })),
  lastAt: time,
});

export const Product = Type.Object({
  ...told,
  id: text,
  title: text,
  description: text,
  topics: texts,
  delivery,
  sector: text,
  keywords: texts,
  units: Type.Optional(texts),
  place: Type.Optional(Place),
  approval: Type.Optional(Type.Union([Type.Literal("auto"), Type.Literal("manual")])),
  sample: Type.Optional(Type.Literal(false)),
  reservedFor: Type.Optional(text),
  retention: Type.Optional(Retention),
  sheet: Type.Optional(Sheet),
  measured: Type.Optional(Type.Object({ messages: count, bytes: count })),
  terms: Terms,
  ...priced,
  policy: Type.Unknown({ description: "What is offered, in ODRL." }),
  createdAt: time,
  quality: Type.Optional(Quality),
  mark: Type.Optional(MarkAnswer),
});

export const Sample = Type.Object({
  messages: Type.Array(
    Type.Object({
      topic: text,
      at: Type.Integer({ description: "Milliseconds since the Unix epoch." }),
      payload: Type.Optional(text),
      payloadBase64: Type.Optional(text),
    }),
  ),
});

export const Peer = Type.Object({
  did: text,
  name: text,
  url: text,
  title: Type.Optional(text),
  country: Type.Optional(text),
  currency: Type.Optional(text),
  place: Type.Optional(Place),
  seenAt: Type.Optional(time),
  offers: Type.Optional(count),
  problem: Type.Optional(text),
});

export const Offer = Type.Object({
  ...told,
  offer: text,
  product: text,
  title: text,
  description: Type.Optional(text),
  provider: text,
  providerName: text,
  topics: Type.Optional(texts),
  delivery: Type.Optional(delivery),
  sector: Type.Optional(text),
  keywords: Type.Optional(texts),
  units: Type.Optional(texts),
  seenAt: Type.Optional(time),
  place: Type.Optional(Place),
  sheet: Type.Optional(Sheet),
  price: Price,
  cost: Type.Optional(Price),
  tradeSecrets: Type.Optional(TradeSecrets),
  variants: Type.Optional(
    Type.Array(Type.Intersect([Attestation, Type.Object({ offer: text, price: Price, ...told })]), {
      description: "The same product's offers to whoever attests what they need.",
    }),
  ),
  fields: Type.Optional(texts),
  notAfter: Type.Optional(time),
  messagesMax: Type.Optional(count),
  quality: Type.Optional(Quality),
  mark: Type.Optional(MarkAnswer),
});

export const Want = Type.Object({
  id: text,
  query: Type.Unknown({ description: "What must hold." }),
  as: Type.Optional(text),
  auto: Type.Boolean(),
  spendMax: Type.Optional(Type.Object({ amount, currency: text })),
  agreementsMax: count,
  matches: Type.Array(
    Type.Object({
      offer: text,
      provider: text,
      title: text,
      at: time,
      state: either("told", "agreeing", "agreed", "refused"),
      agreement: Type.Optional(text),
      problem: Type.Optional(text),
    }),
  ),
  createdAt: time,
});

const agreement = {
  id: text,
  role,
  provider: text,
  consumer: text,
  product: text,
  title: text,
  delivery,
  topics: texts,
  price: Price,
  changes: Type.Optional(Type.Array(Type.Object({ number: count, price: Price, from: time }))),
  policyHash: text,
  signedAt: time,
  evidence,
  oneSided: Type.Optional(either("free", "prepaid", "billed")),
  ceiling: Type.Optional(amount),
  state,
  ended: Type.Optional(Type.Object({ reason: text, by: text, at: time })),
};
export const Agreement = Type.Object(agreement);

export const Usage = Type.Object({
  agreement: text,
  role,
  product: text,
  title: text,
  evidence,
  messages: count,
  bytes: count,
  amount,
  currency: text,
  receipted: Type.Optional(Type.Object({ seq: count, messages: count })),
  oneSided: Type.Optional(Type.Object({ messages: count, bytes: count })),
  refused: Type.Optional(Type.Record(text, count)),
});

export const AgreementWithEvidence = Type.Object({
  ...agreement,
  ...told,
  policy: Type.Unknown({ description: "The ODRL Agreement as it was signed." }),
  jws: Type.Unknown({ description: "What was signed, as a JWS in general JSON form." }),
  keys: Type.Unknown({ description: "Public keys pinned at signing, by DID." }),
  attested: Type.Optional(Attestation),
  usage: Type.Optional(Usage),
});

const Position = Type.Object({ epoch: text, position: count });
export const Erasure = Type.Object({
  agreement: text,
  role,
  state: either("none", "running", "waiting", "overdue", "erased"),
  deleteAfterSeconds: Type.Optional(count),
  dueAt: Type.Optional(time),
  record: Type.Optional(
    Type.Object({
      v: Type.Literal(1),
      type: Type.Literal("erasure"),
      agreement: text,
      provider: text,
      consumer: text,
      from: Type.Optional(Position),
      to: Type.Optional(Position),
      erased: Type.Object({ messages: count, bytes: count }),
      kept: Type.Optional(Type.Object({ messages: count, bytes: count, agreements: texts })),
      endedAt: time,
      erasedAt: time,
    }),
  ),
  signed: Type.Optional(
    Type.Unknown({ description: "The consumer's signature, as a JWS in general JSON form." }),
  ),
  receivedAt: Type.Optional(time),
  told: Type.Optional(Type.Object({ taken: Type.Boolean(), problem: Type.Optional(text) })),
});

export const Statement = Type.Object({
  agreement: text,
  role,
  provider: text,
  consumer: text,
  product: text,
  title: text,
  month: text,
  evidence,
  messages: count,
  bytes: count,
  amount,
  currency: text,
  receipts: count,
  parts: Type.Optional(
    Type.Array(Type.Object({ charge: text, amount }), {
      description: "Of charges by the month: what usage comes to, what is owed by the month.",
    }),
  ),
});

export const Log = Type.Object({
  log: text,
  epoch: text,
  end: count,
  messages: count,
  bytes: count,
  erased: Type.Optional(count),
});
export const AuditEntry = Type.Object({
  id: text,
  at: time,
  who: text,
  act: text,
  what: text,
  outcome: text,
});
export const User = Type.Object({
  id: text,
  role: either("viewer", "operator", "trader", "owner"),
  budget: Type.Optional(Type.Object({ amount, currency: text })),
  createdAt: time,
});
export const Caller = Type.Object({
  name: text,
  role: either("viewer", "operator", "trader", "owner"),
  budget: Type.Optional(
    Type.Object({
      amount,
      currency: text,
      per: Type.Literal("month"),
      committed: amount,
      left: amount,
    }),
  ),
});
export const UserToken = Type.Object({ user: User, token: text });
