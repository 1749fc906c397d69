/** A topic's retained message. */
export interface RetainedResource {
  readonly topic: string;
  /** When it came. */
  readonly at: string;
  readonly payloadBytes: number;
}

export interface ClearedResource {
  readonly cleared: number;
}
