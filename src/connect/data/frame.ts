import { isUtf8 } from "node:buffer";
import type { HandedMessage } from "../../flow/handover.ts";

/** One message as one line of JSON: its payload as text where it is UTF-8, else in base64. */
export function frameOf({ topic, at, position, payload }: HandedMessage): string {
  return JSON.stringify({
    topic,
    ...(at === undefined ? {} : { at }),
    ...(position === undefined ? {} : { position }),
    ...(isUtf8(payload)
      ? { payload: payload.toString("utf8") }
      : { payloadBase64: payload.toString("base64") }),
  });
}
