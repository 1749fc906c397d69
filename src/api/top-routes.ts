import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { TopResource } from "../client/top.ts";
import { openMetricsType } from "../wire/open-metrics.ts";
import type { ApiDeps } from "./deps.ts";
import { allow } from "./guard.ts";
import { metricsText } from "./metrics.ts";
import { answer } from "./schemas.ts";
import { Top } from "./top-schema.ts";

const rowsDefault = 10;
const rowsMax = 1_000;
/** Of clients, topics and agreements each: what a scrape may make of series. */
const seriesMax = 50;

export function topRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/top",
    {
      config: allow("viewer"),
      schema: {
        summary: "Rates, slowest clients, busiest topics, drops and refusals",
        querystring: Type.Object({
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: rowsMax })),
        }),
        response: { 200: answer<TopResource>("What goes on.", Top) },
      },
    },
    async ({ query }) => deps.top(query.limit ?? rowsDefault),
  );
}

export function metricsRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const schema = { summary: "Counters as OpenMetrics text" };
  scope.get("/metrics", { config: allow("viewer"), schema }, async (_request, reply) =>
    reply.type(openMetricsType).send(metricsText(deps.top(seriesMax))),
  );
}
