/** What became of an agreement's data after its end, as a node knows it. */
export interface ErasureResource {
  readonly agreement: string;
  readonly role: "provider" | "consumer";
  /**
   * `none`: nothing is promised, or nothing can come. `running`: the agreement stands. `waiting`:
   * until it is due, on the provider a day longer. `overdue`: nothing was erased, or nothing came.
   */
  readonly state: "none" | "running" | "waiting" | "overdue" | "erased";
  /** What the terms promise: within so long after its end. */
  readonly deleteAfterSeconds?: number;
  readonly dueAt?: string;
  readonly record?: ErasureRecordResource;
  /** A JWS in general form over the record's canonical form, by the consumer. */
  readonly signed?: unknown;
  /** Provider: when it came. */
  readonly receivedAt?: string;
  /** Consumer: what the provider's node answered; absent: it has not answered yet. */
  readonly told?: { readonly taken: boolean; readonly problem?: string };
}

export interface ErasureRecordResource {
  readonly v: 1;
  readonly type: "erasure";
  readonly agreement: string;
  readonly provider: string;
  readonly consumer: string;
  /** In the provider's log; absent: nothing was stored. */
  readonly from?: { readonly epoch: string; readonly position: number };
  readonly to?: { readonly epoch: string; readonly position: number };
  readonly erased: { readonly messages: number; readonly bytes: number };
  /** What other agreements gave as well. */
  readonly kept?: {
    readonly messages: number;
    readonly bytes: number;
    readonly agreements: readonly string[];
  };
  readonly endedAt: string;
  readonly erasedAt: string;
}
