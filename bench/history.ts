/**
 * What history costs and how fast it answers, beside rows in SQLite and in PostgreSQL: readings a
 * second through the port (blocks as a log has them, own times read, everything durable at the
 * end), bytes a reading on disk, and one day of one Thing, payloads included, from the call to the
 * last row. The file is closed and opened again before it is asked.
 *
 *   npm run bench -- history [--readings N] [--folder F] [--json]
 *
 * N readings of N / 10,000 Things (full: 100,000,000). What history wrote stays in F, and is only
 * asked where it stands there already.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openEmbeddedHistory } from "../src/engines/embedded/history.ts";
import type { History, ReadingPage } from "../src/ports/history.ts";
import type { LogBlock } from "../src/ports/store.ts";
import { PostgresRows } from "./postgres-rows.ts";
import { blocksOf, type Measured, readingsOf, startedAt, topicOf } from "./readings.ts";

const seed = 7;
const readingsPerThing = 10_000;
/** Rows are measured on fewer: what one costs does not depend on how many there are. */
const rowsMax = 2_000_000;
const questions = 200;
const dayMs = 86_400_000;
const takeBytes = 1_048_576;

export interface HistoryRow {
  readonly what: string;
  readonly readings: number;
  readonly perSecond: number;
  /** CPU time of this process for one reading, the generator's included. */
  readonly cpuMicroseconds: number;
  readonly bytesPerReading: number;
  /** Bytes of payload over bytes on disk. */
  readonly ratio: number;
  readonly p50: number;
  readonly p99: number;
}

export interface HistoryBenchOptions {
  readonly json: boolean;
  readonly readings: number;
  readonly folder?: string | undefined;
}

