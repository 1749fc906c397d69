/** What is told before an agreement: Regulation (EU) 2023/2854 (Data Act), Art. 3(2). */
export interface DataSheetResource {
  readonly kind?: string;
  /** Media type. */
  readonly format?: string;
  readonly messagesPerDay?: number;
  readonly bytesPerDay?: number;
  readonly retentionDays?: number;
  readonly access?: string;
  readonly tradeSecrets?: boolean;
  readonly contact?: string;
}

/** What stands in the log of a logged product: counted, not estimated. */
export interface MeasuredResource {
  readonly messages: number;
  readonly bytes: number;
}
