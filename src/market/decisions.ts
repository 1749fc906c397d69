import type { Transfer } from "./transfer.ts";

/** What a provider does about a transfer that is asked for; `wait`: a person says later. */
export type TransferMove =
  | { readonly do: "start" }
  | { readonly do: "terminate"; readonly reason: string }
  | { readonly do: "wait" };

/** What a node does by itself. Who replaces it decides otherwise, or leaves it to people. */
export interface Decisions {
  /** REQUESTED: the agreement stands and the format is served. */
  transferRequested(transfer: Transfer): TransferMove | Promise<TransferMove>;
}

/** What was agreed is delivered at once. */
export const ownDecisions: Decisions = {
  transferRequested: () => ({ do: "start" }),
};
