import type { McpServer } from "@modelcontextprotocol/server";
import { type Static, Type } from "typebox";
import type { ComityHttp } from "../../client/http.ts";
import type { LogLine, StreamMessage } from "../../client/resources.ts";
import { ComityError } from "../../kernel/errors.ts";
import { filterProblem } from "../../kernel/topic.ts";
import { offerNamed, streamOf } from "./products.ts";
import { AgreementId, closed, count, Message, text } from "./shapes.ts";
import { addTool } from "./tool.ts";

type Message = Static<typeof Message>;

const messagesMax = 1_000;
const messagesDefault = 20;
/** Below the minute after which clients give a call up. */
const secondsMax = 50;
const secondsDefault = 10;
/** What an answer holds of payloads; an agent's context is small. */
const answerBytesMax = 262_144;

/** Reading: live for a while, or the past by position, and always under an agreement. */
export function addStreamTools(server: McpServer, node: ComityHttp): void {
  addReadTool(server, node);
  addHistoryTool(server, node);
  addSampleTool(server, node);
}

function addReadTool(server: McpServer, node: ComityHttp): void {
  addTool(server, "read_stream", {
    title: "Read a stream",
    description:
      "Waits for messages under an agreement and gives them: at most so many, for at most so " +
      "many seconds, whichever comes first.",
    input: Type.Object(
      {
        agreement: AgreementId,
        topic: Type.Optional(
          Type.String({
            description: "An MQTT topic filter below the product, such as bus-7/#; absent: all.",
            maxLength: 512,
          }),
        ),
        messages: Type.Optional(
          Type.Integer({ minimum: 1, maximum: messagesMax, default: messagesDefault }),
        ),
        seconds: Type.Optional(
          Type.Integer({ minimum: 1, maximum: secondsMax, default: secondsDefault }),
        ),
      },
      closed,
    ),
    output: Type.Object({
      messages: Type.Array(Message),
      endedBecause: text("messages, seconds, bytes, or what ended the agreement."),
    }),
    async run({ agreement, topic = "#", messages = messagesDefault, seconds = 10 }, signal) {
      const problem = filterProblem(topic);
      if (problem !== undefined)
        throw new ComityError("FILTER_INVALID", { filter: topic, problem });
      const bought = await node.agreement(agreement);
      const stands = await streamOf(node, bought);
      if (bought.ended) {
        const { reason } = bought.ended;
        throw new ComityError("AGREEMENT_ENDED", { agreement, reason });
      }
      const read = await readLive(node, `${stands}/${topic}`, { messages, seconds, signal });
      const cut = stands.length + 1;
      return { ...read, messages: read.messages.map((one) => ownTopic(one, cut)) };
    },
  });
}

function addHistoryTool(server: McpServer, node: ComityHttp): void {
  addTool(server, "query_history", {
    title: "Query history",
    description:
      "What was received under an agreement on a logged product, by position, oldest first; go " +
      "on with after = next. What was received before an agreement ended stays readable.",
    input: Type.Object(
      {
        agreement: AgreementId,
        after: Type.Optional(
          Type.Integer({ minimum: 0, description: "From this position on; absent: the oldest." }),
        ),
        messages: Type.Optional(
          Type.Integer({ minimum: 1, maximum: messagesMax, default: messagesDefault }),
        ),
      },
      closed,
    ),
    output: Type.Object({
      messages: Type.Array(Message),
      next: count("The position after the last message given."),
      end: count("The position after the newest message there is."),
    }),
    async run({ agreement, after = 0, messages = messagesDefault }) {
      const bought = await node.agreement(agreement);
      if (bought.delivery === "live") {
        const act = "asking for its history";
        const state = "on a live product, which nobody keeps";
        throw new ComityError("STATE_INVALID", { what: "Agreement", id: agreement, state, act });
      }
      return readLogged(node, await streamOf(node, bought), after, messages);
    },
  });
}

function addSampleTool(server: McpServer, node: ComityHttp): void {
  addTool(server, "sample", {
    title: "Sample a product",
    description:
      "The last messages of a product, at most ten, as its offer lets them through: free, and " +
      "without an agreement. A peer's product can be asked for once a minute.",
    input: Type.Object(
      {
        product: Type.String({ description: "An offer's id or a product's.", maxLength: 512 }),
        provider: Type.Optional(Type.String({ maxLength: 512 })),
      },
      closed,
    ),
    output: Type.Object({ messages: Type.Array(Message) }),
    async run({ product, provider }) {
      const offer = await offerNamed(node, product, provider);
      const { messages } = await node.sample(offer.product, offer.provider);
      return {
        messages: messages.map(({ topic, at, ...payload }) => ({
          ...{ topic, at: new Date(at).toISOString() },
          ...payloadOf(payload),
        })),
      };
    },
  });
}

async function readLogged(node: ComityHttp, log: string, after: number, limit: number) {
  const messages: Message[] = [];
  const end = (await node.logs()).find((one) => one.log === log)?.end ?? 0;
  let next = after;
  let bytes = 0;
  if (end === 0) return { messages, next, end }; // nothing has come yet
  for await (const line of node.readLog(log, { after, limit })) {
    bytes += bytesOf(line);
    if (messages.length > 0 && bytes > answerBytesMax) break;
    const { position, at, topic } = line;
    const logged = new Date(at).toISOString();
    messages.push({ topic, position, at: logged, ...payloadOf(line) });
    next = position + 1;
  }
  return { messages, next, end };
}

async function readLive(
  node: ComityHttp,
  filter: string,
  limits: { readonly messages: number; readonly seconds: number; readonly signal: AbortSignal },
): Promise<{ messages: Message[]; endedBecause: string }> {
  const messages: Message[] = [];
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), limits.seconds * 1000);
  let bytes = 0;
  try {
    const signal = AbortSignal.any([enough.signal, limits.signal]);
    for await (const message of node.stream(filter, signal)) {
      bytes += bytesOf(message);
      if (messages.length > 0 && bytes > answerBytesMax) return { messages, endedBecause: "bytes" };
      const { topic, retain } = message;
      messages.push({ topic, ...payloadOf(message), ...(retain === true && { retained: true }) });
      if (messages.length >= limits.messages) return { messages, endedBecause: "messages" };
    }
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    enough.abort();
  }
  return { messages, endedBecause: "seconds" };
}

function payloadOf({ payload, payloadBase64 }: Pick<LogLine, "payload" | "payloadBase64">) {
  if (payload !== undefined) return { payload };
  return payloadBase64 === undefined ? {} : { payloadBase64 };
}

function bytesOf({ topic, payload, payloadBase64 }: LogLine | StreamMessage): number {
  return topic.length + (payload ?? payloadBase64 ?? "").length;
}

/** Without the prefix under which a received stream stands here. */
function ownTopic(message: Message, cut: number): Message {
  return { ...message, topic: message.topic.slice(cut) };
}
