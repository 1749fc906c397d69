import type { Flow } from "../../flow/flow.ts";
import type { Gate } from "../../flow/gate.ts";
import { startIn } from "../../flow/start-position.ts";
import { gone, readPlaces, requirePlace } from "../../flow/stream-id.ts";
import type { StreamLog } from "../../flow/stream-log.ts";
import { ComityError } from "../../kernel/errors.ts";

/** Positions in the product's log. */
export interface Since {
  readonly position: number;
  /** Of the agreement. */
  readonly start: number;
}

/**
 * Where a stream is followed from: after the event or the position that the consumer has, else
 * from now on. POSITION_GONE where that is not what stands there any more.
 */
export async function sinceEvent(
  flow: Flow,
  gate: Gate,
  lastId: string | undefined,
  after: string | undefined,
): Promise<Since> {
  const log = flow.logUnder(gate.grant);
  const place = lastId === undefined ? undefined : readPlaces(lastId)[0]!;
  if (log === undefined) {
    if (place === undefined) return { position: 0, start: 0 };
    throw gone(place.text, "the stream is live, and nothing of it is kept");
  }
  if (place !== undefined) {
    // who had nothing of an empty log has missed nothing, whatever its epoch is now
    const isOther = place.epoch !== log.epoch && place.position !== -1;
    if (isOther) throw gone(place.text, "the log has another epoch");
    requirePlace(log, place);
    return sincePosition(flow, gate, log, String(place.position));
  }
  if (after === undefined) {
    return { ...(await sincePosition(flow, gate, log, "-1")), position: log.end };
  }
  const from = await sincePosition(flow, gate, log, after);
  if (from.position > log.end) throw gone(after, `the log ends before it, at ${log.end - 1}`);
  return from;
}

/** The position after that one, but never before the agreement's start. BODY_INVALID. */
export async function sincePosition(
  flow: Flow,
  gate: Gate,
  log: StreamLog,
  after: string,
): Promise<Since> {
  const start = await startIn(log, flow.outside.store, gate.grant.agreement);
  if (after === "-1") return { position: start, start };
  return { position: Math.max(start, wholeNumber("after", after) + 1), start };
}

/** BODY_INVALID where the text is none. */
export function wholeNumber(name: string, text: string): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new ComityError("BODY_INVALID", { problem: `${name} "${text}" is no whole number` });
}
