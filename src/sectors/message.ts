import { isObject, type JsonObject } from "../kernel/json-object.ts";

/**
 * A sector's message. Undefined: some other JSON, not this reader's. Throws where it is no JSON at
 * all, which the room counts as `unreadable`: a stream that breaks is seen.
 */
export function messageIn(payload: Uint8Array): JsonObject | undefined {
  // a view: many a payload is a slice of a large buffer
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString("utf8");
  const said: unknown = JSON.parse(text);
  return isObject(said) ? said : undefined;
}
