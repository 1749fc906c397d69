import { isObject, type JsonObject, objectIn } from "../../kernel/json-object.ts";
import type { Document, Member } from "./document.ts";

/**
 * The first thing in which a message is not as the vocabulary says; undefined: it conforms. Members
 * that the vocabulary does not name are the sender's own. Nothing that the message holds is said:
 * whoever reads the catalogue reads it.
 */
export function departureOf(
  payload: Uint8Array,
  { messages }: Pick<Document, "messages">,
): string | undefined {
  const value = objectIn(payload);
  if (value === undefined) return "it is no JSON object";
  const type = typeOf(value);
  if (type === undefined) return "it says no type";
  const message = Object.hasOwn(messages, type) ? messages[type] : undefined;
  if (message === undefined) return "its type is not in the vocabulary";
  const missing = message.required.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return `${type}.${missing} is missing`;
  for (const [name, member] of Object.entries(message.members)) {
    if (!Object.hasOwn(value, name)) continue;
    const problem = problemOfMember(value[name], member);
    if (problem !== undefined) return `${type}.${name} ${problem}`;
  }
  return undefined;
}

/** FHIR says `resourceType` (R5 §2.6.3), everybody else `type`. */
function typeOf({ type, resourceType }: JsonObject): string | undefined {
  const said = type ?? resourceType;
  return typeof said === "string" ? said : undefined;
}

function problemOfMember(value: unknown, member: Member): string | undefined {
  const { type, minimum = -Infinity, maximum = Infinity } = member;
  if (kindOf(value) !== type) return `is ${kindOf(value)}, not ${type}`;
  if (typeof value !== "number") return undefined;
  if (value < minimum) return `is below ${minimum}`;
  return value > maximum ? `is above ${maximum}` : undefined;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return isObject(value) ? "object" : typeof value;
}
