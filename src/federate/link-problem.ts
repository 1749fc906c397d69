import type { ComityError } from "../kernel/errors.ts";
import { reason } from "../wire/mqtt/protocol.ts";

/** What stands between this side and the stream, where it is more than a broken connection. */
export type LinkProblem =
  /** The provider does not say where the stream is. */
  | "waiting"
  /** It says so, and this node does not connect to such an address. */
  | "address"
  /** It lets nobody in under this agreement, or not from this checkpoint on. */
  | "refused"
  /** It counts otherwise than this side. */
  | "disagrees"
  /** What it sends breaks the protocol's rules or the agreement's terms. */
  | "fault"
  /** It cannot be stored or handed on here. */
  | "failed"
  /** It would cost more than this organisation set as a limit. */
  | "limit";

/** What passes by itself: the provider stops, starts, is busy, or has a newer connection. */
const passing: ReadonlySet<number> = new Set([
  reason.serverUnavailable,
  reason.serverBusy,
  reason.serverShuttingDown,
  reason.keepAliveTimeout,
  reason.sessionTakenOver,
]);

/** The problem an error names; undefined: a broken connection, or an address still awaited. */
export function linkProblemOf({ code, details }: ComityError): LinkProblem | undefined {
  if (code === "ADDRESS_FORBIDDEN") return "address";
  const { reasonCode } = details;
  if (typeof reasonCode !== "number" || reasonCode < 0x80 || passing.has(reasonCode)) {
    return undefined;
  }
  const isFault = reasonCode === reason.packetTooLarge || reasonCode === reason.malformedPacket;
  return isFault ? "fault" : "refused";
}
