import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { StreamMessage } from "../client/resources.ts";
import { ComityError } from "../kernel/errors.ts";
import { filterProblem, topicProblem } from "../kernel/topic.ts";
import { mayPublish, maySubscribe, nameOfPrincipal } from "../things/access.ts";
import { type ClaimedAnswer, publishClaimed } from "./claimed-publish.ts";
import type { ApiDeps, ApiLimits } from "./deps.ts";
import { allow, callerOf } from "./guard.ts";
import { payloadText } from "./payload-text.ts";
import { answer, RestParams } from "./schemas.ts";
import type { SseClients } from "./sse.ts";

/** Publish and follow streams over plain HTTP, within the caller's own topics. */
export function streamRoutes(
  scope: FastifyInstance,
  deps: ApiDeps,
  clients: SseClients,
  limits: ApiLimits,
): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  // a message is bytes: whatever its type says, it is taken as it is
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => {
    done(null, body);
  });

  app.post(
    "/publish/*",
    {
      config: { ...allow("known"), claims: true },
      bodyLimit: limits.bodyBytesMax,
      schema: {
        summary:
          "Publish the body to a topic; a logged stream's message is durable when it answers",
        params: RestParams,
        querystring: Type.Object({
          qos: Type.Optional(Type.Union([Type.Literal(0), Type.Literal(1)])),
          retain: Type.Optional(Type.Boolean()),
        }),
        response: {
          204: Type.Null(),
          200: answer<ClaimedAnswer>("Published; the claim code gives way to these credentials."),
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
      const payload = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      if (caller.kind === "claimant") {
        const message = { topic, payload, qos, retain };
        const answered = await publishClaimed(deps, caller, message, request.ip);
        return reply.code(answered.state === "pending" ? 202 : 200).send(answered);
      }
      if (!mayPublish(caller, topic)) {
        const who = nameOfPrincipal(caller);
        throw new ComityError("FORBIDDEN", { who, act: `publish to ${topic}` });
      }
      await deps.streams.publish(caller, { topic, payload, qos, retain });
      if (caller.kind === "thing") deps.things.noteSeen(caller.id, topic, payload);
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/streams/*",
    {
      config: allow("known"),
      schema: {
        summary: "Follow a topic filter as Server-Sent Events (write # as %23)",
        params: RestParams,
      },
    },
    (request, reply) => {
      const filter = request.params["*"];
      const problem = filterProblem(filter);
      if (problem !== undefined) throw new ComityError("FILTER_INVALID", { filter, problem });
      const caller = callerOf(request);
      if (!maySubscribe(caller, filter)) {
        const who = nameOfPrincipal(caller);
        throw new ComityError("FORBIDDEN", { who, act: `subscribe to ${filter}` });
      }
      let end = (): void => {};
      const client = clients.open(reply, () => end(), caller);
      end = deps.streams.subscribe(caller, filter, ({ topic, payload, retain }) => {
        const seen: StreamMessage = { topic, ...payloadText(payload), ...(retain && { retain }) };
        client.send("message", JSON.stringify(seen));
      });
    },
  );
}
