import type { EndReason } from "../flow/gate.ts";
import type { Transfer } from "../market/transfer.ts";
import type { Rooms } from "./rooms.ts";
import type { Trade } from "./trade.ts";

/** Somebody let in for one agreement. */
interface Guest {
  readonly did: string;
  /** Absent: a partner without a node, who came by a share. */
  readonly transfer?: Transfer;
}

/** Who comes with this token for this agreement, at whatever door; undefined: nobody we let in. */
export function guestOf(
  { shares }: Rooms,
  { federation: { transfers } }: Trade,
  agreement: string,
  token: string,
): Guest | undefined {
  return shares.authenticate(agreement, token) ?? transfers.authenticate(agreement, token);
}

/** Why an agreement delivers no more. The gate shuts first; that it did is written down after. */
export function endedBecause(
  { agreements, flow }: Rooms,
  agreement: string,
): EndReason | undefined {
  return agreements.get(agreement)?.ended?.reason ?? flow.grants.get(agreement)?.ended;
}
