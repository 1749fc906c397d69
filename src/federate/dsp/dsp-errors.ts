import type { FastifyError, FastifyInstance } from "fastify";
import { ComityError } from "../../kernel/errors.ts";
import { message } from "../../wire/dsp/messages.ts";

export type DspErrorType = "CatalogError" | "ContractNegotiationError" | "TransferError";

/** Errors of DSP's own shape for every route of the scope (DSP 2025-1 §5.3.3, §7.3.2, §9.3.2). */
export function answerInDsp(scope: FastifyInstance, type: DspErrorType): void {
  scope.setErrorHandler((error: FastifyError, request, reply) => {
    const known = error instanceof ComityError ? error : undefined;
    const status = known?.status ?? error.statusCode ?? 500;
    if (status >= 500 && !known) request.log.error(error);
    const reason = known || status < 500 ? error.message : "The node failed.";
    const pids = pidsOf(request.body, request.params);
    const details = { code: known?.code ?? String(status), reason: [reason] };
    const members = type === "CatalogError" ? details : { ...pids, ...details };
    return reply.status(status).send(message(type, members));
  });
}

/** The pids the caller named, since the error must repeat both. */
function pidsOf(body: unknown, params: unknown): { providerPid: string; consumerPid: string } {
  const named = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const pid = (params as { pid?: string } | undefined)?.pid ?? "";
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  return {
    providerPid: text(named["providerPid"]) ?? pid,
    consumerPid: text(named["consumerPid"]) ?? pid,
  };
}
