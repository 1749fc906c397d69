import type { Store, Write } from "../ports/store.ts";
import type { StreamLog } from "./stream-log.ts";

/** Where an agreement on a logged product begins in its log. */
export interface StartPosition {
  readonly epoch: string;
  readonly position: number;
  /** What positions are counted in since the log was restored, where the consumer had more of it. */
  readonly servedAs?: string;
}

const kind = "start";

/** As it was written down; undefined: the agreement was never opened. */
export function readStart(store: Store, agreement: string): Promise<StartPosition | undefined> {
  return store.get<StartPosition>(kind, agreement);
}

export function startWrite(agreement: string, doc: StartPosition): Write {
  return { op: "put", kind, id: agreement, doc };
}

/** Where an agreement begins in the log as it stands now. */
export function startOf(start: StartPosition | undefined, log: StreamLog): number {
  if (start === undefined) return log.end;
  // A log is given its epoch for good with its first block. Where the node stopped before that,
  // the log that stands here now is younger than the agreement: all of it belongs to it.
  return start.epoch === log.epoch ? start.position : 0;
}

/** The same, as the store has it. */
export async function startIn(log: StreamLog, store: Store, agreement: string): Promise<number> {
  return startOf(await readStart(store, agreement), log);
}

/** What the agreement's positions in the log are told as being of. */
export function epochOf(start: StartPosition | undefined, log: StreamLog): string {
  return start?.epoch === log.epoch ? (start.servedAs ?? log.epoch) : log.epoch;
}
