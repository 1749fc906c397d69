import type { FastifyRequest } from "fastify";
import { ComityError } from "../../kernel/errors.ts";
import type { Role } from "../../market/negotiation.ts";
import type { AuthenticatePeer } from "../authenticate.ts";

export interface WithPid {
  Params: { pid: string };
}

/** Whose message it is, and which process of theirs it is about. */
export interface Addressed {
  readonly did: string;
  readonly pid: string;
  readonly role: Role;
}

interface Pids {
  readonly providerPid?: string;
  readonly consumerPid?: string;
}

/** NOT_FOUND where the caller has no such process here: both roles share one base. */
export async function addressed(
  request: FastifyRequest<WithPid>,
  authenticatePeer: AuthenticatePeer,
  desk: { need(pid: string, did: string): Promise<{ readonly role: Role }> },
): Promise<Addressed> {
  const did = await authenticatePeer(request);
  const { pid } = request.params;
  const { role } = await desk.need(pid, did);
  return { did, pid, role };
}

/** A message names its process twice, in the path and in itself: both must be the same. */
export function samePid({ pid, role }: Addressed, body: Pids): void {
  const named = role === "provider" ? body.providerPid : body.consumerPid;
  if (named === pid) return;
  throw new ComityError("BODY_INVALID", {
    problem: `its pid ${named ?? "(none)"} is not the path's ${pid}`,
  });
}
