import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import type { StreamMessage } from "../client/resources.ts";
import { ComityError } from "../kernel/errors.ts";
import { filterProblem } from "../kernel/topic.ts";
import { maySubscribe, nameOfPrincipal } from "../things/access.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, callerOf } from "./guard.ts";
import { payloadText } from "./payload-text.ts";
import { RestParams } from "./schemas.ts";
import type { SseClients } from "./sse.ts";

/** Follow streams over plain HTTP, within the caller's own topics. */
export function streamRoutes(scope: FastifyInstance, deps: ApiDeps, clients: SseClients): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
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
