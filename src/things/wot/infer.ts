import { isObject, type JsonObject } from "../../kernel/json-object.ts";
import type { Thing } from "../directory.ts";
import { topicOf } from "./thing-description.ts";

export interface Sample {
  readonly topic: string;
  readonly payload: Uint8Array;
}

const propertiesMax = 200;
const membersMax = 64;
const depthMax = 4;

/**
 * A Description drafted from what a Thing has published: each topic below its own is a property,
 * whose schema says what all samples have in common. Bounds and meaning are its owner's to add:
 * the least and the most that were seen are no limits of what may come.
 */
export function inferredTd(
  thing: Pick<Thing, "id" | "title" | "publish">,
  samples: readonly Sample[],
): JsonObject {
  const prefix = topicOf(thing, "");
  const byName = new Map<string, unknown[]>();
  for (const { topic, payload } of samples) {
    const name = topic.startsWith(prefix) ? topic.slice(prefix.length) : "";
    if (name === "" || (!byName.has(name) && byName.size >= propertiesMax)) continue;
    const values = byName.get(name) ?? [];
    values.push(valueOf(payload));
    byName.set(name, values);
  }
  const properties = [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    title: thing.title,
    properties: Object.fromEntries(
      properties.map(([name, values]) => [name, { readOnly: true, ...schemaOf(values, 0) }]),
    ),
  };
}

/** What is no JSON is text. */
function valueOf(payload: Uint8Array): unknown {
  const text = Buffer.from(payload).toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function schemaOf(values: readonly unknown[], depth: number): JsonObject {
  const types = new Set(values.map(typeOf));
  if (types.has("number")) types.delete("integer");
  const [type] = types;
  if (types.size !== 1 || type === undefined) return {};
  if (type === "object") return objectSchema(values.filter(isObject), depth);
  if (type === "array" && depth < depthMax) {
    const items = values.flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : []));
    return items.length === 0 ? { type } : { type, items: schemaOf(items, depth + 1) };
  }
  return { type };
}

/** `{"value": 21.5, "unit": "Cel"}` is a number with its unit, where all say the same. */
function objectSchema(values: readonly JsonObject[], depth: number): JsonObject {
  const units = new Set(values.map((value) => value["unit"] ?? value["u"] ?? value["unitCode"]));
  const numbers = values.map((value) => value["value"] ?? value["v"]);
  const [unit] = units;
  if (units.size === 1 && typeof unit === "string" && numbers.every(Number.isFinite)) {
    return { ...schemaOf(numbers, depth), unit };
  }
  if (depth >= depthMax) return { type: "object" };
  const names = [...new Set(values.flatMap(Object.keys))].slice(0, membersMax);
  const properties = names.map((name) => {
    const present = values.filter((value) => Object.hasOwn(value, name));
    return [
      name,
      schemaOf(
        present.map((value) => value[name]),
        depth + 1,
      ),
    ] as const;
  });
  return { type: "object", properties: Object.fromEntries(properties) };
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
