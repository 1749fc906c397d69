import { isObject, type JsonObject, objectAt } from "../../kernel/json-object.ts";
import { unitOf } from "../../wire/units/codes.ts";

/** What may be odd about a reading that was let through all the same. */
export type Flag = "unreadable" | "type" | "unit" | "bounds";

const depthMax = 4;

/** How a reading departs from what its property says of it (TD 1.1 §5.3.2); undefined: it does not. */
export function flagOf(payload: Uint8Array, schema: JsonObject): Flag | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return schema["type"] === undefined || schema["type"] === "string" ? undefined : "unreadable";
  }
  return flagOfValue(value, schema, 0);
}

function flagOfValue(value: unknown, schema: JsonObject, depth: number): Flag | undefined {
  const type = schema["type"];
  const isNumeric = type === "number" || type === "integer";
  if (isNumeric && isObject(value)) return flagOfEnvelope(value, schema);
  if (isNumeric && typeof value === "number") return numberFlag(value, schema);
  if (type === "object" && isObject(value) && depth < depthMax) {
    for (const [name, member] of Object.entries(objectAt(schema["properties"]))) {
      if (!isObject(member) || !Object.hasOwn(value, name)) continue;
      const flag = flagOfValue(value[name], member, depth + 1);
      if (flag !== undefined) return flag;
    }
    return undefined;
  }
  return typeof type !== "string" || fits(value, type) ? undefined : "type";
}

/** A value with its unit beside it, as many devices send it: `{"value": 21, "unit": "Cel"}`. */
function flagOfEnvelope(value: JsonObject, schema: JsonObject): Flag | undefined {
  const number = value["value"] ?? value["v"];
  const unit = value["unit"] ?? value["u"];
  const wanted = schema["unit"];
  if (typeof number !== "number") return "type";
  const isSaid = typeof unit === "string" && typeof wanted === "string";
  if (isSaid && !isSameUnit(unit, wanted)) return "unit";
  return numberFlag(number, schema);
}

/** Two ways of writing one unit, such as `CEL` and `°C`; what no list knows is equal to itself. */
function isSameUnit(one: string, other: string): boolean {
  return one === other || (unitOf(one)?.unit.code ?? one) === (unitOf(other)?.unit.code ?? other);
}

function numberFlag(value: number, schema: JsonObject): Flag | undefined {
  if (schema["type"] === "integer" && !Number.isInteger(value)) return "type";
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const isOutside =
    (typeof minimum === "number" && value < minimum) ||
    (typeof maximum === "number" && value > maximum) ||
    (typeof exclusiveMinimum === "number" && value <= exclusiveMinimum) ||
    (typeof exclusiveMaximum === "number" && value >= exclusiveMaximum);
  return isOutside ? "bounds" : undefined;
}

function fits(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  if (type === "number" || type === "integer") return false;
  return typeof value === type;
}
