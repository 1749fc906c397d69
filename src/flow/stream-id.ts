import type { IncomingHttpHeaders } from "node:http";
import { ComityError } from "../kernel/errors.ts";
import type { Lineage } from "./lineage.ts";

/** Of a log, all that its messages' ids are made of. */
export interface Numbered {
  readonly epoch: string;
  readonly lineage: Pick<Lineage, "idAt">;
  readonly end: number;
}

/** What an id says of one log. */
export interface ToldPlace {
  readonly text: string;
  readonly epoch: string;
  /** The start of the node that wrote the message. */
  readonly start: string;
  readonly position: number;
}

const placePattern = /^([\w-]{1,64})\/([\w-]{1,36}):(-1|\d{1,15})$/;
const idLengthMax = 8192;

/**
 * The id of the message at a position, `EPOCH/START:POSITION`: a log that began anew has another
 * epoch, and what was written after a backup was put back another start, so that an id never
 * means another message than the one it was given with. −1: nothing was had yet.
 */
export function placeText({ epoch, lineage }: Numbered, position: number): string {
  return `${epoch}/${lineage.idAt(position)}:${position}`;
}

/** Who connects again by itself says where it is; its address (`asked`) still says where it began. */
export function lastEventIdOf(
  { "last-event-id": newest }: IncomingHttpHeaders,
  asked: string | undefined,
): string | undefined {
  return typeof newest === "string" && newest !== "" ? newest : asked;
}

/** An id of a stream from several logs names each, with commas between. BODY_INVALID. */
export function readPlaces(id: string): ToldPlace[] {
  const texts = id.length > idLengthMax ? [""] : id.split(",");
  return texts.map((text) => {
    const [, epoch, start, position] = placePattern.exec(text) ?? [];
    if (epoch !== undefined && start !== undefined) {
      return { text, epoch, start, position: Number(position) };
    }
    const problem = `"${id.slice(0, 100)}" is no id of an event of this node`;
    throw new ComityError("BODY_INVALID", { problem });
  });
}

/** POSITION_GONE where what the id was given with is not what stands there. */
export function requirePlace(log: Numbered, { text, start, position }: ToldPlace): void {
  if (position === -1) return;
  if (position >= log.end) throw gone(text, `the log ends before it, at ${log.end - 1}`);
  if (log.lineage.idAt(position) === start) return;
  throw gone(text, "the log was put back from a backup, and another message stands there now");
}

export function gone(id: string, problem: string): ComityError {
  return new ComityError("POSITION_GONE", { id, problem });
}
