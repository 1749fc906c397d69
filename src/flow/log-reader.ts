import { ComityError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { walkPublishes } from "../wire/mqtt/publish.ts";
import { packetsOf } from "./block-part.ts";
import { readBlocks } from "./read-blocks.ts";
import { layout5 } from "./run.ts";

export interface LoggedMessage {
  readonly position: number;
  /** Log time, milliseconds since the Unix epoch. */
  readonly at: number;
  readonly topic: string;
  readonly payload: Uint8Array;
}

/**
 * Messages of a log at positions ≥ `after`, in order, at most `limit`. In a block where some
 * messages were withheld, positions are those the messages have at the earliest.
 */
export async function* readMessages(
  store: Store,
  log: string,
  after: number,
  limit: number,
): AsyncIterable<LoggedMessage> {
  const state = await store.log(log);
  if (state === undefined) throw new ComityError("NOT_FOUND", { what: "log", id: log });
  const read = (from: number, bytesMax: number) => store.readLog(log, from, bytesMax);
  let left = limit;
  for await (const block of readBlocks({ end: state.end, read }, after)) {
    const packets = packetsOf(block);
    const messages: LoggedMessage[] = [];
    walkPublishes(packets, layout5, (place, index) => {
      const position = block.first + index;
      if (position < after || messages.length >= left) return;
      messages.push({
        position,
        at: block.at,
        topic: packets.toString("utf8", place.topicAt, place.topicEnd),
        payload: packets.subarray(place.payloadAt, place.end),
      });
    });
    yield* messages;
    left -= messages.length;
    if (left <= 0) return;
  }
}
