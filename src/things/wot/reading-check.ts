import { isObject, type JsonObject, objectAt } from "../../kernel/json-object.ts";
import { type ReadUnit, type UnitList, unitOf } from "../../wire/units/codes.ts";
import { convert, ucumUnit, type Unit } from "../../wire/units/unit.ts";
import { kindOf, measureIn, type QuantityKind } from "./quantity-kinds.ts";

/**
 * What may be odd about a reading that was let through all the same, the gravest where there is
 * more: it cannot be read, is of another type, measures something else, cannot be, lies beyond
 * what its Description allows, or came in another unit of the same dimension.
 */
export type Flag = "unreadable" | "type" | "dimension" | "physical" | "bounds" | "unit";

/** What is odd, and where in an object: `wind.speed`; empty: the reading as a whole. */
export interface Odd {
  readonly flag: Flag;
  readonly member: string;
}

/** How a reading departs from what its property says of it (TD 1.1 §5.3.2); undefined: it does not. */
export type ReadingCheck = (payload: Uint8Array) => Odd | undefined;

type ValueCheck = (value: unknown) => Odd | undefined;

const depthMax = 4;

/** What can be known before a reading comes is found out here, once. */
export function readingCheck(schema: JsonObject): ReadingCheck {
  const check = valueCheck(schema, "", 0);
  const isText = schema["type"] === undefined || schema["type"] === "string";
  return (payload) => {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(payload).toString("utf8"));
    } catch {
      return isText ? undefined : { flag: "unreadable", member: "" };
    }
    return check(value);
  };
}

function valueCheck(schema: JsonObject, member: string, depth: number): ValueCheck {
  const type = schema["type"];
  if (type === "object" && depth < depthMax) return objectCheck(schema, member, depth);
  const isNumeric = type === "number" || type === "integer";
  const check = isNumeric
    ? numericCheck(schema)
    : (value: unknown) => (typeof type !== "string" || fits(value, type) ? undefined : "type");
  return (value) => {
    const flag = check(value);
    return flag && { flag, member };
  };
}

/** The first member that is odd. */
function objectCheck(schema: JsonObject, path: string, depth: number): ValueCheck {
  const members = Object.entries(objectAt(schema["properties"])).flatMap(([name, member]) => {
    if (!isObject(member)) return [];
    const check = valueCheck(member, path === "" ? name : `${path}.${name}`, depth + 1);
    return [[name, check] as const];
  });
  return (value) => {
    if (!isObject(value)) return { flag: "type", member: path };
    for (const [name, check] of members) {
      const odd = Object.hasOwn(value, name) ? check(value[name]) : undefined;
      if (odd !== undefined) return odd;
    }
    return undefined;
  };
}

interface Numeric {
  readonly isWhole: boolean;
  /** As the Description writes it. */
  readonly unit: string | undefined;
  readonly read: ReadUnit | undefined;
  readonly kind: QuantityKind | undefined;
  /** In the property's own unit. */
  readonly declared: Bounds;
  readonly physical: Bounds;
}

interface Bounds {
  readonly minimum: number;
  readonly maximum: number;
  readonly exclusiveMinimum: number;
  readonly exclusiveMaximum: number;
}

function numericCheck(schema: JsonObject): (value: unknown) => Flag | undefined {
  const unit = typeof schema["unit"] === "string" ? schema["unit"] : undefined;
  const read = unit === undefined ? undefined : unitOf(unit);
  const kind = kindOf(schema);
  const numeric: Numeric = {
    ...{ isWhole: schema["type"] === "integer", unit, read, kind },
    declared: boundsOf(schema),
    physical: physicalBounds(kind, read?.unit),
  };
  return (value) => {
    if (typeof value === "number") return numberFlag(value, numeric);
    return isObject(value) ? envelopeFlag(value, numeric) : "type";
  };
}

const unbounded: Bounds = {
  ...{ minimum: -Infinity, maximum: Infinity },
  ...{ exclusiveMinimum: -Infinity, exclusiveMaximum: Infinity },
};

function boundsOf(schema: JsonObject): Bounds {
  if (!Object.keys(unbounded).some((name) => typeof schema[name] === "number")) return unbounded;
  const bound = (name: keyof Bounds, none: number): number =>
    typeof schema[name] === "number" ? schema[name] : none;
  return {
    minimum: bound("minimum", -Infinity),
    maximum: bound("maximum", Infinity),
    exclusiveMinimum: bound("exclusiveMinimum", -Infinity),
    exclusiveMaximum: bound("exclusiveMaximum", Infinity),
  };
}

/** In the given unit; no bounds where it is not one of the kind's. */
function physicalBounds(kind: QuantityKind | undefined, unit: Unit | undefined): Bounds {
  const measure = kind && unit && measureIn(kind, unit);
  const own = measure && ucumUnit(measure.unit);
  if (unit === undefined || measure === undefined || own === undefined) return unbounded;
  const bound = (value: number | undefined): number | undefined =>
    value === undefined ? undefined : convert(value, own, unit);
  return boundsOf({ minimum: bound(measure.minimum), maximum: bound(measure.maximum) });
}

function numberFlag(value: number, { isWhole, declared, physical }: Numeric): Flag | undefined {
  // 1e400 is JSON, and no measurement
  if (!Number.isFinite(value)) return "physical";
  if (isWhole && !Number.isInteger(value)) return "type";
  if (isOutside(value, physical)) return "physical";
  return isOutside(value, declared) ? "bounds" : undefined;
}

function isOutside(value: number, bounds: Bounds): boolean {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = bounds;
  return (
    value < minimum || value > maximum || value <= exclusiveMinimum || value >= exclusiveMaximum
  );
}

/** Whose list the member's name tells: SenML's (RFC 8428 §4.3), or NGSI-LD's and schema.org's. */
const unitMembers: readonly (readonly [string, UnitList | undefined])[] = [
  ["unit", undefined],
  ["u", "senml"],
  ["unitCode", "rec20"],
];

/** A value with its unit beside it, as many devices send it: `{"value": 21, "unit": "Cel"}`. */
function envelopeFlag(envelope: JsonObject, numeric: Numeric): Flag | undefined {
  const value = envelope["value"] ?? envelope["v"];
  if (typeof value !== "number") return "type";
  for (const [member, list] of unitMembers) {
    const unit = envelope[member];
    if (typeof unit === "string") return flagInUnit(value, unit, list, numeric);
  }
  return numberFlag(value, numeric);
}

function flagInUnit(
  value: number,
  text: string,
  list: UnitList | undefined,
  numeric: Numeric,
): Flag | undefined {
  const { unit: declared, read, kind } = numeric;
  if (text === declared) return numberFlag(value, numeric);
  const unit = unitOf(text, list)?.unit;
  if (declared === undefined) {
    if (unit === undefined || kind === undefined) return numberFlag(value, numeric);
    if (measureIn(kind, unit) === undefined) return "dimension";
    return numberFlag(value, { ...numeric, physical: physicalBounds(kind, unit) });
  }
  // what cannot be read can still be another text than the Description's
  if (unit === undefined || read === undefined) return numberFlag(value, numeric) ?? "unit";
  if (unit.code === read.unit.code) return numberFlag(value, numeric);
  if (unit.dimension !== read.unit.dimension) return "dimension";
  const converted = convert(value, unit, read.unit);
  if (converted === undefined) return "physical";
  // a whole number of another unit need not be one of this
  return numberFlag(converted, { ...numeric, isWhole: false }) ?? "unit";
}

function fits(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  return typeof value === type;
}
