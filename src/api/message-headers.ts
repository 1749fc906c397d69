import { ComityError } from "../kernel/errors.ts";
import type { MessageToPublish } from "./streams-api.ts";

/** Who numbers its messages, and this one's number: a logged stream takes each number once. */
export type MessageOrigin = NonNullable<MessageToPublish["origin"]>;

/** What a body says of itself when nobody said anything: curl's `-d`, and "bytes". */
const saysNothing: ReadonlySet<string> = new Set([
  "application/octet-stream",
  "application/x-www-form-urlencoded",
]);

const contentTypePattern = /^[\x20-\x7e]{1,256}$/;
/** No characters that a UTF-8 string of MQTT should not have [MQTT-1.5.4-2]. */
const producerPattern = /^\P{C}{1,256}$/u;

/** What the message says of itself to subscribers (MQTT 5.0 §3.3.2.3.9). */
export function contentTypeOf(said: string | undefined): string | undefined {
  if (said === undefined || saysNothing.has(said.split(";")[0]!.trim().toLowerCase())) {
    return undefined;
  }
  if (contentTypePattern.test(said)) return said;
  throw invalid("a content type has 256 printable ASCII characters at most");
}

/** `producer` and `seq` belong together; BODY_INVALID where they are not what they should be. */
export function originOf(
  producer: string | undefined,
  seq: string | number | undefined,
): MessageOrigin | undefined {
  if (producer === undefined && seq === undefined) return undefined;
  if (producer === undefined || !producerPattern.test(producer)) {
    throw invalid("seq comes with a producer: 1 to 256 characters that can be printed");
  }
  const number = typeof seq === "string" && /^\d{1,16}$/.test(seq) ? Number(seq) : seq;
  if (typeof number === "number" && Number.isSafeInteger(number) && number > 0) {
    return { producer, seq: number };
  }
  throw invalid("producer comes with a seq: a whole number from 1 to 9007199254740991");
}

function invalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem });
}
