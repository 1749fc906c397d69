import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { ClearedResource, RetainedResource } from "../client/retained.ts";
import { ComityError } from "../kernel/errors.ts";
import { filterProblem } from "../kernel/topic.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer } from "./schemas.ts";

const rowsDefault = 100;
const rowsMax = 10_000;

export function retainedRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  const Row = Type.Object({
    ...{ topic: Type.String(), at: Type.String(), payloadBytes: Type.Integer() },
  });
  app.get(
    "/retained",
    {
      config: allow("viewer"),
      schema: {
        summary: "Retained messages of the topics that match a filter",
        querystring: Type.Object({
          filter: Type.Optional(Type.String()),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: rowsMax })),
        }),
        response: { 200: answer<readonly RetainedResource[]>("By topic.", Type.Array(Row)) },
      },
    },
    async ({ query: { filter = "#", limit = rowsDefault } }) => {
      return deps.retained.list(checked(filter), limit);
    },
  );

  app.delete(
    "/retained",
    {
      config: allow("operator", "retained.clear"),
      schema: {
        summary: "Forget the retained messages of the topics that match a filter",
        querystring: Type.Object({ filter: Type.String() }),
        response: {
          200: answer<ClearedResource>("How many.", Type.Object({ cleared: Type.Integer() })),
        },
      },
    },
    async (request) => {
      const filter = checked(request.query.filter);
      const cleared = await audited(deps, request, filter, () => deps.retained.clear(filter));
      return { cleared };
    },
  );
}

function checked(filter: string): string {
  const problem = filterProblem(filter);
  if (problem !== undefined) throw new ComityError("FILTER_INVALID", { filter, problem });
  return filter;
}
