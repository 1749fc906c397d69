import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { WantResource } from "../client/resources.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { peerNames, searchQueryOf } from "./find.ts";
import { allow, audited } from "./guard.ts";
import { answer, IdParams, WantBody } from "./schemas.ts";

/** Standing demands, and the offers that fitted them. */
export function wantRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/wants",
    {
      config: allow("viewer"),
      schema: {
        summary: "What this node looks for, with the latest offers that fitted",
        response: {
          200: answer<readonly WantResource[]>("Wants.", Type.Array(answers.Want)),
        },
      },
    },
    async () => deps.wants.list(),
  );

  app.post(
    "/wants",
    {
      config: allow("trader", "want.add"),
      schema: {
        summary:
          "Look for something from now on; told when it is offered, or agreed to within a budget",
        body: WantBody,
        response: { 201: answer<WantResource>("The want.", answers.Want) },
      },
    },
    async (request, reply) => {
      const { as, auto, spendMax, ...params } = request.body;
      const didOf = peerNames(deps.node, await deps.peers.list());
      const all = searchQueryOf(params, deps.clock.now(), didOf);
      const { limit: _limit, offset: _offset, ...query } = all;
      const want = await audited(deps, request, params.q ?? "anything", () =>
        deps.wants.add({
          query,
          ...(as !== undefined && { as }),
          ...(auto !== undefined && { auto }),
          ...(spendMax !== undefined && { spendMax }),
        }),
      );
      return reply.code(201).send(want);
    },
  );

  app.delete(
    "/wants/:id",
    {
      config: allow("trader", "want.remove"),
      schema: {
        summary: "Look for it no more; agreements that were made stand",
        params: IdParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(deps, request, id, () => deps.wants.remove(id));
      return reply.code(204).send(null);
    },
  );
}
