import { ComityError } from "../../kernel/errors.ts";
import type { Reading } from "../../wire/series/chunk.ts";
import { cursorText, type HistoryCursor, rangeBehind, readCursor } from "./cursor.ts";
import {
  type HistoryFunction,
  MinMaxPoints,
  type Point,
  type Summary,
  Summing,
} from "./windows.ts";

/** A question about the series of a topic filter. */
export interface HistoryQuery {
  readonly filter: string;
  /** The name of one log; absent: of all, a topic of several from the one that has most of it. */
  readonly log?: string;
  /** `from` ≤ time < `until`, milliseconds since the Unix epoch. */
  readonly from: number;
  readonly until: number;
  readonly fn: HistoryFunction;
  /** Windows of that length, which begin at whole multiples of it; absent: one window. */
  readonly stepMs?: number;
  /** A dotted path to the member whose number counts. */
  readonly field?: string;
  /** At most so many for each series, the least and greatest of equal stretches. */
  readonly points?: number;
  /** Lines. */
  readonly limit: number;
  /** Where an answer before ended. */
  readonly cursor?: string;
  /** Nobody named a limit: an answer that has no place for a cursor is whole or broken off. */
  readonly isUnlimited?: boolean;
}

/** One line of an answer: a reading, or what a window came to. Times are milliseconds. */
export type HistoryLine =
  | ({ readonly topic: string } & Reading)
  | {
      readonly topic: string;
      readonly time: number;
      readonly value: number;
      readonly count?: number;
    }
  /** The last one, where there may be more. */
  | { readonly cursor: string };

/** A series that a question is about. */
export interface AskedSeries {
  readonly log: string;
  readonly topic: string;
  /** Of its latest reading. */
  readonly lastTime: number;
  /** The latest itself, where it may be handed out as it is. */
  readonly last?: Row;
}

/** A reading, or only the number in it. */
export interface Row extends Reading {
  readonly value: number;
}

export interface RowRange {
  readonly from: number;
  readonly until: number;
  readonly after?: { readonly time: number; readonly position: number };
  readonly limit: number;
  readonly field?: string;
}

export interface RowPage {
  readonly rows: readonly Row[];
  /** Where the next page goes on; undefined: there is none. */
  readonly last: RowRange["after"] | undefined;
}

/** Where readings come from: this node's own history, or what an agreement lets through of it. */
export interface HistorySource {
  /** In order of topic, at most `limit`. */
  series(filter: string, after: string | undefined, limit: number): Promise<AskedSeries[]>;
  /** How many more readings this answer may be made from. */
  readonly readingsLeft: () => number;
  read(series: AskedSeries, range: RowRange): Promise<RowPage>;
  /** Whoever hands readings out one by one counts them here; what is refused is left out. */
  readonly handOut?: (topic: string, rows: readonly Row[]) => Promise<Row[]>;
}

const seriesPerPage = 1_000;

/** Answers line by line, series after series, each in order of time. */
export async function* historyLines(
  source: HistorySource,
  query: HistoryQuery,
): AsyncGenerator<HistoryLine> {
  const start = query.cursor === undefined ? undefined : readCursor(query.cursor);
  const answer = { left: query.limit };
  let last: HistoryCursor | undefined;
  for await (const { series, range } of asked(source, query, start)) {
    for await (const { line, next } of linesOf(source, series, { ...query, ...range, answer })) {
      if (line !== "no room") {
        yield line;
        last = next;
        answer.left--;
      } else if (last === undefined) throw tooMany(source);
      if (line !== "no room" && answer.left > 0) continue;
      yield { cursor: cursorText(last) };
      return;
    }
    last = { topic: series.topic, isDone: true };
  }
}

interface Told {
  readonly line: HistoryLine | "no room";
  /** Goes on behind it. */
  readonly next: HistoryCursor;
}

type Range = Pick<RowRange, "from" | "until" | "after">;
type Asked = HistoryQuery & Range & { readonly answer: { readonly left: number } };

/** Series in order of topic, from where the cursor stands. */
async function* asked(
  source: HistorySource,
  { filter, from, until }: HistoryQuery,
  start: HistoryCursor | undefined,
): AsyncGenerator<{ series: AskedSeries; range: Range }> {
  const whole: Range = { from, until };
  let after: string | undefined;
  if (start !== undefined) {
    after = start.topic;
    const [series] = start.isDone ? [] : await source.series(start.topic, undefined, 1);
    if (series !== undefined) yield { series, range: { ...whole, ...rangeBehind(start, from) } };
  }
  for (;;) {
    const page = await source.series(filter, after, seriesPerPage);
    for (const series of page) yield { series, range: whole };
    if (page.length < seriesPerPage) return;
    after = page.at(-1)!.topic;
  }
}

function linesOf(source: HistorySource, series: AskedSeries, query: Asked): AsyncIterable<Told> {
  if (query.points !== undefined) return pointLines(source, series, query, query.points);
  switch (query.fn) {
    case "raw":
      return rawLines(source, series, query);
    case "last":
      return lastLines(source, series, query);
    default:
      return windowLines(source, series, query, query.fn);
  }
}

async function* rawLines(
  source: HistorySource,
  series: AskedSeries,
  query: Asked,
): AsyncGenerator<Told> {
  const { topic } = series;
  const { from, until } = query;
  let { after } = query;
  for (;;) {
    const limit = Math.min(query.answer.left, source.readingsLeft(), rowsPerPage);
    if (limit === 0) return yield { line: "no room", next: { topic } };
    const page = await source.read(series, { from, until, limit, ...rowsFrom(query, after) });
    for (const row of await handedOut(source, topic, page.rows)) {
      const next = { topic, time: row.time, position: row.position };
      if (query.field === undefined) yield { line: readingLine(topic, row), next };
      else if (!Number.isNaN(row.value)) yield { line: valueLine(topic, row), next };
    }
    after = page.last;
    if (after === undefined) return;
  }
}

