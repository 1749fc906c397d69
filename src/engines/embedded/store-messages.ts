import type { ErrorCode } from "../../kernel/errors.ts";
import type { ListRange, LogBlock, LogState, Write } from "../../ports/store.ts";

export type Trim = Extract<Write, { op: "trim" }>;
export type Erase = Extract<Write, { op: "erase" }>;

/** What passes between the store's owner and its thread: documents already as JSON text. */
export type StoredWrite =
  | { readonly op: "put" | "add"; readonly kind: string; readonly id: string; readonly doc: string }
  | { readonly op: "remove"; readonly kind: string; readonly id: string }
  | {
      readonly op: "append";
      readonly block: LogBlock;
      readonly producers?: ReadonlyMap<string, number>;
    }
  | Erase
  | Trim;

export interface StoredText {
  readonly id: string;
  readonly doc: string;
}

export type Ask =
  | { readonly ask: "commit"; readonly writes: readonly StoredWrite[] }
  | { readonly ask: "get"; readonly kind: string; readonly id: string }
  | { readonly ask: "list"; readonly kind: string; readonly range: ListRange }
  | { readonly ask: "log"; readonly log: string }
  | { readonly ask: "logs" }
  | {
      readonly ask: "readLog";
      readonly log: string;
      readonly after: number;
      readonly bytesMax: number;
    }
  | { readonly ask: "producers"; readonly log: string }
  | { readonly ask: "close" };

export interface Answers {
  readonly commit: undefined;
  readonly get: string | undefined;
  readonly list: readonly StoredText[];
  readonly log: LogState | undefined;
  readonly logs: readonly LogState[];
  readonly readLog: readonly LogBlock[];
  readonly producers: ReadonlyMap<string, number>;
  readonly close: undefined;
}

/** A number for the answer to come back under. */
export type Request = Ask & { readonly number: number };

/** A ComityError on its way between threads. */
export interface Refused {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string | number>>;
}

export type Reply =
  | { readonly number: number; readonly value: Answers[keyof Answers] }
  | { readonly number: number; readonly refused: Refused };

export type FromThread =
  | { readonly tell: "opened" }
  /** The file could not be opened. */
  | { readonly tell: "refused"; readonly refused: Refused }
  | { readonly tell: "replies"; readonly replies: readonly Reply[] }
  /** The disk or the file failed: what was asked is not done, and nothing more will be. */
  | { readonly tell: "failed"; readonly problem: string };
