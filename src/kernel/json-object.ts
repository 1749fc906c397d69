/** What JSON calls an object. */
export type JsonObject = { readonly [member: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value where it is an object; else an empty one. */
export function objectAt(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
