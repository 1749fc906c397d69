import { ComityError } from "../kernel/errors.ts";
import type { LogBlock } from "../ports/store.ts";
import type { Flow } from "./flow.ts";
import { gone, readPlaces, requirePlace, type ToldPlace } from "./stream-id.ts";

/** Logged streams that one follower has by their logs: its ids name each of them. */
const logsMax = 64;

/** A log of this node's own or of what it received. */
export interface FollowedLog {
  readonly name: string;
  readonly epoch: string;
  readonly lineage: { idAt(position: number): string };
  /** The position after the last committed message. */
  readonly end: number;
  /** Put before the topics of its messages; absent: nothing. */
  readonly prefix?: string;
  read(after: number, bytesMax: number): Promise<readonly LogBlock[]>;
  /** Called after every commit. Returns the function that stops listening. */
  onCommitted(listener: () => void): () => void;
}

/** A log and where in it reading goes on. */
export interface FollowedPlace {
  readonly log: FollowedLog;
  /** What it may have messages of. */
  readonly topics: readonly string[];
  position: number;
}

/** What is to be followed, and from where. */
export interface Followed {
  readonly filters: readonly string[];
  /** In the order that decides by which one a message of several comes. */
  readonly places: readonly FollowedPlace[];
  readonly isResumed: boolean;
  /** There are more logs than ids can name: all is given as it comes, without ids. */
  readonly isLive: boolean;
}

/**
 * What a stream of these filters is followed from: after what `lastId` names, else from now on. A
 * log that the id does not name began after it was given, and is new from its first message on.
 * BODY_INVALID, POSITION_GONE, or LIMIT_REACHED where there are too many logs to go on from.
 */
export async function followFrom(
  flow: Flow,
  filters: readonly string[],
  lastId: string | undefined,
): Promise<Followed> {
  const received = await flow.received.matching(filters);
  const begins = new Map<FollowedLog, number>();
  // an agreement may have begun far behind the first position of its provider's log
  if (lastId !== undefined) {
    for (const log of received) begins.set(log, (await log.read(0, 1))[0]?.first ?? log.end);
  }
  const logs: readonly FollowedLog[] = [...flow.productLogsOf(filters), ...received];
  const places: FollowedPlace[] = [];
  for (const place of lastId === undefined ? [] : readPlaces(lastId)) {
    const log = logs.find((one) => isOf(one, place));
    // an empty log has no epoch yet that would outlive the node, and nothing of it was had
    if (log === undefined && place.position === -1) continue;
    if (log === undefined) {
      throw gone(place.text, "no logged stream that is asked for has its epoch");
    }
    requirePlace(log, place);
    if (places.some((one) => one.log === log)) {
      const problem = `"${place.text}" is of a log that the id names already`;
      throw new ComityError("BODY_INVALID", { problem });
    }
    places.push({ log, topics: topicsOf(flow, log), position: place.position + 1 });
  }
  for (const log of logs) {
    if (places.some((place) => place.log === log)) continue;
    const position = lastId === undefined ? log.end : (begins.get(log) ?? 0);
    places.push({ log, topics: topicsOf(flow, log), position });
  }
  if (lastId === undefined && places.length > logsMax) {
    return { filters, places: [], isResumed: false, isLive: true };
  }
  requireRoom(places.length);
  return { filters, places, isResumed: lastId !== undefined, isLive: false };
}

export function topicsOf(flow: Flow, log: FollowedLog): readonly string[] {
  return log.prefix === undefined ? flow.topicsOf(log.name) : [`${log.prefix}#`];
}

function isOf(log: FollowedLog, { epoch, start, position }: ToldPlace): boolean {
  return log.epoch === epoch && (log.prefix === undefined || log.lineage.idAt(position) === start);
}

export function requireRoom(logs: number): void {
  if (logs <= logsMax) return;
  throw new ComityError("LIMIT_REACHED", { limit: logsMax, what: "logged streams in one stream" });
}
