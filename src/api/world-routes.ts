import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import type { Overview, World } from "../client/world.ts";
import type { ApiDeps } from "./deps.ts";
import { allow } from "./guard.ts";
import { answer } from "./schemas.ts";
import type { StreamClients } from "./stream-clients.ts";
import { newHappenings, type WorldView } from "./world.ts";

export async function worldRoutes(
  scope: FastifyInstance,
  deps: ApiDeps,
  world: WorldView,
  clients: StreamClients,
): Promise<void> {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const access = allow(deps.node.publicWorld ? "open" : "viewer");

  app.get(
    "/api/v1/world",
    {
      config: access,
      schema: {
        summary: "This node and its peers, their Things, agreements and totals",
        response: { 200: answer<World>("The world.") },
      },
    },
    async () => world.world(),
  );

  app.get(
    "/api/v1/world/live",
    {
      config: access,
      schema: { summary: "The same once a second (event: world), and each event: happening" },
    },
    (request, reply) => {
      const ends: (() => void)[] = [];
      const client = clients.open(reply, () => ends.forEach((end) => end()), request.caller);
      const seen = new Set<string>();
      let first = true;
      ends.push(
        world.watch((now) => {
          client.send("world", JSON.stringify(now));
          const happenings = newHappenings(seen, now.happenings);
          // the first world carries what happened before
          if (!first) for (const one of happenings) client.send("happening", JSON.stringify(one));
          first = false;
        }),
      );
    },
  );

  if (!deps.node.publicWorld) return;
  app.get(
    "/comity/v1/overview",
    {
      config: allow("open"),
      schema: {
        summary: "This node's own part of the world, for its peers",
        response: { 200: answer<Overview>("The overview.") },
      },
    },
    async () => world.overview(),
  );
}
