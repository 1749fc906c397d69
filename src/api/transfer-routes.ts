import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { TransferResource } from "../client/resources.ts";
import type { Transfer } from "../market/transfer.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { allow, audited } from "./guard.ts";
import { answer, IdParams, TransferActBody, TransferActParams, TransferBody } from "./schemas.ts";

/** Transfers that are listed at once, the newest first. */
const transfersMax = 1_000;

const one = answer<TransferResource>("The transfer.", answers.Transfer);

export function transferRoutes(scope: FastifyInstance, deps: ApiDeps): void {
  const app = scope.withTypeProvider<TypeBoxTypeProvider>();
  app.get(
    "/transfers",
    {
      config: allow("viewer"),
      schema: {
        summary: "Transfers of either side, the newest first",
        response: {
          200: answer<TransferResource[]>("Transfers.", Type.Array(answers.Transfer)),
        },
      },
    },
    async () => (await deps.transfers.list(transfersMax)).map(resource),
  );

  app.get(
    "/transfers/:id",
    {
      config: allow("viewer"),
      schema: { summary: "One transfer", params: IdParams, response: { 200: one } },
    },
    async (request) => resource(await deps.transfers.need(request.params.id)),
  );

  app.post(
    "/agreements/:id/transfers",
    {
      config: allow("trader", "transfer.request"),
      schema: {
        summary: "Ask the provider for a transfer in a format; its start is not awaited",
        params: IdParams,
        body: TransferBody,
        response: { 201: one },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { format } = request.body;
      const asked = await audited(deps, request, `${id} ${format}`, () =>
        deps.transfers.request(id, format),
      );
      return reply.code(201).send(resource(asked));
    },
  );

  app.post(
    "/transfers/:id/:act",
    {
      config: allow("trader", "transfer"),
      schema: {
        summary: "Start, suspend, resume, complete or terminate it; the other side is told",
        params: TransferActParams,
        body: TransferActBody,
        response: { 200: one },
      },
    },
    async (request) => {
      const { id, act } = request.params;
      const reason = request.body?.reason ?? `${act} by its owner`;
      return audited(deps, request, `${act} ${id}`, async () =>
        resource(await deps.transfers.act(id, act, reason)),
      );
    },
  );
}

/** Without what opens doors, here or there. */
function resource(transfer: Transfer): TransferResource {
  const { pid, role, state, format, agreement, counterpart, startedAt } = transfer;
  const { problem, suspendedBy, tokenExpiresAt } = transfer;
  return {
    ...{ pid, role, state, format, agreement, counterpart, startedAt },
    ...(problem === undefined ? {} : { problem }),
    ...(suspendedBy === undefined ? {} : { suspendedBy }),
    ...(tokenExpiresAt === undefined ? {} : { tokenExpiresAt }),
  };
}
