import { readFileSync } from "node:fs";
import { Type, type Static, type TSchema } from "typebox";
import { Value } from "typebox/value";
import { parse } from "yaml";
import { ComityError, problemOf } from "../kernel/errors.ts";

/** The form of `world.yaml`; the file itself says what each part means. */
const text = Type.String({ minLength: 1 });
const positive = Type.Number({ exclusiveMinimum: 0 });
const closed = { additionalProperties: false } as const;
const object = <T extends Record<string, TSchema>>(members: T) => Type.Object(members, closed);

const point = Type.Tuple([Type.Number(), Type.Number()]);
const place = object({ lat: Type.Number(), lon: Type.Number(), name: Type.Optional(text) });
const clock = object({ pace: positive, startAt: Type.Optional(text) });

const roads = object({
  junctions: Type.Record(Type.String(), point),
  segments: Type.Array(
    object({
      from: text,
      to: text,
      via: Type.Optional(Type.Array(point)),
      freeKmh: positive,
      peakLoss: Type.Number({ minimum: 0, maximum: 0.95 }),
    }),
  ),
});

const transit = object({
  kind: Type.Literal("transit"),
  lines: Type.Array(
    object({ line: text, stops: Type.Array(text, { minItems: 2 }), buses: positive }),
  ),
});

const solar = object({
  kind: Type.Literal("solar-grid"),
  cloudCover: Type.Number({ minimum: 0, maximum: 1 }),
  plants: Type.Array(
    object({
      name: text,
      title: text,
      place,
      peakMw: positive,
      inverterMw: positive,
      tilt: Type.Number(),
      facing: Type.Number(),
    }),
    { minItems: 1 },
  ),
  system: object({
    peakMw: positive,
    windMw: positive,
    hydroMw: positive,
    gasMw: positive,
    coalFloorMw: positive,
  }),
});

const farm = object({
  kind: Type.Literal("farm"),
  altitude: Type.Number(),
  cloudCover: Type.Number({ minimum: 0, maximum: 1 }),
  temperature: object({ mean: Type.Number(), swing: Type.Number() }),
  /** mm an hour that the pumps give to all parcels, and what they draw for it. */
  irrigation: object({ pumpKw: positive, millimetresPerHour: positive }),
  soil: object({
    fieldCapacity: positive,
    wiltingPoint: positive,
    rootDepth: positive,
    cropCoefficient: positive,
    depletionFraction: positive,
  }),
  parcels: Type.Array(
    object({ name: text, title: text, place, hectares: positive, depletion: Type.Number() }),
    { minItems: 1 },
  ),
});

const hospital = object({
  kind: Type.Literal("hospital"),
  beds: Type.Array(
    object({
      name: text,
      heartRate: positive,
      breathRate: positive,
      saturation: positive,
      variability: positive,
      /** % at the start, and how many hours a full battery lasts. */
      battery: positive,
      batteryHours: positive,
    }),
  ),
  ambulances: Type.Array(object({ name: text, at: text })),
});

const factory = object({
  kind: Type.Literal("factory"),
  baseKw: positive,
  lifeHours: positive,
  overhaulHours: positive,
  pump: object({
    rpm: positive,
    shutoff: positive,
    curve: positive,
    bestFlow: positive,
    bestEfficiency: positive,
    lift: Type.Number(),
    friction: positive,
    motorKw: positive,
  }),
  pumps: Type.Array(object({ name: text, wear: Type.Number(), speed: positive })),
});

const source = object({ kind: text, from: text, topic: text });

const indicator = object({ kind: text, filters: Type.Array(text, { minItems: 1 }) });

const product = object({
  id: text,
  title: text,
  description: text,
  template: text,
  keywords: Type.Array(text),
  topics: Type.Array(text, { minItems: 1 }),
  delivery: Type.Union([Type.Literal("live"), Type.Literal("logged")]),
  price: object({ amount: text, perMessages: Type.Integer({ minimum: 1 }) }),
  fields: Type.Optional(Type.Array(text)),
  purposes: Type.Optional(Type.Array(text)),
  clock: Type.Optional(Type.Union([Type.Literal("sun"), Type.Literal("traffic")])),
});

const node = object({
  name: Type.String({ pattern: "^[a-z0-9-]{1,64}$" }),
  title: text,
  country: Type.String({ pattern: "^[A-Z]{2}$" }),
  currency: Type.String({ pattern: "^[A-Z]{3}$" }),
  place,
  devices: Type.Union([transit, solar, farm, hospital, factory]),
  sources: Type.Array(source),
  indicators: Type.Array(indicator),
  products: Type.Array(product),
});

const agreement = object({
  consumer: text,
  provider: text,
  product: text,
  actor: text,
  sentence: text,
  indicator: Type.Optional(text),
  settings: Type.Record(Type.String(), Type.Number()),
});

const world = object({
  seed: Type.Integer(),
  ports: object({ http: Type.Integer(), mqtt: Type.Integer() }),
  receiptWindowMs: Type.Integer({ minimum: 100 }),
  clocks: object({ sun: clock, traffic: clock }),
  incidentsPerHour: Type.Number({ minimum: 0 }),
  roads,
  nodes: Type.Array(node, { minItems: 2 }),
  agreements: Type.Array(agreement, { minItems: 1 }),
});

export type WorldConfig = Static<typeof world>;
export type NodeConfig = Static<typeof node>;
export type ProductConfig = Static<typeof product>;
export type AgreementConfig = Static<typeof agreement>;
export type TransitConfig = Static<typeof transit>;
export type SolarConfig = Static<typeof solar>;
export type FarmConfig = Static<typeof farm>;
export type HospitalConfig = Static<typeof hospital>;
export type FactoryConfig = Static<typeof factory>;

/** CONFIG_INVALID names the member that is wrong. */
export function parseWorld(yaml: string, file: string): WorldConfig {
  let value: unknown;
  try {
    value = parse(yaml);
  } catch (error) {
    throw new ComityError("CONFIG_INVALID", { problem: `${file}: ${problemOf(error)}` });
  }
  if (!Value.Check(world, value)) {
    const [first] = Value.Errors(world, value);
    const where = first?.instancePath === "" ? "the file" : (first?.instancePath ?? "the file");
    const problem = `${file}: ${where} ${first?.message ?? "is not right"}`;
    throw new ComityError("CONFIG_INVALID", { problem });
  }
  const problem = referenceProblem(value);
  if (problem !== undefined)
    throw new ComityError("CONFIG_INVALID", { problem: `${file}: ${problem}` });
  return value;
}

export function loadWorld(file: string | URL): WorldConfig {
  const name = typeof file === "string" ? file : "world.yaml";
  try {
    return parseWorld(readFileSync(file, "utf8"), name);
  } catch (error) {
    if (error instanceof ComityError) throw error;
    throw new ComityError("CONFIG_INVALID", { problem: `${name}: ${problemOf(error)}` });
  }
}

/** A name that stands for nothing, or undefined. */
function referenceProblem(world: WorldConfig): string | undefined {
  const names = new Set(world.nodes.map(({ name }) => name));
  if (names.size < world.nodes.length) return "two nodes have one name";
  for (const { consumer, provider, product } of world.agreements) {
    const what = `the agreement ${provider} → ${consumer} on ${product}`;
    if (consumer === provider) return `${what} has one node on both sides`;
    const seller = world.nodes.find(({ name }) => name === provider);
    if (!names.has(consumer) || !seller) return `${what} names a node that is not there`;
    if (!seller.products.some(({ id }) => id === product)) return `${what} names no product`;
  }
  return undefined;
}
