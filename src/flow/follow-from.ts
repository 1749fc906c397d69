import { ComityError } from "../kernel/errors.ts";
import type { Flow } from "./flow.ts";
import { gone, readPlaces, requirePlace } from "./stream-id.ts";
import type { StreamLog } from "./stream-log.ts";

/** Logged streams that one follower may have at once: its ids name each of them. */
const logsMax = 64;

/** A log and where in it reading goes on. */
export interface Place {
  readonly log: StreamLog;
  position: number;
}

/** What is to be followed, and from where. */
export interface Followed {
  readonly filters: readonly string[];
  /** In the order that decides by which one a message of several comes. */
  readonly places: readonly Place[];
  readonly isResumed: boolean;
}

/**
 * What a stream of these filters is followed from: after what `lastId` names, else from now on. A
 * log that the id does not name began after it was given, and is new from its first message on.
 * BODY_INVALID, POSITION_GONE, or LIMIT_REACHED where there are too many logs.
 */
export function followFrom(
  flow: Flow,
  filters: readonly string[],
  lastId: string | undefined,
): Followed {
  const logs = flow.productLogsOf(filters);
  const told = lastId === undefined ? [] : readPlaces(lastId);
  const places: Place[] = [];
  for (const place of told) {
    const log = logs.find(({ epoch }) => epoch === place.epoch);
    // an empty log has no epoch yet that would outlive the node, and nothing of it was had
    if (log === undefined && place.position === -1) continue;
    if (log === undefined)
      throw gone(place.text, "no logged stream that is asked for has its epoch");
    requirePlace(log, place);
    places.push({ log, position: place.position + 1 });
  }
  for (const log of logs) {
    if (places.some((place) => place.log === log)) continue;
    places.push({ log, position: lastId === undefined ? log.end : 0 });
  }
  requireRoom(places.length);
  return { filters, places, isResumed: lastId !== undefined };
}

export function requireRoom(logs: number): void {
  if (logs <= logsMax) return;
  throw new ComityError("LIMIT_REACHED", { limit: logsMax, what: "logged streams in one stream" });
}
