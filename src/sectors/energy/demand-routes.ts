import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Audited } from "../sector.ts";
import type { DemandResponse } from "./demand/demand-response.ts";

const strict = { additionalProperties: false };
const Name = Type.String({ pattern: "^[a-z0-9-]{1,64}$" });
const Params = Type.Object({ id: Name });
const Follow = Type.Object(
  {
    id: Type.Optional(Name),
    filter: Type.String({ minLength: 1, maxLength: 1024 }),
    chargers: Type.Array(Type.Union([Name, Type.Literal("*")]), { minItems: 1, maxItems: 1000 }),
    capacityKw: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 10_000_000 })),
  },
  strict,
);
const idDefault = "demand";

/** Whose calls to take less are followed here, and by which chargers. */
export function demandRoutes(
  scope: FastifyInstance,
  demand: DemandResponse,
  audited: Audited,
): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/demand",
    { config: { access: "viewer" }, schema: { summary: "Demand streams that are followed" } },
    async () => demand.list(),
  );
  app.post(
    "/demand",
    {
      config: { access: "operator", act: "demand.follow" },
      schema: {
        summary: "Follow a stream of calls (OpenADR 3.0 events) with chargers",
        body: Follow,
      },
    },
    async (request, reply) => {
      const { id = idDefault, ...follow } = request.body;
      const { caller } = request;
      if (caller === undefined) throw new Error("an operator's route has a caller");
      const what = `${id} ${follow.filter}`;
      const made = await audited(request, what, () => demand.add({ id, ...follow }, caller));
      return reply.code(201).send(made);
    },
  );
  app.delete(
    "/demand/:id",
    {
      config: { access: "operator", act: "demand.remove" },
      schema: { summary: "Follow it no more; its limits are taken back", params: Params },
    },
    async (request, reply) => {
      const { id } = request.params;
      await audited(request, id, () => demand.remove(id));
      return reply.code(204).send(null);
    },
  );
}
