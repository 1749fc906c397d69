import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { LinkResource } from "../client/link-resource.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer, IdParams, LinkBudgetBody } from "./schemas.ts";

/** The links by which this node receives, and what each may use of the line. */
export function linkRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/links",
    {
      config: allow("viewer"),
      schema: {
        summary:
          "How each link stands: since when, how far behind, how it travels, what went wrong",
        response: {
          200: answer<readonly LinkResource[]>("Of this node as consumer.", answers.Links),
        },
      },
    },
    async () => deps.traffic.links(),
  );

  app.put(
    "/agreements/:id/link/budget",
    {
      config: allow("operator", "link"),
      schema: {
        summary: "Bytes a second that the link may use; null: as many as the line carries",
        params: IdParams,
        body: LinkBudgetBody,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { bytesPerSecond } = request.body;
      await audited(deps, request, `budget ${bytesPerSecond ?? "none"} for ${id}`, () =>
        deps.agreements.linkBudget(id, bytesPerSecond ?? undefined),
      );
      return reply.code(204).send(null);
    },
  );
}
