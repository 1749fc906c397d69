/** The transfer process's state machine, DSP 2025-1 §9.1, for both roles; pure. */
import type { TransferFormat } from "./formats.ts";
import type { Role } from "./negotiation.ts";

export type TransferState = "REQUESTED" | "STARTED" | "SUSPENDED" | "COMPLETED" | "TERMINATED";

export type TransferEvent = "request" | "start" | "suspend" | "complete" | "terminate";

/** What a person or a program does with one transfer, from either side. */
export type TransferAct = "start" | "suspend" | "resume" | "complete" | "terminate";

interface Transition {
  readonly by: readonly Role[];
  readonly to: TransferState;
}

type Row = Partial<Readonly<Record<TransferEvent, Transition>>>;

const either = ["consumer", "provider"] as const;

/** A row a state, a column a message: who may send it and where it leads. */
export const transferTable: Readonly<Record<TransferState | "NONE", Row>> = {
  NONE: {
    request: { by: ["consumer"], to: "REQUESTED" },
  },
  REQUESTED: {
    start: { by: ["provider"], to: "STARTED" },
    terminate: { by: either, to: "TERMINATED" },
  },
  STARTED: {
    suspend: { by: either, to: "SUSPENDED" },
    complete: { by: either, to: "COMPLETED" },
    terminate: { by: either, to: "TERMINATED" },
  },
  SUSPENDED: {
    start: { by: either, to: "STARTED" },
    terminate: { by: either, to: "TERMINATED" },
  },
  COMPLETED: {},
  TERMINATED: {},
};

/** The state that follows, or undefined where the step is not allowed. */
export function nextTransfer(
  from: TransferState | "NONE",
  event: TransferEvent,
  by: Role,
): TransferState | undefined {
  const transition = transferTable[from][event];
  return transition?.by.includes(by) ? transition.to : undefined;
}

export function transferIsOver(state: TransferState): boolean {
  return state === "COMPLETED" || state === "TERMINATED";
}

/** Where the stream is fetched: what the provider answered and the consumer keeps. */
export interface StreamAddress {
  /** `mqtt://host:port` */
  readonly endpoint: string;
  readonly username: string;
  readonly token: string;
  /** When the token stops opening the door, milliseconds since the Unix epoch; absent: never. */
  readonly expiresAt?: number;
  /** The provider lets this node in as itself; the token then attaches the agreement. */
  readonly isShared?: boolean;
}

/** The same for what is fetched over HTTP; a provider may give it away without a token. */
export interface HttpSource {
  readonly url: string;
  /** The `Authorization` header as the provider wants it. */
  readonly authorization?: string;
  readonly expiresAt?: number;
}

/** Where a consumer wants its stream pushed to, and what it is let in with there. */
export interface PushTarget {
  /** `mqtt://host:port` */
  readonly endpoint: string;
  /** Put before each topic. */
  readonly topicPrefix: string;
  readonly username?: string;
  readonly password?: string;
}

/** A transfer as this node keeps it, by its own pid. */
export interface Transfer {
  readonly pid: string;
  readonly role: Role;
  readonly state: TransferState;
  readonly consumerPid: string;
  readonly providerPid?: string;
  readonly agreement: string;
  readonly format: TransferFormat;
  /** Provider: where the consumer was told to connect. */
  readonly endpoint?: string;
  /** The other participant's DID. */
  readonly counterpart: string;
  /** Where the other side takes messages. */
  readonly address: string;
  /** Provider: sha256 of the token, base64url; the token itself is never kept. */
  readonly tokenHash?: string;
  /** Provider: from then on the token opens no door; what is open stays. */
  readonly tokenExpiresAt?: number;
  /** Consumer: kept, so that a restart resumes. */
  readonly stream?: StreamAddress;
  readonly source?: HttpSource;
  /** Provider: kept, for nobody says it again after a restart; told to nobody. */
  readonly push?: PushTarget;
  /** Ids of the other side's last messages: one that comes again changes nothing. */
  readonly heard?: readonly string[];
  /** Who suspended it; only they may start it again. */
  readonly suspendedBy?: Role;
  readonly problem?: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
}
