import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import type { HealthResource, StatusResource } from "../client/resources.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { sendError } from "./error-answer.ts";
import { allow } from "./guard.ts";
import { answer } from "./schemas.ts";
import { Status } from "./status-answer.ts";

export function statusRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const { node, clock } = deps;
  const startedAt = clock.monotonic();

  app.get(
    "/health",
    {
      config: allow("open"),
      schema: {
        summary: "Is it there?",
        security: [],
        response: { 200: answer<HealthResource>("It is.", answers.Health) },
      },
    },
    async (_, reply) => {
      const failed = node.failed();
      // whoever watches over the node starts another one at 503
      if (failed !== undefined) return sendError(failed, reply, 503);
      const { name, did, version } = node;
      return { status: "ok" as const, name, did, version };
    },
  );

  app.get(
    "/status",
    {
      config: allow("viewer"),
      schema: {
        summary: "What the node does right now",
        response: {
          200: answer<StatusResource>("Connections, links, counts and refusals.", Status),
        },
      },
    },
    async () => {
      const { httpUrl, mqttUrl } = deps.wot.address();
      const products = await deps.products.list();
      const agreements = await deps.agreements.list();
      return {
        name: node.name,
        did: node.did,
        version: node.version,
        mqtt: {
          url: node.mqttUrl(),
          publicUrl: mqttUrl,
          connections: deps.traffic.mqttConnections(),
          listeners: [...deps.traffic.mqttListeners()],
        },
        http: { url: node.httpUrl(), publicUrl: httpUrl },
        counts: {
          things: deps.things.size,
          pending: deps.onboarding.pending.list().length,
          products: products.length,
          agreements: agreements.length,
        },
        links: deps.traffic.links(),
        refusals: deps.traffic.refusals(),
        dropped: deps.traffic.dropped(),
        uptimeSeconds: Math.floor((clock.monotonic() - startedAt) / 1000),
      };
    },
  );
}
