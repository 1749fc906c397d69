import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Overview } from "../client/world.ts";
import { Price } from "../wire/price.ts";

/** Another node's overview is a stranger's words: it is taken in this form and size, or not. */
const short = Type.String({ maxLength: 200 });
const long = Type.String({ maxLength: 600 });
const count = Type.Number({ minimum: 0 });
const place = Type.Object({
  lat: Type.Number({ minimum: -90, maximum: 90 }),
  lon: Type.Number({ minimum: -180, maximum: 180 }),
  name: Type.Optional(short),
});

const thing = Type.Object({
  id: short,
  title: short,
  kind: short,
  place: Type.Optional(place),
  lastAt: Type.Optional(Type.Number()),
  last: Type.Optional(long),
});

const node = Type.Object({
  did: long,
  name: short,
  title: short,
  country: short,
  currency: short,
  place,
  url: Type.String({ maxLength: 600, pattern: "^https?://" }),
  online: Type.Boolean(),
  messagesPerSecond: count,
  things: Type.Array(thing, { maxItems: 1000 }),
});

const terms = Type.Object({
  price: Price,
  fields: Type.Optional(Type.Array(short, { maxItems: 256 })),
  notAfter: Type.Optional(short),
  messagesMax: Type.Optional(count),
});

const agreement = Type.Object({
  id: short,
  provider: long,
  consumer: long,
  product: short,
  title: short,
  sector: short,
  state: Type.Union([Type.Literal("active"), Type.Literal("ended")]),
  link: Type.Union([Type.Literal("up"), Type.Literal("down"), Type.Literal("ended")]),
  ratePerSecond: count,
  messages: count,
  amount: Type.String({ pattern: "^[0-9]{1,18}(\\.[0-9]{1,6})?$" }),
  currency: Type.String({ pattern: "^[A-Z]{3}$" }),
  latencyMs: Type.Optional(Type.Number()),
  delivery: Type.Optional(Type.Union([Type.Literal("live"), Type.Literal("logged")])),
  terms: Type.Optional(terms),
  effect: Type.Optional(Type.Object({ text: long, value: Type.Number(), unit: short })),
  endedReason: Type.Optional(short),
});

const happening = Type.Object({
  at: Type.Number(),
  kind: short,
  text: long,
  agreement: Type.Optional(short),
});

const overview = Compile(
  Type.Object({
    at: Type.Number(),
    node,
    agreements: Type.Array(agreement, { maxItems: 1000 }),
    happenings: Type.Array(happening, { maxItems: 100 }),
  }),
);

/** The overview as `did` told it, about nobody but itself; undefined where it is not so. */
export function overviewFrom(told: unknown, did: string): Overview | undefined {
  if (!overview.Check(told) || told.node.did !== did) return undefined;
  const own = told.agreements.filter(
    ({ provider, consumer }) => provider === did || consumer === did,
  );
  return { ...told, agreements: own };
}
