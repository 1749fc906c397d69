/** What JSON calls an object. */
export type JsonObject = { readonly [member: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value where it is an object; else an empty one. */
export function objectAt(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** What JSON bytes say; undefined where they are none. */
export function jsonIn(bytes: Uint8Array): unknown {
  try {
    // a view: many a payload is a slice of a large buffer
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** The JSON object that the bytes are; undefined where they are anything else. */
export function objectIn(bytes: Uint8Array): JsonObject | undefined {
  const value = jsonIn(bytes);
  return isObject(value) ? value : undefined;
}