export async function historyBench(options: HistoryBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "comity-history-"));
  try {
    const { readings } = options;
    const rows: HistoryRow[] = [await comity(options.folder ?? folder, readings)];
    const few = Math.min(readings, rowsMax);
    rows.push(sqliteRows(folder, few));
    const postgres = PostgresRows.open(folder);
    if (postgres === undefined) console.error("PostgreSQL: not installed here, left out");
    else rows.push(await postgresRows(postgres, few));
    const about = { bench: "history", node: process.version, cpu: cpus()[0]?.model, seed };
    if (options.json) console.log(JSON.stringify({ ...about, rows }));
    else print(about.cpu ?? "", rows);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function thingsOf(readings: number): number {
  return Math.max(1, Math.round(readings / readingsPerThing));
}

function generated(readings: number): Iterable<Measured> {
  return readingsOf(thingsOf(readings), readings, seed);
}

async function comity(folder: string, readings: number): Promise<HistoryRow> {
  const path = join(folder, `history-${readings}.db`);
  let payloadBytes = 0;
  const isThere = existsSync(path);
  const filled = await timed(async () => {
    if (isThere) {
      for (const { payload } of generated(readings)) payloadBytes += payload.length;
      return;
    }
    const history = await openEmbeddedHistory({ path });
    let blocks: LogBlock[] = [];
    let bytes = 0;
    for (const block of blocksOf("bench", generated(readings))) {
      payloadBytes += block.payloadBytes;
      blocks.push(block);
      bytes += block.packets.length;
      if (bytes < takeBytes) continue;
      await history.take(blocks);
      blocks = [];
      bytes = 0;
    }
    await history.take(blocks);
    await history.close();
  });
  const history = await openEmbeddedHistory({ path });
  const asked = await ask(readings, (topic) => dayOf(history, topic));
  await history.close();
  const about = { what: "Comity history", readings, payloadBytes, bytes: statSync(path).size };
  return rowOf(about, isThere ? notFilled : filled, asked);
}

/** Every reading of the first day, page after page. */
async function dayOf(history: History, topic: string): Promise<number> {
  const query = { log: "bench", topic, by: "time", limit: Infinity } as const;
  const range = { from: startedAt, until: startedAt + dayMs };
  let found = 0;
  let after: { time: number; position: number } | undefined;
  for (;;) {
    const page: ReadingPage = await history.read({ ...query, ...range, ...(after && { after }) });
    found += page.positions.length;
    const last = page.positions.length - 1;
    if (!page.more || last < 0) return found;
    after = { time: page.times[last]!, position: page.positions[last]! };
  }
}

/** A row a reading, found by topic and time. */
function sqliteRows(folder: string, readings: number): HistoryRow {
  const path = join(folder, "rows.db");
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT;
    CREATE TABLE reading (
      topic INTEGER NOT NULL, time INTEGER NOT NULL, position INTEGER NOT NULL,
      at INTEGER NOT NULL, payload TEXT NOT NULL, PRIMARY KEY (topic, time, position)
    ) STRICT, WITHOUT ROWID;
  `);
  let payloadBytes = 0;
  const started = mark();
  const topics = new Map<string, number>();
  const addTopic = database.prepare("INSERT INTO topic (name) VALUES (?)");
  const add = database.prepare("INSERT INTO reading VALUES (?, ?, ?, ?, ?)");
  let position = 0;
  database.exec("BEGIN");
  for (const { topic, time, payload } of generated(readings)) {
    let id = topics.get(topic);
    if (id === undefined) topics.set(topic, (id = Number(addTopic.run(topic).lastInsertRowid)));
    add.run(id, time, position, time + 80, payload);
    payloadBytes += payload.length;
    if (++position % 10_000 === 0) database.exec("COMMIT; BEGIN");
  }
  database.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  const filled = since(started);
  const day = database.prepare(
    `SELECT time, position, at, payload FROM reading
     WHERE topic = (SELECT id FROM topic WHERE name = ?) AND time >= ? AND time < ?`,
  );
  const taken: number[] = [];
  for (const topic of askedTopics(readings)) {
    const start = performance.now();
    day.all(topic, startedAt, startedAt + dayMs);
    taken.push(performance.now() - start);
  }
  database.close();
  const about = { what: "SQLite, a row each", readings, payloadBytes, bytes: statSync(path).size };
  return rowOf(about, filled, taken);
}

async function postgresRows(postgres: PostgresRows, readings: number): Promise<HistoryRow> {
  try {
    const started = mark();
    const payloadBytes = await postgres.fill(generated(readings));
    const filled = since(started);
    const taken = await postgres.days([...askedTopics(readings)], startedAt, startedAt + dayMs);
    const about = {
      what: "PostgreSQL, a row each",
      readings,
      payloadBytes,
      bytes: postgres.bytes(),
    };
    return rowOf(about, filled, taken);
  } finally {
    await postgres.close();
  }
}

function* askedTopics(readings: number): Iterable<string> {
  const things = thingsOf(readings);
  for (let i = 0; i < questions; i++) yield topicOf((i * 7919) % things);
}

async function ask(readings: number, day: (topic: string) => Promise<number>): Promise<number[]> {
  const taken: number[] = [];
  for (const topic of askedTopics(readings)) {
    const start = performance.now();
    const found = await day(topic);
    taken.push(performance.now() - start);
    const wanted = Math.min(readings / thingsOf(readings), dayMs / 10_000);
    if (found < wanted - 1) throw new Error(`${topic} has ${found} readings of ${wanted}`);
  }
  return taken;
}

interface Taken {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const notFilled: Taken = { seconds: NaN, cpuSeconds: NaN };

function mark(): { at: number; cpu: NodeJS.CpuUsage } {
  return { at: performance.now(), cpu: process.cpuUsage() };
}

function since(start: ReturnType<typeof mark>): Taken {
  const { user, system } = process.cpuUsage(start.cpu);
  return { seconds: (performance.now() - start.at) / 1000, cpuSeconds: (user + system) / 1e6 };
}

async function timed(work: () => Promise<void>): Promise<Taken> {
  const start = mark();
  await work();
  return since(start);
}

function rowOf(
  about: { what: string; readings: number; payloadBytes: number; bytes: number },
  { seconds, cpuSeconds }: Taken,
  taken: readonly number[],
): HistoryRow {
  const { what, readings, payloadBytes, bytes } = about;
  const sorted = taken.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)]!;
  return {
    ...{ what, readings, perSecond: readings / seconds },
    cpuMicroseconds: (cpuSeconds / readings) * 1e6,
    ...{ bytesPerReading: bytes / readings, ratio: payloadBytes / bytes },
    ...{ p50: at(0.5), p99: at(0.99) },
  };
}

function print(cpu: string, rows: readonly HistoryRow[]): void {
  console.log(`history: seed ${seed}, ${cpu}, Node ${process.version}`);
  console.table(
    Object.fromEntries(
      rows.map(
        ({ what, readings, perSecond, cpuMicroseconds, bytesPerReading, ratio, p50, p99 }) => [
          what,
          {
            readings,
            "readings/s": Number.isNaN(perSecond) ? "filled before" : Math.round(perSecond),
            "µs CPU": Number.isNaN(cpuMicroseconds) ? "" : Number(cpuMicroseconds.toFixed(2)),
            "bytes/reading": Number(bytesPerReading.toFixed(2)),
            ratio: Number(ratio.toFixed(2)),
            "p50 ms": Number(p50.toFixed(1)),
            "p99 ms": Number(p99.toFixed(1)),
          },
        ],
      ),
    ),
  );
}
