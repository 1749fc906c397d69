import * as fc from "fast-check";
import type { GeoPolygon } from "../../src/kernel/polygon.ts";
import type { Condition, Grant, Shape } from "../../src/market/grant.ts";

/** What a grant may ask, apart from whose it is. */
export type Terms = Omit<Grant, "agreement" | "consumer" | "product" | "billed" | "log">;

export const beginMs = 1_700_000_000_000;

const lon = fc.integer({ min: -3, max: 3 });
const topicFilter = fc.constantFrom("a/#", "a/1", "+/1", "b/+", "#", "c");
const time = fc.integer({ min: -2_000, max: 8_000 }).map((ms) => beginMs + ms);
const path = fc.constantFrom(
  "id",
  "v",
  "lat",
  "lon",
  "position",
  "position.lat",
  "s.t",
  "s",
  "n.x.y",
);

function box(west: number, south: number, size: number): number[][] {
  const [east, north] = [west + size, south + size];
  return [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ];
}

const area: fc.Arbitrary<GeoPolygon> = fc
  .record({ west: lon, south: lon, size: fc.integer({ min: 1, max: 4 }), hasHole: fc.boolean() })
  .map(({ west, south, size, hasHole }) => {
    const outer = box(west, south, size);
    const hole = box(west + 0.25, south + 0.25, size / 2);
    return { type: "Polygon", coordinates: hasHole ? [outer, hole] : [outer] };
  });

const condition: fc.Arbitrary<Condition> = fc.letrec<{ node: Condition; leaf: Condition }>(
  (tie) => ({
    leaf: fc.oneof(
      fc.record({ topic: fc.array(topicFilter, { minLength: 1, maxLength: 2 }) }),
      fc.record({ from: time, until: time }, { requiredKeys: [] }),
      area.map((within) => ({ within })),
    ),
    node: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      tie("leaf"),
      fc.array(tie("node"), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
      fc.array(tie("node"), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
      fc.array(tie("node"), { minLength: 1, maxLength: 3 }).map((one) => ({ one })),
    ),
  }),
).node;

const paths = fc.uniqueArray(path, { minLength: 1, maxLength: 4 });
const shape: fc.Arbitrary<Shape> = fc.record(
  {
    allow: paths,
    drop: paths,
    round: fc.dictionary(path, fc.constantFrom(1, 0.5, 0.1, 0.01, 0.002), {
      noNullPrototype: true,
    }),
    pseudonymise: paths,
    shift: fc
      .uniqueArray(fc.constantFrom("when", "when", "s.t", "v"), { minLength: 1, maxLength: 2 })
      .map((names) => Object.fromEntries(names.map((name) => [name, 30]))),
    shiftBy: fc.constantFrom("id", "n.x.y", "s.u"),
  },
  { requiredKeys: [] },
);

/** Not every grant asks everything: most of what is published has to get somewhere. */
function perhaps<T>(arbitrary: fc.Arbitrary<T>, percent: number): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { weight: 100 - percent, arbitrary: fc.constant(undefined) },
    { weight: percent, arbitrary },
  );
}

export const terms: fc.Arbitrary<Terms> = fc
  .record({
    filters: fc.oneof(
      { weight: 3, arbitrary: fc.constant(["#"]) },
      { weight: 1, arbitrary: fc.array(topicFilter, { minLength: 1, maxLength: 2 }) },
    ),
    when: perhaps(condition, 40),
    unless: perhaps(fc.array(condition, { maxLength: 2 }), 25),
    shape: perhaps(shape, 40),
    notBefore: perhaps(time, 15),
    notAfter: perhaps(time, 15),
    messagesMax: perhaps(fc.integer({ min: 1, max: 20 }), 30),
    bytesMax: perhaps(fc.integer({ min: 1, max: 600 }), 30),
    rate: perhaps(
      fc.record({
        messages: fc.integer({ min: 1, max: 4 }),
        seconds: fc.integer({ min: 1, max: 3 }),
        per: fc.constantFrom("topic", "stream"),
      }),
      40,
    ),
  })
  .map((all) => {
    const said = Object.entries(all).filter(([, value]) => value !== undefined);
    return Object.fromEntries(said) as unknown as Terms;
  });

const number = fc.integer({ min: -3500, max: 3500 }).map((thousandths) => thousandths / 1000);
const scalar = fc.oneof(number, fc.constantFrom("x", "7", 'q"\\', "ü", true, null, 7, 90, 200));
const date = fc.oneof(
  fc.constantFrom("2024-02-29T23:59:60+01:00", "2024", "2024-03", "2023-02-30", "soon", null),
  fc.constantFrom(1_700_000_000, 1_700_000_000.5, 1_700_000_000_123),
);
const point = fc.record({ lat: scalar, lon: number, alt: scalar }, { requiredKeys: [] });
const object = fc.record(
  {
    id: scalar,
    v: fc.oneof(scalar, fc.array(number, { maxLength: 3 })),
    when: fc.oneof(date, fc.array(date, { maxLength: 2 })),
    lat: number,
    lon: number,
    latitude: number,
    longitude: number,
    position: fc.oneof(point, scalar),
    location: fc.record({ coordinates: fc.array(number, { maxLength: 3 }) }),
    s: fc.array(fc.oneof(fc.record({ t: scalar, u: scalar }), scalar), { maxLength: 3 }),
    n: fc.record({ x: fc.record({ y: scalar, z: scalar }) }),
  },
  { requiredKeys: [] },
);

const payload: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 8, arbitrary: object.map((value) => Buffer.from(JSON.stringify(value))) },
  {
    weight: 1,
    arbitrary: fc
      .record({ id: scalar, v: number })
      .map((value) => Buffer.from(JSON.stringify(value, null, "\t"))),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("", "no JSON", "[1]", '{"id":', '\ufeff{"id":1}', '{"id":1}x')
      .map((text) => Buffer.from(text)),
  },
  { weight: 1, arbitrary: fc.constant(Buffer.from('{"id":"\xff"}', "latin1")) },
);

/** One thing that happens; time goes on by `afterMs` before it, seldom back. */
export type Step = { readonly afterMs: number } & (
  | { readonly do: "publish"; readonly topic: string; readonly payloads: readonly Buffer[] }
  | { readonly do: "break" | "crash" | "acknowledge" }
);

const afterMs = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 700 }) },
  { weight: 1, arbitrary: fc.integer({ min: -900, max: 0 }) },
);
const publish = fc.record({
  do: fc.constant("publish" as const),
  afterMs,
  topic: fc.constantFrom("a/1", "a/2", "b/1", "c"),
  payloads: fc.array(payload, { minLength: 1, maxLength: 5 }),
});

export const prologue: fc.Arbitrary<readonly Step[]> = fc.array(publish, { maxLength: 2 });
export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 7, arbitrary: publish },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom("break", "crash", "acknowledge", "acknowledge"),
        afterMs,
      }),
    },
  ),
  { minLength: 1, maxLength: 12 },
);
