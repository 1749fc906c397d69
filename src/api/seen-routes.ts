import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import type { ApiDeps } from "./deps.ts";
import { allow, callerOf } from "./guard.ts";
import { IdParams } from "./schemas.ts";
import type { StreamClients } from "./stream-clients.ts";
import { needThing } from "./thing-routes.ts";

/** What a Thing sends, told as it comes: how whoever adds one hears of its first message. */
export function seenRoutes(scope: FastifyInstance, deps: ApiDeps, clients: StreamClients): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/things/:id/seen",
    {
      config: allow("viewer"),
      schema: {
        summary:
          "What the Thing sent last (topic, bytes, start of the payload) and sends from now, at most one a second, as Server-Sent Events",
        params: IdParams,
      },
    },
    (request, reply) => {
      const { id } = needThing(deps.things, request.params.id);
      let end = (): void => {};
      const client = clients.open(reply, () => end(), callerOf(request));
      end = deps.things.seen.follow(id, (seen) => client.send("seen", JSON.stringify(seen)));
    },
  );
}
