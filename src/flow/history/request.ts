import { ComityError } from "../../kernel/errors.ts";
import { secondsOf } from "../../kernel/duration.ts";
import { isoTime } from "../../kernel/time.ts";
import { filterProblem } from "../../kernel/topic.ts";
import type { HistoryQuery } from "./query.ts";
import { type HistoryFunction, historyFunctions } from "./windows.ts";

/** A question as an address has it, whatever the door. */
export interface HistoryRequest {
  readonly filter?: string;
  readonly log?: string;
  /** A time in ISO 8601 (UTC), a day, milliseconds, or how long ago: `24h`. */
  readonly from?: string;
  readonly to?: string;
  readonly step?: string;
  readonly fn?: string;
  readonly field?: string;
  readonly points?: string | number;
  readonly limit?: string | number;
  readonly cursor?: string;
}

/** Readings by time are asked for, not messages of a log by position. */
export function isByTime(asked: HistoryRequest & { readonly after?: string }): boolean {
  const names = Object.keys(asked).filter((name) => name !== "limit");
  return names.length > 0 && !names.includes("after");
}

const pointsMax = 2_000;
const fieldLengthMax = 200;
const cursorLengthMax = 8_192;

export interface LineLimits {
  readonly linesDefault: number;
  readonly linesMax: number;
}

/** BODY_INVALID or FILTER_INVALID names what is wrong. */
export function historyQueryFrom(
  asked: HistoryRequest,
  now: number,
  { linesDefault, linesMax }: LineLimits,
): HistoryQuery {
  const { filter = "#", log, step, field, cursor } = asked;
  const problem = filterProblem(filter);
  if (problem !== undefined) throw new ComityError("FILTER_INVALID", { filter, problem });
  const fn = asked.fn ?? "raw";
  if (!isFunction(fn)) throw invalid(`fn "${fn}" is none of ${historyFunctions.join(", ")}`);
  const from = timeFrom("from", asked.from, now) ?? 0;
  const until = timeFrom("to", asked.to, now) ?? Infinity;
  if (from >= until) throw invalid("from is not before to");
  const seconds = step === undefined ? undefined : secondsOf(step);
  if (step !== undefined && !seconds) throw invalid(`step "${step}" is no length such as 15m`);
  if (step !== undefined && fn === "raw") throw invalid("step goes with fn, such as fn=mean");
  const points = numberFrom("points", asked.points, 2, pointsMax);
  if (points !== undefined && (fn !== "raw" || step !== undefined)) {
    throw invalid("points goes without fn and step");
  }
  if ((field?.length ?? 0) > fieldLengthMax) throw invalid("field is longer than 200 characters");
  if ((cursor?.length ?? 0) > cursorLengthMax) throw invalid("cursor is none that was handed out");
  return {
    ...{ filter, from, until, fn },
    limit: numberFrom("limit", asked.limit, 1, linesMax) ?? linesDefault,
    isUnlimited: asked.limit === undefined,
    ...(log !== undefined && { log }),
    ...(seconds !== undefined && { stepMs: seconds * 1000 }),
    ...(field !== undefined && { field }),
    ...(points !== undefined && { points }),
    ...(cursor !== undefined && { cursor }),
  };
}

function isFunction(text: string): text is HistoryFunction {
  return historyFunctions.some((name) => name === text);
}

function timeFrom(name: string, text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const ago = /[dhms]$/.test(text) ? secondsOf(text) : undefined;
  if (ago !== undefined) return now - ago * 1000;
  const time = /^\d{13,15}$/.test(text)
    ? Number(text)
    : isoTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00Z` : text);
  if (time !== undefined) return time;
  throw invalid(
    `${name} "${text}" is no time such as 2026-11-23T06:00:00Z or 2026-11-23, and no 24h ago`,
  );
}

function numberFrom(
  name: string,
  said: string | number | undefined,
  min: number,
  max: number,
): number | undefined {
  if (said === undefined) return undefined;
  const number = /^\d{1,15}$/.test(String(said)) ? Number(said) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalid(`${name} "${said}" is not a whole number from ${min} to ${max}`);
}

function invalid(problem: string): ComityError {
  return new ComityError("BODY_INVALID", { problem });
}
