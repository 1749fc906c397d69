import { isObject, type JsonObject, objectAt } from "../../kernel/json-object.ts";
import { unitOf } from "../../wire/units/codes.ts";
import { kindOf, measureIn } from "./quantity-kinds.ts";

const warningsMax = 20;
const depthMax = 4;

/**
 * Where a Description says of what is measured something that cannot be read or that
 * contradicts itself. It is valid all the same (TD 1.1 leaves `unit` to whoever writes it).
 */
export function measureWarnings(td: JsonObject): string[] {
  // an action's input and output and an event's data are schemas as properties are
  const others = (["actions", "events"] as const).flatMap((kind) =>
    Object.entries(objectAt(td[kind])).flatMap(([name, one]) =>
      membersOf(one, `${kind}.${name}`, 0),
    ),
  );
  return [...membersOf(td["properties"], "properties", 0), ...others].slice(0, warningsMax);
}

function membersOf(members: unknown, path: string, depth: number): string[] {
  if (depth > depthMax) return [];
  return Object.entries(objectAt(members)).flatMap(([name, schema]) => {
    if (!isObject(schema)) return [];
    const field = `${path}.${name}`;
    const own = warningOf(schema);
    const below = membersOf(schema["properties"], `${field}.properties`, depth + 1);
    return [...(own === undefined ? [] : [`${field}.unit ${own}`]), ...below];
  });
}

function warningOf(schema: JsonObject): string | undefined {
  const text = schema["unit"];
  if (typeof text !== "string") return undefined;
  const kind = kindOf(schema);
  const told = kind?.measures.map(({ unit }) => unit).join(" or ");
  const read = unitOf(text);
  if (read === undefined) {
    const instead = told === undefined ? "" : `; ${kind?.title} is told in units such as ${told}`;
    return `"${text}" is none that is known${instead}`;
  }
  if (kind === undefined || measureIn(kind, read.unit) !== undefined) return undefined;
  const { code } = read.unit;
  const inside = code === text ? "" : ` (${code} in UCUM)`;
  return `"${text}"${inside} is none of ${kind.title}, which is told in units such as ${told}`;
}
