/** What really passed of a product over the last day, measured where it is offered. */
export interface Quality {
  /** Whole minutes that were looked at: since its first message, at most a day's. */
  readonly minutes: number;
  readonly messages: number;
  /** The median of those minutes. */
  readonly perMinuteMedian: number;
  /** Share of those minutes in which something came, 0 to 1. */
  readonly minutesWithData: number;
  /** To the second; the silence that lasts is one too. */
  readonly longestGapSeconds: number;
  /**
   * Share of what the median minute brings, over those minutes; of a stream sparser than that,
   * the median hour. 0 to 1; absent where neither is known yet.
   */
  readonly completeness?: number;
  /** From a message's own time to its arrival, to about a fifth; absent where none says its time. */
  readonly lag?: { readonly medianSeconds: number; readonly p95Seconds: number };
  /** When the newest message came: ISO 8601, UTC, to the second. */
  readonly lastAt: string;
}

/**
 * `60 messages a minute (median 58), something in 99 % of 1,440 minutes, longest gap 4 s,
 * 98 % complete, lag 0.4 s (95 % within 1.1 s)`.
 */
export function describeQuality(quality: Quality): string {
  const { minutes, messages, perMinuteMedian, minutesWithData, longestGapSeconds } = quality;
  const { completeness, lag } = quality;
  const mean = Number((messages / minutes).toPrecision(3)).toLocaleString("en");
  const median = perMinuteMedian.toLocaleString("en");
  const parts = [
    `${mean} messages a minute (median ${median})`,
    `something in ${percent(minutesWithData)} of ${minutes.toLocaleString("en")} minutes`,
    `longest gap ${longestGapSeconds.toLocaleString("en")} s`,
  ];
  if (completeness !== undefined) parts.push(`${percent(completeness)} complete`);
  if (lag !== undefined) {
    const [half, most] = [lag.medianSeconds, lag.p95Seconds].map((one) => one.toLocaleString("en"));
    parts.push(`lag ${half} s (95 % within ${most} s)`);
  }
  return parts.join(", ");
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
