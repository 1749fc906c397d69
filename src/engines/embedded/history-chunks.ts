import { Chunk, encodeChunk, type Reading } from "../../wire/series/chunk.ts";
import type { Statements } from "./statements.ts";

/** What a chunk holds at most. */
const chunkReadingsMax = 4096;
const chunkBytesMax = 1_048_576;
/** So many chunks of one level become one of the next: a reading is written about four times. */
const chunksPerLevelMax = 8;
/** The highest level: it is merged no more. */
const topLevel = 3;

/** Of a chunk of so many readings; small ones are not worth compressing. */
function levelOf(readings: number): number {
  if (readings < 64) return 0;
  if (readings < 512) return 1;
  return readings < 2048 ? 2 : topLevel;
}

/** Puts readings into a series' chunks, and small chunks of it into larger ones. */
export class HistoryChunks {
  readonly #sql: Statements;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  add(series: number, readings: Reading[]): void {
    if (readings.length === 0) return;
    let level = this.#write(series, readings, 0);
    while (level < topLevel && this.#count(series, level) >= chunksPerLevelMax) {
      const merged = this.#taken(series, "level = ?", level);
      level = this.#write(series, merged, level + 1);
    }
  }

  /** The readings in chunks that stand at positions from `from` on and before `upTo` go. */
  erase(series: number, from: number, upTo: number): void {
    const touched = "last_position >= ? AND first_position < ?";
    const kept = this.#taken(series, touched, from, upTo).filter(
      ({ position }) => position < from || position >= upTo,
    );
    if (kept.length > 0) this.#write(series, kept, 0);
  }

  /** Removes the chunks and hands over what was in them. */
  #taken(series: number, which: string, ...values: readonly number[]): Reading[] {
    const rows = this.#sql
      .prepare(`DELETE FROM chunk WHERE series = ? AND ${which} RETURNING bytes`)
      .all(series, ...values);
    return rows.flatMap((row) => readingsIn(row["bytes"]));
  }

  #count(series: number, level: number): number {
    const row = this.#sql
      .prepare("SELECT count(*) AS count FROM chunk WHERE series = ? AND level = ?")
      .get(series, level);
    return Number(row?.["count"]);
  }

  /** The level they came to, which is `levelMin` at least. */
  #write(series: number, readings: Reading[], levelMin: number): number {
    readings.sort((a, b) => a.time - b.time || a.position - b.position);
    const parts = split(readings);
    const level = parts.length > 1 ? topLevel : Math.max(levelMin, levelOf(readings.length));
    for (const part of parts) this.#insert(series, part, level);
    return level;
  }

  #insert(series: number, readings: readonly Reading[], level: number): void {
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
        encodeChunk(readings, level > 0),
      );
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
