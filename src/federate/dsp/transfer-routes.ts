import type { FastifyInstance, FastifyRequest } from "fastify";
import { ComityError } from "../../kernel/errors.ts";
import {
  dspPath,
  TransferChangeMessage,
  TransferRequestMessage,
  TransferStartMessage,
} from "../../wire/dsp/messages.ts";
import { parseMessage } from "../../wire/dsp/parse.ts";
import type { AuthenticatePeer } from "../authenticate.ts";
import { answerInDsp } from "./dsp-errors.ts";
import type { Transfers } from "./transfers.ts";

export interface TransferRoutesDeps {
  readonly authenticatePeer: AuthenticatePeer;
  readonly transfers: Transfers;
}

interface WithPid {
  Params: { pid: string };
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
        return reply.status(201).send(await provider.request(did, body));
      });

      scope.post<WithPid>("/:pid/start", async (request) => {
        const { did, pid, role } = await addressed(request);
        const body = parseMessage(TransferStartMessage, request.body);
        samePid(pid, role === "provider" ? body.providerPid : body.consumerPid);
        if (role === "provider") await provider.startedByConsumer(did, pid);
        else await consumer.started(did, pid, body);
        return desk.describe(await desk.need(pid, did));
      });

      for (const [path, event, type] of changes) {
        scope.post<WithPid>(`/:pid/${path}`, async (request) => {
          const { did, pid, role } = await addressed(request);
          const body = parseMessage(TransferChangeMessage, request.body);
          if (body["@type"] !== type) {
            throw new ComityError("BODY_INVALID", { problem: `/@type is not ${type}` });
          }
          samePid(pid, role === "provider" ? body.providerPid : body.consumerPid);
          const reason = (body.reason ?? []).map(String).join("; ");
          await desk.changedByPeer(did, pid, event, reason || (body.code ?? event));
          return desk.describe(await desk.need(pid, did));
        });
      }
    },
    { prefix: `${dspPath}/transfers` },
  );

  async function addressed(request: FastifyRequest<WithPid>) {
    const did = await authenticatePeer(request);
    const { pid } = request.params;
    const { role } = await desk.need(pid, did);
    return { did, pid, role };
  }
}

function samePid(path: string, body: string): void {
  if (path === body) return;
  throw new ComityError("BODY_INVALID", { problem: `its pid ${body} is not the path's ${path}` });
}
