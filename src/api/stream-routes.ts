import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { EventStreamLine, type Line, WebSocketLine } from "../flow/lines.ts";
import { lastEventIdOf } from "../flow/stream-id.ts";
import { ComityError } from "../kernel/errors.ts";
import { filterProblem } from "../kernel/topic.ts";
import { maySubscribe, nameOfPrincipal } from "../things/access.ts";
import type { ApiDeps } from "./deps.ts";
import type { FollowedStream } from "./streams-api.ts";
import { allow, callerOf } from "./guard.ts";
import type { ApiLimits } from "./limits.ts";
import { RestParams } from "./schemas.ts";
import type { StreamClients } from "./stream-clients.ts";
import type { StreamSockets } from "./stream-sockets.ts";

const filtersMax = 64;

const lastEventId = Type.Optional(
  Type.String({ description: "Go on after this one; the header Last-Event-ID goes before it." }),
);
const filter = Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: filtersMax })]);
const description =
  "Server-Sent Events, or with an upgrade a WebSocket with a text frame an event. A message of a " +
  "logged stream has an id, and a new request goes on after it with the same filters: nothing is " +
  "missed and nothing comes twice. One that came live has none. The event begin tells how each " +
  "filter is delivered, dropped how many live messages were given up, gap what a log keeps no " +
  "longer. An id that means nothing here any more is answered with 410 (POSITION_GONE).";

/** Follow streams over plain HTTP, within the caller's own topics. */
export function streamRoutes(
  scope: FastifyInstance,
  {
    deps: { streams },
    clients,
    sockets,
    limits: { sseQueueBytesMax },
  }: {
    readonly deps: ApiDeps;
    readonly clients: StreamClients;
    readonly sockets: StreamSockets;
    readonly limits: ApiLimits;
  },
): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();

  app.get(
    "/streams",
    {
      config: allow("known"),
      schema: {
        summary: "Follow the topics of one or more filters, as they come or after an event",
        description,
        querystring: Type.Object({ filter, lastEventId }),
      },
    },
    (request, reply) => {
      const { filter: asked, lastEventId: after } = request.query;
      return follow(request, reply, typeof asked === "string" ? [asked] : asked, after);
    },
  );

  app.get(
    "/streams/*",
    {
      config: allow("known"),
      schema: {
        summary: "Follow a topic filter (write # as %23)",
        description,
        params: RestParams,
        querystring: Type.Object({ lastEventId }),
      },
    },
    (request, reply) => follow(request, reply, [request.params["*"]], request.query.lastEventId),
  );

  async function follow(
    request: FastifyRequest,
    reply: FastifyReply,
    filters: readonly string[],
    asked: string | undefined,
  ): Promise<void> {
    const caller = callerOf(request);
    for (const one of filters) {
      const problem = filterProblem(one);
      if (problem !== undefined) throw new ComityError("FILTER_INVALID", { filter: one, problem });
      if (maySubscribe(caller, one)) continue;
      const who = nameOfPrincipal(caller);
      throw new ComityError("FORBIDDEN", { who, act: `subscribe to ${one}` });
    }
    const lastId = lastEventIdOf(request.headers, asked);
    const followed = await streams.followFrom([...new Set(filters)], lastId);
    clients.needRoom();
    const open = (line: (onReady: () => void) => Line): FollowedStream =>
      streams.follow(followed, line, sseQueueBytesMax);
    reply.hijack();
    const { raw } = reply;
    if (sockets.isAsked(request.raw)) {
      sockets.open(request.raw, raw, (client) => {
        client.on("error", () => client.terminate());
        const stream = open((onReady) => new WebSocketLine(client, onReady));
        client.once("close", closing(stream, clients.add(stream, caller)));
      });
      return;
    }
    if (raw.destroyed) return; // whoever asked has gone meanwhile
    const headers = reply.getHeaders() as Record<string, string>;
    const stream = open((onReady) => new EventStreamLine(raw, onReady, headers));
    raw.once("close", closing(stream, clients.add(stream, caller)));
  }
}

function closing(stream: FollowedStream, leave: () => void): () => void {
  return () => {
    leave();
    stream.close();
  };
}
