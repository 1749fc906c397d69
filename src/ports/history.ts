/**
 * What logs held, by series and time: a series is one log's messages of one topic. It is an index
 * and no record: it is filled from logs, never ahead of them, and filled again where it is lost.
 * What was taken is answered at once, and durable some time later: `reached` says how far.
 * Engines pass `history.conformance.ts`.
 */
import type { LogBlock } from "./store.ts";

export interface History {
  /** Up to where a log is taken in durably; undefined: nothing of it is known. */
  reached(log: string): Promise<Reached | undefined>;
  /**
   * Blocks of one log in its order. They go on where the last ones ended or, after it was opened,
   * where `reached` stands; what it has already is passed over.
   */
  take(blocks: readonly LogBlock[]): Promise<void>;
  /** In order of topic (by its UTF-8 bytes), those that match the filter, at most `limit`. */
  series(query: SeriesQuery): Promise<readonly Series[]>;
  /** In order of time, then position. */
  read(query: ReadingQuery): Promise<ReadingPage>;
  /** Readings at positions `from` (0 where absent) ≤ position < `upTo` are answered no more. */
  erase(log: string, upTo: number, from?: number): Promise<void>;
  /** Readings before `upTo` are answered no more; their room is given back chunk by chunk. */
  trim(log: string, upTo: number): Promise<void>;
  /** All of a log, so that it can be taken in anew. */
  forget(log: string): Promise<void>;
  /** Makes durable what was taken. */
  close(): Promise<void>;
}

export interface Reached {
  readonly epoch: string;
  /** After the last message taken. */
  readonly position: number;
  /** Tells the last block from another one of the same positions. */
  readonly mark: string;
}

/** A block's `mark`. */
export function markOf({ first, next, at }: LogBlock): string {
  return `${first} ${next} ${at}`;
}

export interface SeriesQuery {
  readonly log: string;
  /** An MQTT topic filter. */
  readonly filter: string;
  /** Only topics after this one. */
  readonly after?: string;
  readonly limit: number;
}

export interface Series {
  readonly topic: string;
  readonly readings: number;
  /** The latest by time, then position. */
  readonly last: SeriesReading;
}

export interface SeriesReading {
  readonly position: number;
  /** Log time, milliseconds since the Unix epoch. */
  readonly at: number;
  /** The message's own where it has one, else `at`. */
  readonly time: number;
  readonly payload: Uint8Array;
}

export interface ReadingQuery {
  readonly log: string;
  readonly topic: string;
  /** What `from`, `until` and the order mean: the readings' own time, or when they arrived. */
  readonly by: "time" | "at";
  /** `from` ≤ time < `until`, milliseconds since the Unix epoch. */
  readonly from: number;
  readonly until: number;
  /** Only what comes after this reading in that order. */
  readonly after?: { readonly time: number; readonly position: number };
  /** Readings; a page has at most `pageReadingsMax`. */
  readonly limit: number;
  /** A dotted path: its numbers are answered and no payloads; "": the payload, or its `value`. */
  readonly field?: string;
}

/** Readings in columns, so that thousands travel as a few buffers. */
export interface ReadingPage {
  readonly positions: Float64Array;
  readonly ats: Float64Array;
  readonly times: Float64Array;
  /** Where a field was asked for; NaN where there is no number. */
  readonly values: Float64Array;
  /** Else: where each payload ends in `payloads`. */
  readonly ends: Uint32Array;
  readonly payloads: Uint8Array;
  /** There may be more. */
  readonly more: boolean;
}

export const pageReadingsMax = 8_192;
