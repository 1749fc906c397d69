/**
 * How the data plane tells what it delivered. Counts are cumulative over the agreement's whole
 * life; `payloadBytes` sums application payloads, whatever the encoding on the wire.
 */
export interface Checkpoint {
  /** Names one run of positions: a log's epoch, or one connection of a live stream. */
  readonly epoch: string;
  /** The position after the last message covered, in the epoch. */
  readonly position: number;
  readonly messages: number;
  readonly payloadBytes: number;
  /** Which starts of the provider wrote what stands before it, in the provider's own words. */
  readonly lineage?: string;
}

export const noUsage: Checkpoint = { epoch: "", position: 0, messages: 0, payloadBytes: 0 };

/** Why a message was not handed on. */
export type Refusal =
  | "no-agreement"
  /** A door or a subscription without acknowledgements, under an agreement that costs money. */
  | "unbilled"
  /** A link whose last checkpoint does not go on from what was acknowledged. */
  | "claim"
  | "topic"
  /** Log time. */
  | "time"
  /** The message's own position, also where it says none. */
  | "place"
  /** Several conditions together, where no single one is to blame. */
  | "condition"
  | "prohibited"
  /** The payload cannot be read, so that its members cannot be let through or made safe. */
  | "field"
  | "rate"
  /** Kept no longer when it was its turn. */
  | "retention"
  | "cap"
  | "volume"
  | "early"
  | "expired"
  | "revoked"
  /** Too much is owed without a signature. */
  | "exposure"
  | "suspended"
  | "queue-full";

/** What clients that keep no checkpoints are handed: counted on this side only. */
export interface HandedOver {
  add(messages: number, payloadBytes: number): void;
}

export interface UsagePort {
  /** The last checkpoint the other side acknowledged; where a new connection counts on from. */
  acknowledged(agreement: string): Checkpoint;
  /**
   * The other side has stored everything up to this checkpoint; counted once, however often told.
   * `unsigned`: nobody will sign for it, so that one row a month is all there has to be.
   */
  acknowledge(agreement: string, checkpoint: Checkpoint, unsigned?: boolean): Promise<void>;
  /** Messages durably acknowledged before the month (`2026-11`) began. */
  acknowledgedBefore(agreement: string, month: string): Promise<number>;
  /** To be kept by who hands over: each run comes by it, and none looks for the agreement. */
  handedOver(agreement: string): HandedOver;
  refused(agreement: string, reason: Refusal, messages: number): void;
}
