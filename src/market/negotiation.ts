/** The contract negotiation's state machine, DSP 2025-1 §7.1, for both roles; pure. */
import type { GeneralJws } from "../ports/signer.ts";
import type { Agreement } from "./agreement.ts";
import type { Delivered, Rules } from "./policy.ts";
import type { Attestation } from "./attestation.ts";

export type Role = "provider" | "consumer";

export type NegotiationState =
  | "REQUESTED"
  | "OFFERED"
  | "ACCEPTED"
  | "AGREED"
  | "VERIFIED"
  | "FINALIZED"
  | "TERMINATED";

/** What a message does: its type, or the `eventType` of an event message. */
export type NegotiationEvent =
  | "request"
  | "offer"
  | "accept"
  | "agree"
  | "verify"
  | "finalize"
  | "terminate";

interface Transition {
  readonly by: readonly Role[];
  readonly to: NegotiationState;
}

type Row = Partial<Readonly<Record<NegotiationEvent, Transition>>>;

const consumer = ["consumer"] as const;
const provider = ["provider"] as const;
const either = ["consumer", "provider"] as const;

/** A row a state, a column a message: who may send it and where it leads. */
export const negotiationTable: Readonly<Record<NegotiationState | "NONE", Row>> = {
  NONE: {
    request: { by: consumer, to: "REQUESTED" },
    offer: { by: provider, to: "OFFERED" },
  },
  REQUESTED: {
    offer: { by: provider, to: "OFFERED" },
    agree: { by: provider, to: "AGREED" },
    terminate: { by: either, to: "TERMINATED" },
  },
  OFFERED: {
    request: { by: consumer, to: "REQUESTED" },
    accept: { by: consumer, to: "ACCEPTED" },
    terminate: { by: either, to: "TERMINATED" },
  },
  ACCEPTED: {
    agree: { by: provider, to: "AGREED" },
    terminate: { by: provider, to: "TERMINATED" },
  },
  AGREED: {
    verify: { by: consumer, to: "VERIFIED" },
    terminate: { by: consumer, to: "TERMINATED" },
  },
  VERIFIED: {
    finalize: { by: provider, to: "FINALIZED" },
    terminate: { by: provider, to: "TERMINATED" },
  },
  FINALIZED: {},
  TERMINATED: {},
};

/** The state that follows, or undefined where the step is not allowed. */
export function nextNegotiation(
  from: NegotiationState | "NONE",
  event: NegotiationEvent,
  by: Role,
): NegotiationState | undefined {
  const transition = negotiationTable[from][event];
  return transition?.by.includes(by) ? transition.to : undefined;
}

export function negotiationIsOver(state: NegotiationState): boolean {
  return state === "FINALIZED" || state === "TERMINATED";
}

/** Rules as a policy's sender wrote them: other connectors leave the profile out. */
export type Written = Omit<Rules, "profile"> & Partial<Pick<Rules, "profile">>;

/** A negotiation as this node keeps it, by its own pid. */
export interface Negotiation {
  readonly pid: string;
  readonly role: Role;
  readonly state: NegotiationState;
  /** Empty until the consumer has answered a first offer of ours. */
  readonly consumerPid: string;
  /** The consumer learns it from the first answer. */
  readonly providerPid?: string;
  /** The other participant's DID. */
  readonly counterpart: string;
  /** Where the other side takes messages: the base that DSP paths are put behind. */
  readonly address: string;
  /** What is on the table: the offer's id as its sender wrote it, and its rules. */
  readonly offer: string;
  readonly product: string;
  readonly rules: Written;
  readonly delivered: Delivered;
  /** policyDigest of what is on the table. */
  readonly digest: string;
  /** Consumer: policyDigest of what this side last asked for. */
  readonly asked?: string;
  /** `@id`s of the messages that were taken, the newest last; none is taken twice. */
  readonly taken?: readonly string[];
  /** On the consumer: what the catalogue called it. */
  readonly title?: string;
  /** Provider: a person began it with an offer, so that a person answers what comes back. */
  readonly proposed?: true;
  /** What the consumer attests of itself. */
  readonly attested?: Attestation;
  /** Does the other side sign agreements (the extension)? */
  readonly signs: boolean;
  /** What both are signing, from AGREED on; `evidence` gathers the signatures. */
  readonly draft?: Omit<Agreement, "evidence">;
  readonly evidence?: GeneralJws;
  /** Why it was terminated. */
  readonly problem?: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
}
