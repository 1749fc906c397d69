import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import type { ErasureResource } from "../client/erasure.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer, IdParams } from "./schemas.ts";

export function erasureRoutes(scope: FastifyInstance, { erasures, ...deps }: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/agreements/:id/erasure",
    {
      config: allow("viewer"),
      schema: {
        summary: "What its consumer erased after its end, as the consumer signed it",
        params: IdParams,
        response: { 200: answer<ErasureResource>("How far it is.", answers.Erasure) },
      },
    },
    async (request) => erasures.of(request.params.id),
  );

  app.post(
    "/agreements/:id/erase",
    {
      config: allow("owner", "agreement.erase"),
      schema: {
        summary: "As consumer: end it, erase what it gave now, and sign that to the provider",
        params: IdParams,
        response: { 200: answer<ErasureResource>("What was erased.", answers.Erasure) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return audited({ erasures, ...deps }, request, id, () => erasures.erase(id));
    },
  );
}
