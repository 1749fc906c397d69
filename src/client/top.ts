/** What a node's data plane does right now, and what it did since it started. */
export interface TopResource {
  readonly name: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly flow: {
    readonly messagesIn: number;
    readonly messagesInPerSecond: number;
    readonly payloadBytesIn: number;
    readonly messagesOutPerSecond: number;
    /** Messages of one topic that came one after the other and are handled as one. */
    readonly runsIn: number;
    /** Runs of one message: where most are, each message costs what a run does. */
    readonly singleRunsIn: number;
    /** Over the last seconds; 0 where nothing came. */
    readonly messagesPerRun: number;
    /** Runs that left in another encoding, made once for all who take it. */
    readonly reencodedRuns: number;
    /** Copies for one receiver each. */
    readonly copiedRuns: number;
    readonly dropped: Readonly<Record<string, number>>;
    /** Under agreements, by reason; over the node's whole life. */
    readonly withheld: Readonly<Record<string, number>>;
    readonly subscriptions: number;
  };
  readonly mqtt: {
    readonly connections: number;
    readonly connectionsMost: number;
    readonly accepted: number;
    readonly refused: Readonly<Record<string, number>>;
    /** How often a publisher that was too fast was held up, by whose limit. */
    readonly slowed: Readonly<Record<string, number>>;
    readonly ended: Readonly<Record<string, number>>;
    readonly sessions: number;
    readonly sessionsAway: number;
    readonly sessionsExpired: number;
    readonly messagesIn: number;
    readonly messagesOut: number;
    readonly payloadBytesIn: number;
    readonly payloadBytesOut: number;
    readonly bytesIn: number;
    readonly bytesOut: number;
    /** Packets that are not PUBLISH. */
    readonly packetsIn: number;
    readonly packetsOut: number;
    readonly queuedBytes: number;
  };
  readonly retained: {
    readonly messages: number;
    readonly bytes: number;
    readonly notKept: number;
    readonly expired: number;
  };
  readonly memory: { readonly residentBytes: number; readonly heapBytes: number };
  readonly cpuSeconds: number;
  /** Those for whom most waits first, then those that were sent most. */
  readonly clients: readonly TopClient[];
  /** Over the last ten seconds, the busiest first. */
  readonly topics: readonly TopTopic[];
  readonly agreements: readonly TopAgreement[];
}

export interface TopClient {
  readonly client: string;
  readonly who: string;
  readonly address: string;
  readonly connectedSeconds: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly queuedBytes: number;
  /** Messages it was sent and has not acknowledged. */
  readonly inflight: number;
  readonly dropped: number;
}

export interface TopTopic {
  readonly topic: string;
  readonly messagesPerSecond: number;
  readonly payloadBytesPerSecond: number;
}

export interface TopAgreement {
  readonly agreement: string;
  readonly link: "up" | "down" | "ended";
  readonly messagesPerSecond: number;
  readonly messages: number;
  readonly lagMs?: number;
  readonly withheld: Readonly<Record<string, number>>;
}
