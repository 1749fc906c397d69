import { isLoopback } from "../../kernel/loopback.ts";
import type { UsagePort } from "../../ports/usage.ts";
import type { Principal } from "../../things/access.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import type { Authentication } from "./connect.ts";

export interface DoorKeepers {
  /** `--dev`: nameless clients from this machine are let in. */
  readonly dev: boolean;
  /** A Thing's or a user's credential. */
  readonly ownPrincipal: (username: string, password: string) => Principal | undefined;
  /** An agreement's token. */
  readonly participant: (agreement: string, token: string) => Principal | undefined;
  /** Why an agreement delivers no more; undefined while it does, or where there is none. */
  readonly endedBecause: (agreement: string) => "revoked" | "expired" | "cap" | undefined;
  readonly usage: UsagePort;
}

/** Who an MQTT CONNECT is: one of our own, another organisation under an agreement, or nobody. */
export function authenticator(keepers: DoorKeepers) {
  return (
    username: string | undefined,
    password: string | undefined,
    remoteAddress: string,
  ): Authentication => {
    if (username === undefined || password === undefined) {
      if (keepers.dev && isLoopback(remoteAddress))
        return { ok: true, principal: { kind: "anonymous" } };
      return refusal(reason.notAuthorized, "this node needs a user name and a password");
    }
    const own = keepers.ownPrincipal(username, password);
    if (own !== undefined) return { ok: true, principal: own };
    const participant = keepers.participant(username, password);
    if (participant !== undefined) return { ok: true, principal: participant };
    // An agreement's id is known to its two parties alone: who names it may hear how it stands.
    const ended = keepers.endedBecause(username);
    if (ended !== undefined) {
      keepers.usage.refused(username, ended, 1);
      return refusal(reason.notAuthorized, `the agreement has ended: ${ended}`);
    }
    keepers.usage.refused(username, "no-agreement", 1);
    return refusal(reason.badUserNameOrPassword, "the user name or the token is wrong");
  };
}

function refusal(reasonCode: number, problem: string): Authentication {
  return { ok: false, reasonCode, problem };
}
