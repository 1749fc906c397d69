import { ComityError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { walkPublishes } from "../wire/mqtt/publish.ts";
import { packetsOf } from "./block-part.ts";
import { layout5 } from "./run.ts";

export interface LoggedMessage {
  readonly position: number;
  /** Log time, milliseconds since the Unix epoch. */
  readonly at: number;
  readonly topic: string;
  readonly payload: Uint8Array;
}

const readBytes = 262_144;

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
  let position = after;
  let left = limit;
  while (left > 0 && position < state.end) {
    const blocks = await store.readLog(log, position, readBytes);
    if (blocks.length === 0) return;
    for (const block of blocks) {
      const packets = packetsOf(block);
      const messages: LoggedMessage[] = [];
      walkPublishes(packets, layout5, (place, index) => {
        const at = block.first + index;
        if (at < after || messages.length >= left) return;
        messages.push({
          position: at,
          at: block.at,
          topic: packets.toString("utf8", place.topicAt, place.topicEnd),
          payload: packets.subarray(place.payloadAt, place.end),
        });
      });
      yield* messages;
      left -= messages.length;
      position = block.next;
      if (left <= 0) return;
    }
  }
}
