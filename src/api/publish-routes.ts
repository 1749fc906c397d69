import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Readable } from "node:stream";
import { Type } from "typebox";
import type { BatchAnswer } from "../client/resources.ts";
import type { Published } from "../flow/local-streams.ts";
import { ComityError } from "../kernel/errors.ts";
import { topicProblem } from "../kernel/topic.ts";
import { mayPublish, nameOfPrincipal, type Principal } from "../things/access.ts";
import { isOver } from "../things/credentials.ts";
import { type ClaimedAnswer, publishClaimed } from "./claimed-publish.ts";
import type { ApiDeps } from "./deps.ts";
import type { MessageToPublish } from "./streams-api.ts";
import type { ApiLimits } from "./limits.ts";
import { allow, callerOf } from "./guard.ts";
import { contentTypeOf, originOf } from "./message-headers.ts";
import { messageIn, MessageLine, payloadLine } from "./message-line.ts";
import { BatchStopped, PublishBatch } from "./publish-batch.ts";
import { answer, RestParams } from "./schemas.ts";

const batchType = "application/x-ndjson";

const headers = Type.Object({
  "comity-producer": Type.Optional(
    Type.String({ description: "Who numbers its messages; a logged stream takes each once." }),
  ),
  "comity-seq": Type.Optional(
    Type.String({ description: "The message's number; in a batch that of its first line." }),
  ),
});

const refusedLine = { line: Type.Integer(), code: Type.String(), message: Type.String() };
const batchAnswer = Type.Object({
  accepted: Type.Integer(),
  repeated: Type.Optional(
    Type.Integer({ description: "Of those accepted, how many the log had under their numbers." }),
  ),
  refused: Type.Array(Type.Object(refusedLine)),
});

/** Publish over plain HTTP, within the caller's own topics. */
export function publishRoutes(scope: FastifyInstance, deps: ApiDeps, limits: ApiLimits): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  // a message is bytes: whatever its type says, it is taken as it is
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => {
    done(null, body);
  });
  // a batch is read as it comes
  app.addContentTypeParser(batchType, ({ raw }, _body, done) => done(null, raw));

  app.post(
    "/publish",
    {
      config: allow("known"),
      schema: {
        summary: "Publish a batch: a line of JSON a message, each with its topic",
        description:
          `The body is ${batchType}, read as it comes; each line is a message of this form: ` +
          `${JSON.stringify(MessageLine.properties)}. A line that is refused touches no other. ` +
          "Where the batch is read no further, `error` says why and `stoppedAt` from which line on.",
        response: { 200: answer<BatchAnswer>("What became of each line.", batchAnswer) },
      },
    },
    async (request, reply) => batch(request, reply, messageIn),
  );

  app.post(
    "/publish/*",
    {
      config: { ...allow("known"), claims: true },
      bodyLimit: limits.bodyBytesMax,
      schema: {
        summary:
          "Publish the body to a topic; a logged stream's message is durable when it answers",
        description:
          "Subscribers are told its Content-Type. Of " +
          `${batchType} each line is a message, and the answer is that of a batch.`,
        params: RestParams,
        headers,
        querystring: Type.Object({
          qos: Type.Optional(Type.Union([Type.Literal(0), Type.Literal(1)])),
          retain: Type.Optional(Type.Boolean()),
        }),
        response: {
          204: Type.Null(),
          200: answer<ClaimedAnswer | BatchAnswer>(
            "Published; the claim code gives way to these credentials. Or what became of a batch.",
          ),
          202: answer<ClaimedAnswer>("Looked at: nobody has accepted this device yet."),
        },
      },
    },
    async (request, reply) => {
      const topic = request.params["*"];
      const problem = topicProblem(topic);
      if (problem !== undefined) throw new ComityError("TOPIC_INVALID", { topic, problem });
      const caller = callerOf(request);
      const { qos = 1, retain = false } = request.query;
      const origin = originOf(request.headers["comity-producer"], request.headers["comity-seq"]);
      if (request.body instanceof Readable) {
        const to = { topic, qos, retain, origin };
        return batch(request, reply, (bytes, line) => payloadLine(bytes, line, to));
      }
      const payload = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const contentType = contentTypeOf(request.headers["content-type"]);
      const message = {
        ...{ topic, payload, qos, retain },
        ...(contentType !== undefined && { contentType }),
        ...(origin !== undefined && { origin }),
      };
      if (caller.kind === "claimant") {
        const answered = await publishClaimed(deps, caller, message, request.ip);
        return reply.code(answered.state === "pending" ? 202 : 200).send(answered);
      }
      await publish(caller, message);
      return reply.code(204).send(null);
    },
  );

  function needPublish(caller: Principal, topic: string): void {
    if (mayPublish(caller, topic)) return;
    const who = nameOfPrincipal(caller);
    throw new ComityError("FORBIDDEN", { who, act: `publish to ${topic}` });
  }

  async function publish(caller: Principal, message: MessageToPublish): Promise<Published> {
    const { topic, payload } = message;
    needPublish(caller, topic);
    const published = await deps.streams.publish(caller, message);
    if (caller.kind === "thing") deps.things.noteSeen(caller.id, topic, payload);
    return published;
  }

  async function batch(
    request: FastifyRequest,
    reply: FastifyReply,
    read: (bytes: Buffer, line: number) => MessageToPublish,
  ): Promise<BatchAnswer | undefined> {
    const { body } = request;
    const caller = callerOf(request);
    if (!(body instanceof Readable) || request.headers["content-encoding"] !== undefined) {
      const problem = `a batch is ${batchType}, as it is and not compressed`;
      throw new ComityError("BODY_INVALID", { problem });
    }
    const lines = new PublishBatch({
      ...{ clock: deps.clock, limits, read },
      publish: (message) => publish(caller, message),
      stillMay() {
        if (!isOver(caller, deps, deps.clock.now())) return;
        throw new ComityError("UNAUTHENTICATED", { problem: "the one sent is good no more" });
      },
    });
    try {
      return await lines.take(body);
    } catch (thrown) {
      if (thrown instanceof BatchStopped) {
        const { code, message, remedy, status } = thrown.error;
        const told = { ...thrown.answer, error: { code, message, remedy } };
        return reply.code(thrown.status ?? status).send(told) as never;
      }
      if (!body.errored) throw thrown;
      // whoever sent it has gone: nobody is there to be told which lines stand
      reply.hijack();
      return undefined;
    }
  }
}
