import type { FastifyInstance } from "fastify";
import {
  ContractAgreementMessage,
  ContractAgreementVerificationMessage,
  ContractNegotiationEventMessage,
  ContractNegotiationTerminationMessage,
  ContractOfferMessage,
  ContractRequestMessage,
  dspPath,
  reasonOf,
} from "../../wire/dsp/messages.ts";
import { parseMessage } from "../../wire/dsp/parse.ts";
import type { AuthenticatePeer } from "../authenticate.ts";
import { addressed, samePid, type WithPid } from "./addressed.ts";
import { answerInDsp } from "./dsp-errors.ts";
import type { NegotiationConsumer } from "./negotiation-consumer.ts";
import type { NegotiationDesk } from "./negotiation-desk.ts";
import type { NegotiationProvider } from "./negotiation-provider.ts";

export interface NegotiationRoutesDeps {
  readonly authenticatePeer: AuthenticatePeer;
  readonly desk: NegotiationDesk;
  readonly provider: NegotiationProvider;
  readonly consumer: NegotiationConsumer;
}

/**
 * The HTTPS binding of contract negotiation (DSP 2025-1 §8). Both roles share one base: which
 * one is meant follows from the pid, which belongs to one negotiation on this node.
 */
export async function negotiationRoutes(
  app: FastifyInstance,
  deps: NegotiationRoutesDeps,
): Promise<void> {
  const { authenticatePeer, desk, provider, consumer } = deps;
  await app.register(
    async (scope) => {
      answerInDsp(scope, "ContractNegotiationError");

      scope.get<WithPid>("/:pid", async (request) => {
        const did = await authenticatePeer(request);
        return desk.describe(await desk.need(request.params.pid, did));
      });

      scope.post("/request", async (request, reply) => {
        const did = await authenticatePeer(request);
        const body = parseMessage(ContractRequestMessage, request.body);
        return reply.status(201).send(await provider.request(did, body));
      });

      scope.post("/offers", async (request, reply) => {
        const did = await authenticatePeer(request);
        const body = parseMessage(ContractOfferMessage, request.body);
        return reply.status(201).send(await consumer.offeredFirst(did, body));
      });

      scope.post<WithPid>("/:pid/request", async (request) => {
        const process = await addressed(request, authenticatePeer, desk);
        const { did, pid } = process;
        const body = parseMessage(ContractRequestMessage, request.body);
        samePid(process, body);
        await provider.counter(did, pid, body);
        return desk.describe(await desk.need(pid, did));
      });

      scope.post<WithPid>("/:pid/offers", async (request) => {
        const process = await addressed(request, authenticatePeer, desk);
        const { did, pid } = process;
        const body = parseMessage(ContractOfferMessage, request.body);
        samePid(process, body);
        await consumer.offered(did, pid, body);
        return desk.describe(await desk.need(pid, did));
      });

      scope.post<WithPid>("/:pid/agreement", async (request) => {
        const process = await addressed(request, authenticatePeer, desk);
        const { did, pid } = process;
        const body = parseMessage(ContractAgreementMessage, request.body);
        samePid(process, body);
        await consumer.agreed(did, pid, body);
        return desk.describe(await desk.need(pid, did));
      });

      scope.post<WithPid>("/:pid/agreement/verification", async (request) => {
        const process = await addressed(request, authenticatePeer, desk);
        const { did, pid } = process;
        const body = parseMessage(ContractAgreementVerificationMessage, request.body);
        samePid(process, body);
        await provider.verified(did, pid, body);
        return desk.describe(await desk.need(pid, did));
      });

      scope.post<WithPid>("/:pid/events", async (request) => {
        const process = await addressed(request, authenticatePeer, desk);
        const { did, pid, role } = process;
        const body = parseMessage(ContractNegotiationEventMessage, request.body);
        samePid(process, body);
        if (role === "provider") await provider.accepted(did, pid, body);
        else await consumer.finalized(did, pid, body);
        return desk.describe(await desk.need(pid, did));
      });

      scope.post<WithPid>("/:pid/termination", async (request) => {
        const process = await addressed(request, authenticatePeer, desk);
        const { did, pid } = process;
        const body = parseMessage(ContractNegotiationTerminationMessage, request.body);
        samePid(process, body);
        await desk.terminatedByPeer(did, pid, reasonOf(body, "the other side ended it"));
        return desk.describe(await desk.need(pid, did));
      });
    },
    { prefix: `${dspPath}/negotiations` },
  );
}
