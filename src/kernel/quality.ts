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
  /** When the newest message came: ISO 8601, UTC, to the second. */
  readonly lastAt: string;
}

/** `60 messages a minute (median 58), something in 99 % of 1,440 minutes, longest gap 4 s`. */
export function describeQuality(quality: Quality): string {
  const { minutes, messages, perMinuteMedian, minutesWithData, longestGapSeconds } = quality;
  const mean = Number((messages / minutes).toPrecision(3)).toLocaleString("en");
  const median = perMinuteMedian.toLocaleString("en");
  const share = Math.floor(minutesWithData * 100);
  return (
    `${mean} messages a minute (median ${median}), something in ${share} % of ` +
    `${minutes.toLocaleString("en")} minutes, longest gap ${longestGapSeconds.toLocaleString("en")} s`
  );
}
