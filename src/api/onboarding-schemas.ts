import { type TSchema, Type } from "typebox";
import { Thing } from "./answers.ts";
import { Name, Place, TopicFilters } from "./schemas.ts";

/** What the routes of onboarding take and answer; the types are those of `client/onboarding.ts`. */
const strict = { additionalProperties: false } as const;
const text = Type.String();
const bounded = (maxLength: number) => Type.Optional(Type.String({ minLength: 1, maxLength }));
const texts = Type.Array(text);
const count = Type.Integer({ minimum: 0 });
const time = Type.String({ description: "ISO 8601, UTC." });
const either = (...words: string[]): TSchema => Type.Union(words.map((word) => Type.Literal(word)));
const weekSeconds = 7 * 86_400;

export const ClaimBody = Type.Object(
  {
    seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: weekSeconds, default: 3_600 })),
    devicesMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 1 })),
    topicPrefix: bounded(512),
  },
  strict,
);

export const AcceptBody = Type.Object(
  {
    name: Type.Optional(Name),
    title: bounded(200),
    kind: bounded(200),
    place: Type.Optional(Place),
    publish: Type.Optional(TopicFilters),
    subscribe: Type.Optional(TopicFilters),
    describe: Type.Optional(Type.Boolean()),
    keepsCode: Type.Optional(Type.Boolean()),
  },
  strict,
);

export const Claim = Type.Object({
  id: text,
  state: either("open", "used up", "expired", "revoked"),
  devicesMax: count,
  accepted: count,
  pending: count,
  topicPrefix: Type.Optional(text),
  by: text,
  createdAt: time,
  expiresAt: time,
  revokedAt: Type.Optional(time),
});
export const ClaimCode = Type.Object({ claim: Claim, code: text });

const pending = {
  id: text,
  claim: text,
  name: text,
  suggestedName: text,
  door: either("MQTT", "HTTP"),
  addresses: texts,
  connected: Type.Boolean(),
  listens: Type.Boolean(),
  firstAt: time,
  lastAt: time,
  messages: count,
  outside: count,
  beyond: count,
  topics: Type.Array(
    Type.Object({ topic: text, messages: count, bytes: count, at: time, preview: text }),
  ),
  publish: texts,
  shared: Type.Optional(text),
};
export const Pending = Type.Object(pending);
export const PendingDetail = Type.Object({ ...pending, td: Type.Unknown() });
export const AcceptedDevice = Type.Object({ thing: Thing, listens: Type.Boolean(), until: time });
