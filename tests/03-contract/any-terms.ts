import * as fc from "fast-check";
import type { Charge, Price } from "../../src/kernel/price.ts";
import { recipientClasses } from "../../src/kernel/recipient-class.ts";
import type { Condition } from "../../src/market/grant.ts";
import type { PolicyTerms } from "../../src/market/policy/rules.ts";

/** Any policy the profile can say. */
const name = fc.stringMatching(/^[a-zA-Zé_][\w é-]{0,14}[a-z]$/);
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((levels) => levels.join("."));
const someNames = fc.uniqueArray(name, { minLength: 1, maxLength: 5 });
const level = fc.stringMatching(/^[a-z]{1,4}$/);
const topic = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([levels, all]) => [...levels, ...(all ? ["#"] : [])].join("/"));
const topics = fc.uniqueArray(topic, { minLength: 1, maxLength: 4 });
const ms = fc.integer({ min: Date.UTC(2020), max: Date.UTC(2090) });
const iso = ms.map((at) => new Date(at).toISOString());
const whole = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const seconds = fc.integer({ min: 1, max: 3_000_000_000 });

/** A convex polygon around a place: points on a circle, in order. */
const area = fc
  .tuple(
    fc.integer({ min: 3, max: 12 }),
    fc.integer({ min: -170, max: 170 }),
    fc.integer({ min: -80, max: 80 }),
  )
  .map(([corners, lon, lat]) => {
    const ring = Array.from({ length: corners }, (_, i) => {
      const angle = (2 * Math.PI * i) / corners;
      return [lon + 5 * Math.cos(angle), lat + 5 * Math.sin(angle)];
    });
    return { type: "Polygon" as const, coordinates: [[...ring, ring[0]!]] };
  });

const leaf: fc.Arbitrary<Condition> = fc.oneof(
  topics.map((topic) => ({ topic })),
  ms.map((from) => ({ from })),
  ms.map((until) => ({ until })),
  area.map((within) => ({ within })),
);
const { condition } = fc.letrec<{ condition: Condition; tree: Condition }>((tie) => ({
  condition: fc.oneof({ depthSize: "small", maxDepth: 5 }, leaf, tie("tree")),
  tree: fc
    .array(tie("condition"), { minLength: 1, maxLength: 3 })
    .chain((parts) => fc.constantFrom<Condition>({ all: parts }, { any: parts }, { one: parts })),
}));
/** Of a permission: a tree, for a leaf of its own is one of the terms. */
const tree = condition.map((one) =>
  "all" in one || "any" in one || "one" in one ? one : { any: [one] },
);

const price: fc.Arbitrary<Price> = fc.oneof(
  fc.record({
    amount: fc.integer({ min: 1, max: 9 }).map((n) => `0.00${n}`),
    currency: fc.constantFrom("EUR", "KES", "CLP", "JPY"),
    perMessages: fc.integer({ min: 1, max: 1_000_000 }),
  }),
  fc.constant({ amount: "0", currency: "XXX", perMessages: 1 }),
  fc.record(
    {
      currency: fc.constantFrom("EUR", "KES"),
      charges: fc.constantFrom<Charge[]>(
        [{ perMessages: 1000, amount: "0.5", included: 10_000 }],
        [
          { per: "month", amount: "10" },
          { perBytes: 1_000_000, volume: [{ upTo: 9, amount: "2" }, { amount: "1" }] },
        ],
        [{ perMessages: 1, graduated: [{ upTo: 100, amount: "0.1" }, { amount: "0" }] }],
      ),
      minimum: fc.constantFrom("1", "2.5"),
      cap: fc.constantFrom("100", "2.5"),
      trialDays: fc.integer({ min: 1, max: 90 }),
      costOnly: fc.constant(true as const),
    },
    { requiredKeys: ["currency", "charges"] },
  ),
);
const step = fc.oneof(
  fc.constantFrom(1e-9, 0.01, 0.1, 0.5, 1, 10, 1e9),
  fc.integer({ min: 1, max: 999_999 }).map((n) => n / 1000),
);
const period = fc.uniqueArray(ms, { minLength: 2, maxLength: 2 }).map((both) => {
  const [first = 0, last = 0] = both.sort((a, b) => a - b);
  return [new Date(first).toISOString(), new Date(last).toISOString()] as const;
});

/** Members that no two of drop, round and pseudonymise may name, none inside another. */
const firstLevel = (path: string) => path.split(".", 1)[0];
const members = fc.uniqueArray(path, { minLength: 5, maxLength: 8, selector: firstLevel });
const shape = members
  .chain((paths) =>
    fc.record(
      {
        fields: fc.constant(paths),
        drop: fc.constant([`${paths[0]}.left`]),
        round: step.map((one) => ({ [paths[1]!]: one, [paths[2]!]: 0.25 })),
        pseudonymise: fc.constant(paths.slice(4)),
        shift: fc.integer({ min: 1, max: 36_525 }).map((days) => ({ [paths[3]!]: days })),
        shiftBy: path.filter((one) => one !== paths[3]),
      },
      { requiredKeys: [] },
    ),
  )
  .map(({ shiftBy, ...others }) =>
    // by what the dates are moved is nothing without dates
    others.shift === undefined || shiftBy === undefined ? others : { ...others, shiftBy },
  );

const single = fc.record(
  {
    price,
    topics,
    notAfter: iso,
    lifeSeconds: seconds,
    messagesMax: whole,
    bytesMax: whole,
    rate: fc.record({
      messages: whole,
      seconds: fc.integer({ min: 1, max: 3600 }),
      per: fc.constantFrom("topic" as const, "stream" as const),
    }),
    area,
    purposes: someNames,
    recipients: someNames,
    jurisdictions: fc.uniqueArray(fc.constantFrom("NL", "DE", "NL-ZH", "KE", "US-CA"), {
      minLength: 1,
    }),
    recipientClass: fc.constantFrom(...recipientClasses),
    measures: fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,12}$/), {
      minLength: 1,
      maxLength: 20,
    }),
    noResharing: fc.constant(true),
    deleteAfterSeconds: seconds,
    attribution: fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }).map((t) => `©${t}`),
    when: tree,
    unless: fc.array(condition, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ["price"] },
);

export const anyTerms: fc.Arbitrary<PolicyTerms> = fc
  .tuple(single, shape, fc.option(period), fc.option(period))
  .map(([terms, shaped, delivery, data]) => ({
    ...terms,
    ...shaped,
    ...(delivery && { notBefore: delivery[0], notAfter: delivery[1] }),
    ...(data && { dataFrom: data[0], dataUntil: data[1] }),
  }))
  .filter(({ attribution }) => attribution === undefined || !/\p{Cc}/u.test(attribution));

/** With every list sorted: none of them has an order that means anything, save for a polygon's. */
export function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    const parts = value.map(inOrder);
    const numbers = JSON.stringify(parts).match(/^\[*-?\d/);
    return numbers ? parts : parts.sort((a, b) => (text(a) < text(b) ? -1 : 1));
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, inOrder(member)]));
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? "";
}

/** The same value with its lists and members in another order. */
export function shuffled(value: unknown, next: () => number): unknown {
  const mix = <T>(list: readonly T[]): T[] =>
    list
      .map((one) => ({ one, at: next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one);
  if (Array.isArray(value)) return mix(value.map((one) => shuffled(one, next)));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    mix(Object.entries(value)).map(([key, member]) => [key, shuffled(member, next)]),
  );
}