/** The last reading of each window. */
async function* lastLines(
  source: HistorySource,
  series: AskedSeries,
  query: Asked,
): AsyncGenerator<Told> {
  const { topic } = series;
  const known = query.stepMs === undefined ? series.last : undefined;
  if (known !== undefined && known.time < query.until) {
    const next = { topic, isDone: true };
    const line = query.field === undefined ? readingLine(topic, known) : valueLine(topic, known);
    if (known.time >= query.from) yield { line, next };
    return;
  }
  let last: Row | undefined;
  for await (const { rows, ends, next } of windowsOf(source, series, query, false)) {
    last = rows.at(-1) ?? last;
    if (!ends || last === undefined) continue;
    const [row] = await handedOut(source, topic, [last]);
    last = undefined;
    if (row === undefined) continue;
    yield {
      line: query.field === undefined ? readingLine(topic, row) : valueLine(topic, row),
      next,
    };
  }
}

async function* windowLines(
  source: HistorySource,
  series: AskedSeries,
  query: Asked,
  summary: Summary,
): AsyncGenerator<Told> {
  const { topic } = series;
  const isCountOfAll = summary === "count" && query.field === undefined;
  let summing = new Summing();
  const holds = source.handOut !== undefined;
  for await (const { start, rows, ends, next } of windowsOf(source, series, query, holds)) {
    if (rows.length > source.readingsLeft()) return yield { line: "no room", next };
    for (const { value } of await handedOut(source, topic, rows)) {
      if (isCountOfAll) summing.add(0);
      else if (!Number.isNaN(value)) summing.add(value);
    }
    if (!ends) continue;
    const { count } = summing;
    const value = summing.result(summary);
    summing = new Summing();
    if (count > 0) yield { line: { topic, time: start, value, count }, next };
  }
}

async function* pointLines(
  source: HistorySource,
  series: AskedSeries,
  query: Asked,
  points: number,
): AsyncGenerator<Told> {
  const { topic } = series;
  const next = { topic, isDone: true } as const;
  const until = Math.min(query.until, series.lastTime + 1);
  let picked: MinMaxPoints | undefined;
  const told = (found: readonly Point[]): Told[] =>
    found.map((point) => ({ line: valueLine(topic, point), next }));
  const holds = source.handOut !== undefined;
  for await (const { rows } of windowsOf(source, series, query, holds)) {
    if (rows.length > source.readingsLeft()) return yield { line: "no room", next };
    for (const { time, value } of await handedOut(source, topic, rows)) {
      if (Number.isNaN(value)) continue;
      picked ??= new MinMaxPoints(Math.max(query.from, time), until, points);
      yield* told(picked.add({ time, value }));
    }
  }
  yield* told(picked?.end() ?? []);
}

/** Readings of one window that stand one after the other. */
interface Piece {
  readonly start: number;
  readonly rows: readonly Row[];
  /** The window is over. */
  readonly ends: boolean;
  readonly next: HistoryCursor;
}

const rowsPerPage = 8_192;

/**
 * Readings in order, cut where windows begin. One that `holds` is handed over whole, so that it is
 * counted whole or not at all; more than an answer may be made from is not read for it.
 */
async function* windowsOf(
  source: HistorySource,
  series: AskedSeries,
  query: Asked,
  holds: boolean,
): AsyncGenerator<Piece> {
  const { topic } = series;
  const { from, until, stepMs } = query;
  const startOf = (time: number): number =>
    stepMs === undefined ? from : Math.floor(time / stepMs) * stepMs;
  const piece = (at: number, some: readonly Row[], ends: boolean): Piece => {
    const next = stepMs === undefined ? { topic, isDone: true } : { topic, from: at + stepMs };
    return { start: at, rows: some, ends, next };
  };
  let after: RowRange["after"];
  let start: number | undefined;
  let rows: Row[] = [];
  for (;;) {
    const range = { from, until, limit: rowsPerPage, ...rowsFrom(query, after) };
    const page = await source.read(series, range);
    for (const row of page.rows) {
      const own = startOf(row.time);
      if (start !== undefined && own !== start) {
        yield piece(start, rows, true);
        rows = [];
      }
      start = own;
      rows.push(row);
    }
    after = page.last;
    if (after === undefined) break;
    const isTooMany = rows.length > source.readingsLeft();
    if ((holds && !isTooMany) || start === undefined) continue;
    yield piece(start, rows, false);
    if (isTooMany) return;
    rows = [];
  }
  if (start !== undefined) yield piece(start, rows, true);
}

function tooMany(source: HistorySource): ComityError {
  const what = "messages that one answer may be made from (ask for a shorter step or time)";
  return new ComityError("LIMIT_REACHED", { limit: source.readingsLeft(), what });
}

/** A number is what counts, unless whole readings are asked for. */
function rowsFrom({ fn, field, points }: HistoryQuery, after: RowRange["after"]) {
  const asksReadings = points === undefined && (fn === "raw" || fn === "last");
  const path = field ?? (asksReadings ? undefined : "");
  return { ...(path !== undefined && { field: path }), ...(after !== undefined && { after }) };
}

async function handedOut(
  source: HistorySource,
  topic: string,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  return source.handOut === undefined ? rows : source.handOut(topic, rows);
}

function readingLine(topic: string, { time, at, position, payload }: Row): HistoryLine {
  return { topic, time, at, position, payload };
}

function valueLine(topic: string, { time, value }: Point): HistoryLine {
  return { topic, time, value };
}
