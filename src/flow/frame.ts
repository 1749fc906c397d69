import type { HandedMessage } from "./handover.ts";
import { payloadText } from "./payload-text.ts";

/** One message as one line of JSON: its payload as text where it is UTF-8, else in base64. */
export function frameOf({ topic, at, position, payload }: HandedMessage, id?: string): string {
  return JSON.stringify({
    ...(id !== undefined && { id }),
    topic,
    ...(at !== undefined && { at }),
    ...(position !== undefined && { position }),
    ...payloadText(payload),
  });
}
