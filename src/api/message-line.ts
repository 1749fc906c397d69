import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { ComityError, problemOf } from "../kernel/errors.ts";
import { topicProblem } from "../kernel/topic.ts";
import type { MessageToPublish } from "./streams-api.ts";
import { contentTypeOf, type MessageOrigin, originOf } from "./message-headers.ts";

/** One line of a batch: a message with its topic. */
export const MessageLine = Type.Object(
  {
    topic: Type.String(),
    payload: Type.Optional(Type.String({ description: "As text." })),
    payloadBase64: Type.Optional(Type.String({ description: "As bytes, instead of payload." })),
    contentType: Type.Optional(Type.String()),
    qos: Type.Optional(Type.Union([Type.Literal(0), Type.Literal(1)])),
    retain: Type.Optional(Type.Boolean()),
    producer: Type.Optional(Type.String()),
    seq: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
);

/** What holds for every line of a batch to one topic. */
export interface OneTopic extends Pick<MessageToPublish, "topic" | "qos" | "retain"> {
  /** Of the first line; each further one counts on. */
  readonly origin?: MessageOrigin | undefined;
}

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const decoder = new TextDecoder("utf-8", { fatal: true });
let compiled: ReturnType<typeof Compile<typeof MessageLine>> | undefined;

/** The message that a line holds; BODY_INVALID or TOPIC_INVALID where it is none. */
export function messageIn(bytes: Buffer): MessageToPublish {
  const value = jsonIn(bytes);
  compiled ??= Compile(MessageLine);
  if (!compiled.Check(value)) {
    const [first] = compiled.Errors(value);
    throw invalid(`${first?.instancePath ?? ""} ${first?.message ?? "is wrong"}`.trim());
  }
  const { topic, payload, payloadBase64, contentType, qos = 1, retain = false } = value;
  const problem = topicProblem(topic);
  if (problem !== undefined) throw new ComityError("TOPIC_INVALID", { topic, problem });
  const said = contentTypeOf(contentType);
  const origin = originOf(value.producer, value.seq);
  return {
    ...{ topic, payload: payloadIn(payload, payloadBase64), qos, retain },
    ...(said !== undefined && { contentType: said }),
    ...(origin !== undefined && { origin }),
  };
}

/** A line that is the payload itself, of JSON, kept to the byte. */
export function payloadLine(bytes: Buffer, line: number, to: OneTopic): MessageToPublish {
  jsonIn(bytes);
  const { origin, ...rest } = to;
  const message = { ...rest, payload: bytes, contentType: "application/json" };
  if (origin === undefined) return message;
  // by its line, so that the same body sent again has the same numbers
  const seq = origin.seq + (line - 1);
  if (!Number.isSafeInteger(seq)) throw invalid("its number would be above 9007199254740991");
  return { ...message, origin: { ...origin, seq } };
}

function payloadIn(text: string | undefined, base64: string | undefined): Buffer {
  if (text !== undefined && base64 !== undefined) {
    throw invalid("payload and payloadBase64 exclude each other");
  }
  if (base64 === undefined) return Buffer.from(text ?? "");
  if (base64Pattern.test(base64)) return Buffer.from(base64, "base64");
  throw invalid("payloadBase64 is no base64 (RFC 4648 §4)");
}

function jsonIn(bytes: Buffer): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch (failure) {
    throw invalid(`it is no JSON: ${problemOf(failure)}`);
  }
}

function invalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem });
}
