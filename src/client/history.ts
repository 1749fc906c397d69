/** What is asked of `GET /api/v1/history`. */
export interface HistoryRange {
  /** A topic filter; absent: every topic. */
  readonly filter?: string;
  /** The name of one log; absent: all, a topic of several from the one that has most of it. */
  readonly log?: string;
  /** A time in ISO 8601 (UTC), a day, milliseconds, or how long ago: `24h`. `from` ≤ time < `to`. */
  readonly from?: string;
  readonly to?: string;
  readonly fn?: "raw" | "last" | "min" | "max" | "mean" | "count" | "sum";
  /** Length of a window, `15m`; absent: all is one window. */
  readonly step?: string;
  /** The member whose number counts, `a.b`; absent: the payload, or its member `value`. */
  readonly field?: string;
  /** For a chart: at most so many a series, peaks included; 2 to 2,000. */
  readonly points?: number;
  /** Lines. */
  readonly limit?: number;
  readonly cursor?: string;
}

/** One line of `GET /api/v1/history`. Times are milliseconds since the Unix epoch. */
export interface HistoryRow {
  readonly topic: string;
  /** The message's own time where it has one, else when it was logged; a window's beginning. */
  readonly time: number;
  /** When it was logged. */
  readonly at?: number;
  readonly position?: number;
  readonly payload?: string;
  readonly payloadBase64?: string;
  readonly value?: number;
  /** What the value was made from. */
  readonly count?: number;
}

/** The last line, where there may be more. */
export interface HistoryCursor {
  readonly cursor: string;
}
