import { ComityError, problemOf } from "../kernel/errors.ts";
import type { OutboundAnswer } from "./outbound.ts";

/** Of what it said that was not understood. */
const textMax = 200;

/** What a peer answered; PEER_UNREACHABLE or PEER_REFUSED with its reason where it is an error. */
export function answerOf(peer: string, { status, body }: OutboundAnswer): unknown {
  if (status >= 500 || status === 429) {
    const problem = `${status} ${reasonIn(body)}`;
    throw new ComityError("PEER_UNREACHABLE", { peer, problem });
  }
  if (status >= 400) throw new ComityError("PEER_REFUSED", { peer, problem: reasonIn(body) });
  return body === "" ? undefined : parseJson(body, peer);
}

/** PEER_REFUSED where it is none. */
export function parseJson(body: string, peer: string): unknown {
  try {
    return JSON.parse(body);
  } catch (thrown) {
    const problem = `its answer is no JSON (${problemOf(thrown)})`;
    throw new ComityError("PEER_REFUSED", { peer, problem });
  }
}

/** The reason in an error body, ours (`error.message`) or the protocol's (`code`, `reason`). */
function reasonIn(body: string): string {
  const { error, reason, code } = objectIn(body);
  const message = (error as { message?: unknown } | null | undefined)?.message;
  if (typeof message === "string") return message;
  if (Array.isArray(reason) && reason.length > 0) return reason.map(reasonText).join("; ");
  return typeof code === "string" ? code : body.slice(0, textMax);
}

/** Empty where it is no JSON object: a stranger may say anything. */
function objectIn(body: string): { error?: unknown; reason?: unknown; code?: unknown } {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

function reasonText(reason: unknown): string {
  return typeof reason === "string" ? reason : JSON.stringify(reason);
}
