/**
 * The store holds everything that must not be lost: documents (control data, usage, receipts,
 * the audit trail) and logs (the messages of logged streams). One writer; a commit is durable
 * when its promise resolves, and all of it or none of it. Engines pass `store.conformance.ts`.
 */
import type { ComityError } from "../kernel/errors.ts";

export interface Store {
  /** Resolves with the reason when it takes nothing more though nobody closed it. */
  readonly failed: Promise<ComityError>;
  /** Atomic and durable. Commits made in the same turn may share one disk write. */
  commit(writes: readonly Write[]): Promise<void>;
  get<T>(kind: string, id: string): Promise<T | undefined>;
  /** In ascending order of id. */
  list<T>(kind: string, range?: ListRange): Promise<Stored<T>[]>;
  /** Undefined where the log does not exist. */
  log(log: string): Promise<LogState | undefined>;
  logs(): Promise<LogState[]>;
  /** Blocks that hold messages at or after `after`, oldest first, at least one, about `bytesMax`. */
  readLog(log: string, after: number, bytesMax: number): Promise<LogBlock[]>;
  /** The last sequence number each producer has in the log. */
  producers(log: string): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

export interface ListRange {
  /** Only ids that start so. */
  readonly prefix?: string;
  /** Only ids after this one (before it, when `reverse`). */
  readonly after?: string;
  readonly limit?: number;
  /** Descending order of id. */
  readonly reverse?: boolean;
}

export interface Stored<T> {
  readonly id: string;
  readonly doc: T;
}

export type Write =
  /** Insert or replace. `doc` is JSON. */
  | { readonly op: "put"; readonly kind: string; readonly id: string; readonly doc: unknown }
  /** Insert; the whole commit fails with STORE_CONFLICT where the id exists. */
  | { readonly op: "add"; readonly kind: string; readonly id: string; readonly doc: unknown }
  | { readonly op: "remove"; readonly kind: string; readonly id: string }
  | {
      /**
       * The first block makes the log, wherever it starts; each later one must start at the log's
       * end and have its epoch, or the whole commit fails with STORE_FAILED. Positions that hold
       * nothing here are covered by a block of `count` 0.
       */
      readonly op: "append";
      readonly block: LogBlock;
      readonly producers?: ReadonlyMap<string, number>;
    }
  | {
      /**
       * What positions [from, to) of a log hold is overwritten where it stands; the positions stay,
       * and blocks of `count` 0 cover them. Once the promise resolves no file of the store has it
       * any more. Both ends lie where blocks begin and end, or the whole commit fails with
       * STORE_FAILED; of a single block `left` may say what is to stay.
       */
      readonly op: "erase";
      readonly log: string;
      readonly from: number;
      readonly to: number;
      /** Stretches within [from, to) that stay, in order. */
      readonly left?: readonly LogBlock[];
    }
  | {
      /**
       * Gives up the oldest blocks of a log: those logged before `olderThan`, and so many that its
       * payloads are not more than `bytesMax`; a thousand at most, and never the newest. The log
       * then begins at the first that is left, its positions stand, and their room is used again.
       */
      readonly op: "trim";
      readonly log: string;
      /** Log time, milliseconds since the Unix epoch. */
      readonly olderThan?: number;
      readonly bytesMax?: number;
    };

/**
 * A stretch of a log. A position counts messages since the epoch began; the block covers
 * positions [first, next) and holds `count` messages, fewer where some were withheld.
 */
export interface LogBlock {
  readonly log: string;
  readonly epoch: string;
  readonly first: number;
  readonly next: number;
  readonly count: number;
  /** Sum of the application payloads' lengths. */
  readonly payloadBytes: number;
  /** Log time, milliseconds since the Unix epoch. */
  readonly at: number;
  /** `count` MQTT 5 PUBLISH packets of QoS 0, one after the other. */
  readonly packets: Uint8Array;
  /** How many messages were erased from it; neighbours that have none are read as one block. */
  readonly erased?: number;
}

export interface LogState {
  readonly log: string;
  readonly epoch: string;
  /** The position after the last message. */
  readonly end: number;
  /** What it holds. */
  readonly messages: number;
  readonly bytes: number;
  /** Messages that were erased; absent: none. */
  readonly erased?: number;
}
