import type { FastifyInstance } from "fastify";
import { ComityError } from "../../kernel/errors.ts";
import {
  dspPath,
  reasonOf,
  TransferChangeMessage,
  TransferRequestMessage,
  TransferStartMessage,
} from "../../wire/dsp/messages.ts";
import { parseMessage } from "../../wire/dsp/parse.ts";
import type { AuthenticatePeer } from "../authenticate.ts";
import { addressed, samePid, type WithPid } from "./addressed.ts";
import { answerInDsp } from "./dsp-errors.ts";
import type { Transfers } from "./transfers.ts";

export interface TransferRoutesDeps {
  readonly authenticatePeer: AuthenticatePeer;
  readonly transfers: Transfers;
}

const changes = [
  ["suspension", "suspend", "TransferSuspensionMessage"],
  ["completion", "complete", "TransferCompletionMessage"],
  ["termination", "terminate", "TransferTerminationMessage"],
] as const;

/** The HTTPS binding of transfer processes (DSP 2025-1 §10), both roles on one base. */
export async function transferRoutes(
  app: FastifyInstance,
  deps: TransferRoutesDeps,
): Promise<void> {
  const { authenticatePeer } = deps;
  const { desk, provider, consumer } = deps.transfers;
  const onFailed = (error: unknown): void => app.log.error(error);
  await app.register(
    async (scope) => {
      answerInDsp(scope, "TransferError");

      scope.get<WithPid>("/:pid", async (request) => {
        const did = await authenticatePeer(request);
        return desk.describe(await desk.need(request.params.pid, did));
      });

      scope.post("/request", async (request, reply) => {
        const did = await authenticatePeer(request);
        const body = parseMessage(TransferRequestMessage, request.body);
        const transfer = await provider.request(did, body);
        // the other side knows the transfer before it hears how it goes on
        reply.raw.once("close", () => void provider.decide(transfer.pid).catch(onFailed));
        return reply.status(201).send(desk.describe(transfer));
      });

      scope.post<WithPid>("/:pid/start", async (request) => {
        const process = await addressed(request, authenticatePeer, desk);
        const { did, pid, role } = process;
        const body = parseMessage(TransferStartMessage, request.body);
        samePid(process, body);
        if (role === "provider") await provider.startedByConsumer(did, pid, body["@id"]);
        else await consumer.started(did, pid, body);
        return desk.describe(await desk.need(pid, did));
      });

      for (const [path, event, type] of changes) {
        scope.post<WithPid>(`/:pid/${path}`, async (request) => {
          const process = await addressed(request, authenticatePeer, desk);
          const { did, pid } = process;
          const body = parseMessage(TransferChangeMessage, request.body);
          if (body["@type"] !== type) {
            throw new ComityError("BODY_INVALID", { problem: `/@type is not ${type}` });
          }
          samePid(process, body);
          const told = { event, reason: reasonOf(body, event), id: body["@id"] };
          await desk.changedByPeer(did, pid, told);
          return desk.describe(await desk.need(pid, did));
        });
      }
    },
    { prefix: `${dspPath}/transfers` },
  );
}
