import { giveBack } from "../../kernel/give-back.ts";
import { Chunk, encodeChunk, type Reading } from "../../wire/series/chunk.ts";
import type { Statements } from "./statements.ts";

/** What a chunk holds at most. */
const chunkReadingsMax = 4096;
const chunkBytesMax = 1_048_576;
/**
 * By its size: what soon goes into a larger one, what is not full, and what is merged no more. So
 * a reading is written three times, and taken apart twice.
 */
const levels = { small: 0, middle: 1, full: 2 } as const;
type Level = (typeof levels)[keyof typeof levels];
const mergesAt = [
  { chunks: 16, readings: 128 },
  { chunks: 16, readings: chunkReadingsMax },
] as const;

function levelOf(readings: number): Level {
  if (readings < 128) return levels.small;
  return readings < chunkReadingsMax / 2 ? levels.middle : levels.full;
}

/** Puts readings into a series' chunks, and small chunks of it into larger ones. */
export class HistoryChunks {
  readonly #sql: Statements;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  add(series: number, readings: Reading[]): void {
    if (readings.length === 0) return;
    this.#write(series, readings);
    for (const level of [levels.small, levels.middle]) {
      if (this.#isEnough(series, level))
        this.#write(series, this.#taken(series, "level = ?", level));
    }
  }

  /** The readings in chunks that stand at positions from `from` on and before `upTo` go. */
  erase(series: number, from: number, upTo: number): void {
    const touched = "last_position >= ? AND first_position < ?";
    const kept = this.#taken(series, touched, from, upTo).filter(
      ({ position }) => position < from || position >= upTo,
    );
    if (kept.length > 0) this.#write(series, kept);
  }

  /** Removes the chunks and hands over what was in them. */
  #taken(series: number, which: string, ...values: readonly number[]): Reading[] {
    const rows = this.#sql
      .prepare(`DELETE FROM chunk WHERE series = ? AND ${which} RETURNING bytes`)
      .all(series, ...values);
    return rows.flatMap((row) => readingsIn(row["bytes"]));
  }

  #isEnough(series: number, level: 0 | 1): boolean {
    const row = this.#sql
      .prepare(
        `SELECT count(*) AS chunks, sum(readings) AS readings FROM chunk
         WHERE series = ? AND level = ?`,
      )
      .get(series, level);
    const { chunks, readings } = mergesAt[level];
    const [found, held] = [Number(row?.["chunks"]), Number(row?.["readings"])];
    return found > 1 && (found >= chunks || held >= readings);
  }

  #write(series: number, readings: Reading[]): void {
    readings.sort((a, b) => a.time - b.time || a.position - b.position);
    const parts = split(readings);
    for (const part of parts) {
      this.#insert(series, part, parts.length > 1 ? levels.full : levelOf(part.length));
    }
  }

  #insert(series: number, readings: readonly Reading[], level: Level): void {
    const [first] = readings;
    if (first === undefined) return;
    let [firstPosition, lastPosition, firstAt, lastAt] = [
      first.position,
      first.position,
      first.at,
      first.at,
    ];
    for (const { position, at } of readings) {
      firstPosition = Math.min(firstPosition, position);
      lastPosition = Math.max(lastPosition, position);
      firstAt = Math.min(firstAt, at);
      lastAt = Math.max(lastAt, at);
    }
    const bytes = encodeChunk(readings, level === levels.small);
    this.#sql
      .prepare(
        `INSERT INTO chunk (series, level, readings, first_position, last_position,
           first_at, last_at, first_time, last_time, bytes)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        series,
        level,
        readings.length,
        firstPosition,
        lastPosition,
        firstAt,
        lastAt,
        first.time,
        readings.at(-1)!.time,
        bytes,
      );
    giveBack(bytes);
  }
}

/** Into parts that each fit a chunk, about as large as each other. */
function split(readings: readonly Reading[]): Reading[][] {
  const bytes = readings.reduce((sum, { payload }) => sum + payload.length, 0);
  const count = Math.max(
    Math.ceil(readings.length / chunkReadingsMax),
    Math.min(readings.length, Math.ceil(bytes / chunkBytesMax)),
  );
  const size = Math.ceil(readings.length / count);
  const parts: Reading[][] = [];
  for (let at = 0; at < readings.length; at += size) parts.push(readings.slice(at, at + size));
  return parts;
}

function readingsIn(bytes: unknown): Reading[] {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("chunk.bytes is no blob");
  const { count, positions, ats, times, ...chunk } = unpacked(bytes);
  return Array.from({ length: count }, (_, i) => ({
    position: positions[i]!,
    at: ats[i]!,
    time: times[i]!,
    payload: Buffer.from(chunk.payloads[i]!, "latin1"),
  }));
}

function unpacked(bytes: Uint8Array) {
  const chunk = new Chunk(bytes);
  const { count, positions, ats, times } = chunk;
  return { count, positions, ats, times, payloads: chunk.payloads() };
}
