import type { Principal } from "../../things/access.ts";
import type { Claimant, Onboarding } from "../../things/onboarding/onboarding.ts";
import type { Attach } from "./authenticate.ts";
import { ClaimantClient } from "./claimant-client.ts";
import type { Client, ClientLine, ClientTakes } from "./client.ts";
import { type Guest, GuestClient } from "./guest-client.ts";
import type { OwnDoor } from "./own-client.ts";
import { PeerClient, type PeerPrincipal } from "./peer-client.ts";

/** Whoever comes without a credential that is its own and stays: it has no session that stays. */
export type Visitor = Guest | PeerPrincipal | Claimant;

export interface VisitorDoor extends OwnDoor {
  readonly attach: Attach;
  /** Absent: no claim code opens this door. */
  readonly onboarding?: Onboarding | undefined;
}

export function isVisitor(principal: Principal): principal is Visitor {
  return ["participant", "peer", "claimant"].includes(principal.kind);
}

export function visitorClient(
  line: ClientLine,
  visitor: Visitor,
  { attach, onboarding, onSeen, paces }: VisitorDoor,
  from: { readonly takes: ClientTakes; readonly address: string; readonly clientId: string },
): Client {
  switch (visitor.kind) {
    case "peer":
      return new PeerClient(line, visitor, attach);
    case "participant":
      return new GuestClient(line, visitor, from.takes);
    case "claimant": {
      if (onboarding === undefined) throw new Error("a claimant was let in where none may be");
      return new ClaimantClient(line, visitor, { onboarding, onSeen, paces, ...from });
    }
  }
}

/** Who has as many connections as it may. */
export const visitorNames: Readonly<Record<Visitor["kind"], string>> = {
  peer: "participant",
  participant: "agreement",
  claimant: "claim code",
};
