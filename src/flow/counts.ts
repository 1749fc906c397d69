/** Why messages were given up; what an agreement withholds is the meter's to count. */
export type DropReason = "queue-full" | "not-allowed" | "packet-too-large";

/** What the data plane did since the start. Added to per run, never per message. */
export class FlowCounts {
  messagesIn = 0;
  payloadBytesIn = 0;
  runsIn = 0;
  /** Runs of one message: where most are, the fast path does not form. */
  singleRunsIn = 0;
  /** Runs that left in another encoding than they came in, shared by all who take it. */
  reencodedRuns = 0;
  /** Runs that were copied for one receiver: packet identifiers, flags, properties. */
  copiedRuns = 0;
  readonly dropped: Record<DropReason, number> = {
    "queue-full": 0,
    "not-allowed": 0,
    "packet-too-large": 0,
  };

  get droppedMessages(): number {
    return Object.values(this.dropped).reduce((sum, count) => sum + count, 0);
  }

  drop(why: DropReason, messages: number): void {
    this.dropped[why] += messages;
  }

  took({ count, payloadBytes }: { readonly count: number; readonly payloadBytes: number }): void {
    this.messagesIn += count;
    this.payloadBytesIn += payloadBytes;
    this.runsIn++;
    if (count === 1) this.singleRunsIn++;
  }
}
