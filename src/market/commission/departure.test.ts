import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { changesBetween, levelOf } from "./changes.ts";
import { departureOf } from "./departure.ts";
import type { Content, Member } from "./document.ts";

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

const messages = {
  Bus: {
    title: "A bus",
    source: "https://example.org",
    required: ["id", "location"],
    members: {
      id: { type: "string" },
      location: { type: "object" },
      speed: { type: "number", unit: "km/h", minimum: 0, maximum: 120 },
      stops: { type: "array" },
      full: { type: "boolean" },
    },
  },
} satisfies Content["messages"];

test("departure - the first thing that is otherwise is named, what is not named is free", () => {
  const bus = { type: "Bus", id: "7", location: {}, speed: 120, stops: [], full: false, own: null };
  const cases: readonly [unknown, string | undefined][] = [
    [bus, undefined],
    [{ ...bus, speed: 120.1 }, "Bus.speed is above 120"],
    [{ ...bus, speed: -1 }, "Bus.speed is below 0"],
    [{ ...bus, speed: "50" }, "Bus.speed is string, not number"],
    [{ ...bus, stops: {} }, "Bus.stops is object, not array"],
    [{ ...bus, location: [] }, "Bus.location is array, not object"],
    [{ ...bus, full: null }, "Bus.full is null, not boolean"],
    [{ ...bus, id: undefined }, "Bus.id is missing"],
    [{ ...bus, type: "Tram" }, "its type is not in the vocabulary"],
    [{ ...bus, type: "__proto__" }, "its type is not in the vocabulary"],
    [{ ...bus, type: undefined, resourceType: "Bus" }, undefined],
    [{ id: "7" }, "it says no type"],
    [[bus], "it is no JSON object"],
    ["text", "it is no JSON object"],
  ];
  for (const [value, departure] of cases) {
    assert.equal(departureOf(bytes(value), { messages }), departure, JSON.stringify(value));
  }
  assert.equal(departureOf(Buffer.from([0xff, 0x00]), { messages }), "it is no JSON object");
});

const names = ["a", "b", "c", "__proto__"] as const;
const bound = fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined });
const member: fc.Arbitrary<Member> = fc
  .record({
    type: fc.constantFrom("string", "number", "boolean", "object", "array"),
    minimum: bound,
    maximum: bound,
    unit: fc.constantFrom(undefined, "m", "km"),
  })
  .map(({ type, minimum, maximum, unit }): Member => {
    if (type !== "number") return { type };
    return {
      type,
      ...(minimum !== undefined && { minimum }),
      ...(maximum !== undefined && { maximum }),
      ...(unit !== undefined && { unit }),
    };
  });
const content: fc.Arbitrary<Content> = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom("M", "N"),
      fc.uniqueArray(fc.tuple(fc.constantFrom(...names), member, fc.boolean()), {
        selector: ([name]) => name,
      }),
    ),
    { selector: ([name]) => name },
  )
  .map((all): Content => {
    const entries = all.map(([name, members]) => {
      const required = members.flatMap(([one, , isRequired]) => (isRequired ? [one] : []));
      const named = Object.fromEntries(members.map(([one, model]) => [one, model]));
      return [name, { title: "t", source: "s", required, members: named }];
    });
    const template = { product: {}, terms: {} };
    return {
      sector: "x",
      title: "X",
      messages: Object.fromEntries(entries),
      indicators: {},
      template,
    };
  });
/** One that is near it: a bound, a member, what is required. */
const nearby = content.chain((old) =>
  fc.tuple(
    fc.constant(old),
    fc.oneof(
      content,
      fc
        .record({ bound: fc.constantFrom("minimum", "maximum"), to: bound, drop: fc.boolean() })
        .map(({ bound: which, to, drop }): Content => {
          const next = structuredClone(old);
          for (const message of Object.values(next.messages)) {
            if (drop) message.required.pop();
            for (const [name, model] of Object.entries(message.members)) {
              if (model.type !== "number") continue;
              const { [which as "minimum"]: _gone, ...rest } = model;
              message.members[name] = { ...rest, ...(to !== undefined && { [which]: to }) };
            }
          }
          return next;
        }),
    ),
  ),
);
/** One that conforms, but for what no value fits: members by the drawn numbers. */
function messageOf({ messages }: Content, draws: readonly number[]): string | undefined {
  const types = Object.keys(messages);
  const type = types[draws[0]! % types.length];
  if (type === undefined) return undefined;
  const { members, required } = messages[type]!;
  const said: [string, unknown][] = [
    ["type", type],
    ["own", draws],
  ];
  for (const [at, [name, { type: kind, minimum, maximum }]] of Object.entries(members).entries()) {
    const draw = draws[at + 1]!;
    if (draw % 3 === 0 && !required.includes(name)) continue;
    const low = minimum ?? (maximum ?? 0) - 5;
    const high = maximum ?? low + 10;
    const number = low + (draw % (Math.max(0, high - low) + 1));
    const values = { string: "", number, boolean: true, object: {}, array: [] };
    said.push([name, values[kind]]);
  }
  return JSON.stringify(Object.fromEntries(said));
}
const draws = fc.array(fc.nat(1_000), { minLength: 6, maxLength: 6 });

test("departure - what conforms to a version conforms to the next one that does not break", () => {
  let compared = 0;
  let broken = 0;
  const property = fc.property(nearby, fc.array(draws, { minLength: 8 }), ([old, next], all) => {
    const conforming = all
      .map((numbers) => messageOf(old, numbers))
      .filter((text) => text !== undefined && departureOf(Buffer.from(text), old) === undefined)
      .map((text) => Buffer.from(text!));
    const departures = conforming.map((text) => departureOf(text, next));
    const isBreaking = levelOf(changesBetween(old, next)) === "major";
    if (!isBreaking) for (const departure of departures) assert.equal(departure, undefined);
    if (isBreaking) broken += departures.filter((departure) => departure !== undefined).length;
    else compared += conforming.length;
  });
  fc.assert(property, { numRuns: 2_000 });
  // and it is no empty claim: many were compared, and what breaks does refuse some
  assert.ok(compared > 1_000 && broken > 1_000, `${compared} compared, ${broken} broken`);
});
