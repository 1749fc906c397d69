import { matches } from "../../kernel/topic.ts";
import {
  markOf,
  pageReadingsMax,
  type Reached,
  type ReadingPage,
  type ReadingQuery,
  type Series,
  type SeriesReading,
  type SeriesQuery,
} from "../../ports/history.ts";
import type { LogBlock } from "../../ports/store.ts";
import { MessageTimes } from "../../wire/series/message-time.ts";
import { HistoryChunks } from "./history-chunks.ts";
import { type Entry, HistoryHead, type Waiting } from "./history-head.ts";
import { HistoryReader } from "./history-reader.ts";
import { openHistoryFile } from "./history-schema.ts";
import { Statements } from "./statements.ts";

/** What may wait in memory before it is put into chunks, while as much is being put. */
const headBytesMax = 16_777_216;
/** How long one turn of putting readings into chunks takes before questions are answered. */
const turnMs = 8;

/**
 * History in a file: what was taken waits in a head, in memory, until there is enough of each
 * series for a chunk; a full head is put into chunks turn by turn while the next one fills.
 */
export class HistoryDatabase {
  readonly #sql: Statements;
  readonly #chunks: HistoryChunks;
  readonly #reader: HistoryReader;
  readonly #times = new MessageTimes();
  readonly #readingsWaitingMax: number;
  #head: HistoryHead;
  /** Its readings go into chunks now. */
  #full: HistoryHead | undefined;

  constructor(path: string, readingsWaitingMax: number) {
    this.#readingsWaitingMax = readingsWaitingMax;
    this.#sql = new Statements(openHistoryFile(path));
    this.#chunks = new HistoryChunks(this.#sql);
    this.#reader = new HistoryReader(this.#sql);
    this.#head = new HistoryHead(this.#times);
  }

  /** Are there readings to be put into chunks? */
  get hasWork(): boolean {
    return this.#full !== undefined;
  }

  reached(log: string): Reached | undefined {
    const row = this.#sql.prepare("SELECT epoch, reached, mark FROM log WHERE name = ?").get(log);
    if (row === undefined || row["mark"] === "") return undefined;
    const { epoch, reached, mark } = row;
    return { epoch: String(epoch), position: Number(reached), mark: String(mark) };
  }

  take(blocks: readonly LogBlock[]): void {
    for (const block of blocks) {
      const { bytes, readings } = this.#head;
      if (bytes >= headBytesMax || readings >= this.#readingsWaitingMax) this.rest();
      const before = (this.#head.spans.get(block.log) ?? this.#full?.spans.get(block.log))?.end;
      const end = before ?? this.reached(block.log)?.position ?? 0;
      if (block.next <= end) continue;
      if (block.first < end) throw new RangeError(`${block.log}: a block lies across ${end}`);
      const log = this.#logId(block);
      const span = { epoch: block.epoch, end: block.next, mark: markOf(block) };
      this.#together(() => this.#head.take(block, span, (topic) => this.#waiting(log, topic)));
    }
  }

  /** Everything that waits is put into chunks, from now on or, where it has to wait, at once. */
  rest(): void {
    while (this.#full !== undefined) this.work(Infinity);
    if (this.#head.spans.size === 0) return;
    this.#full = this.#head;
    this.#head = new HistoryHead(this.#times);
  }

  /** One turn; each leaves chunks and series agreeing with each other. */
  work(forMs = turnMs): void {
    const full = this.#full;
    if (full === undefined) return;
    const until = performance.now() + forMs;
    this.#together(() => {
      for (const [log, topics] of full.logs()) {
        for (const [topic, waiting] of topics) {
          if (performance.now() > until) return;
          this.#chunk(waiting, full.spans.get(log)?.end ?? 0);
          full.chunked(log, topic);
        }
      }
      for (const [log, { epoch, end, mark }] of full.spans) {
        this.#run(
          "UPDATE log SET epoch = ?, reached = ?, mark = ? WHERE name = ?",
          epoch,
          end,
          mark,
          log,
        );
      }
      this.#full = undefined;
    });
    if (this.#full === undefined) full.release();
    this.#reader.changed();
  }

  series({ log, filter, after = "", limit }: SeriesQuery): Series[] {
    const prefix = /^[^+#]*/.exec(filter)?.[0] ?? "";
    const rows = this.#sql
      .prepare(
        `SELECT series.* FROM series JOIN log ON log.id = series.log
         WHERE log.name = ? AND topic > ? AND topic >= ? ORDER BY topic`,
      )
      .iterate(log, after, filter === prefix ? prefix : prefix.replace(/\/$/, ""));
    const found: Series[] = [];
    for (const row of rows) {
      if (found.length >= limit) break;
      const topic = String(row["topic"]);
      if (!topic.startsWith(prefix.replace(/\/$/, ""))) break;
      if (filter === prefix && topic !== filter) break;
      if (!matches(filter, topic)) continue;
      const one = this.#seriesOf(log, topic, row);
      if (one !== undefined) found.push(one);
    }
    return found;
  }

  read(query: ReadingQuery): ReadingPage {
    const row = this.#sql
      .prepare(
        `SELECT series.id FROM series JOIN log ON log.id = series.log
         WHERE log.name = ? AND topic = ?`,
      )
      .get(query.log, query.topic);
    return this.#reader.read(
      Number(row?.["id"] ?? 0),
      query,
      this.#entries(query.log, query.topic),
      this.#begins(query.log),
    );
  }

  erase(log: string, upTo: number, from: number): void {
    for (const head of [this.#full, this.#head]) head?.erase(log, from, upTo);
    const rows = this.#sql
      .prepare(
        `SELECT series.id, topic, last_position FROM series JOIN log ON log.id = series.log
         WHERE log.name = ?`,
      )
      .all(log);
    this.#together(() => {
      for (const row of rows) {
        const id = Number(row["id"]);
        this.#chunks.erase(id, from, upTo);
        this.#tellLast(id, this.#begins(log));
        this.#removeEmpty(log, String(row["topic"]), id);
      }
    });
    this.#emptyWal();
    this.#reader.changed();
  }

  trim(log: string, upTo: number): void {
    for (const head of [this.#full, this.#head]) head?.erase(log, 0, upTo);
    const id = "(SELECT id FROM log WHERE name = ?)";
    this.#together(() => {
      this.#run("UPDATE log SET begins = max(begins, ?) WHERE name = ?", upTo, log);
      this.#run(
        `DELETE FROM chunk WHERE last_position < ?
           AND series IN (SELECT id FROM series WHERE log = ${id})`,
        upTo,
        log,
      );
      const rows = this.#sql
        .prepare(`SELECT id, topic FROM series WHERE log = ${id} AND last_position < ?`)
        .all(log, upTo);
      for (const row of rows) {
        this.#tellLast(Number(row["id"]), upTo);
        this.#removeEmpty(log, String(row["topic"]), Number(row["id"]));
      }
    });
    this.#reader.changed();
  }

  forget(log: string): void {
    for (const head of [this.#full, this.#head]) head?.forget(log);
    const id = "(SELECT id FROM log WHERE name = ?)";
    this.#together(() => {
      this.#run(`DELETE FROM chunk WHERE series IN (SELECT id FROM series WHERE log = ${id})`, log);
      this.#run(`DELETE FROM series WHERE log = ${id}`, log);
      this.#run("DELETE FROM log WHERE name = ?", log);
    });
    this.#reader.changed();
  }

  close(): void {
    this.rest();
    while (this.#full !== undefined) this.work(Infinity);
    this.#sql.close();
  }

  #chunk({ series, entries }: Waiting, end: number): void {
    this.#chunks.add(
      series,
      entries.map(({ position, at, time, packets, start, end: last }) => {
        return { position, at, time, payload: packets.subarray(start, last) };
      }),
    );
    this.#run(
      "UPDATE series SET chunked_to = ?, readings = readings + ? WHERE id = ?",
      end,
      entries.length,
      series,
    );
    const last = latest(entries);
    if (last === undefined) return;
    this.#run(
      `UPDATE series SET last_position = ?, last_at = ?, last_time = ?, last_payload = ?
       WHERE id = ? AND (last_time IS NULL OR (last_time, last_position) < (?, ?))`,
      last.position,
      last.at,
      last.time,
      last.packets.subarray(last.start, last.end),
      series,
      last.time,
      last.position,
    );
  }

  /** After something went: which reading is the latest now, and how many there are. */
  #tellLast(series: number, begins: number): void {
    const last = this.#lastChunked(series, begins);
    this.#run(
      `UPDATE series SET last_position = ?, last_at = ?, last_time = ?, last_payload = ?,
         readings = (SELECT coalesce(sum(readings), 0) FROM chunk WHERE series = series.id)
       WHERE id = ?`,
      last?.position ?? null,
      last?.at ?? null,
      last?.time ?? null,
      last?.payload ?? null,
      series,
    );
  }

  #lastChunked(series: number, begins: number): SeriesReading | undefined {
    const query = { log: "", topic: "", by: "time", from: 0, until: Infinity } as const;
    let found: SeriesReading | undefined;
    for (;;) {
      const after = found && { time: found.time, position: found.position };
      const asked = { ...query, limit: pageReadingsMax, ...(after && { after }) };
      const page = this.#reader.read(series, asked, [], begins);
      const last = page.positions.length - 1;
      if (last < 0) return found;
      const payload = page.payloads.subarray(page.ends[last - 1] ?? 0, page.ends[last]);
      const [position, at, time] = [page.positions[last]!, page.ats[last]!, page.times[last]!];
      found = { position, at, time, payload };
      if (!page.more) return found;
    }
  }

  #removeEmpty(log: string, topic: string, id: number): void {
    const isKnown = this.#full?.of(log, topic) ?? this.#head.of(log, topic);
    if (isKnown !== undefined) return;
    this.#run("DELETE FROM series WHERE id = ? AND last_position IS NULL", id);
  }

  /** Undefined: nothing of it is left. */
  #seriesOf(log: string, topic: string, row: Record<string, unknown>): Series | undefined {
    const entries = this.#entries(log, topic);
    const readings = Number(row["readings"]) + entries.length;
    const waiting = latest(entries);
    const time = row["last_time"];
    const payload = row["last_payload"];
    const position = Number(row["last_position"]);
    const chunked =
      typeof time === "number" && payload instanceof Uint8Array
        ? { position, at: Number(row["last_at"]), time, payload }
        : undefined;
    if (waiting === undefined) return chunked && { topic, readings, last: chunked };
    const { packets, start, end, ...stands } = waiting;
    const isLater =
      chunked === undefined ||
      stands.time > chunked.time ||
      (stands.time === chunked.time && stands.position > chunked.position);
    if (!isLater) return { topic, readings, last: chunked };
    return {
      topic,
      readings,
      last: { ...stands, payload: Uint8Array.from(packets.subarray(start, end)) },
    };
  }

  #begins(log: string): number {
    const row = this.#sql.prepare("SELECT begins FROM log WHERE name = ?").get(log);
    return Number(row?.["begins"] ?? 0);
  }

  #entries(log: string, topic: string): readonly Entry[] {
    const full = this.#full?.of(log, topic)?.entries ?? [];
    const head = this.#head.of(log, topic)?.entries ?? [];
    return full.length === 0 ? head : [...full, ...head];
  }

  #logId({ log, epoch }: LogBlock): number {
    this.#run(
      `INSERT INTO log (name, epoch, reached, mark) VALUES (?, ?, 0, '')
       ON CONFLICT DO NOTHING`,
      log,
      epoch,
    );
    return Number(this.#sql.prepare("SELECT id FROM log WHERE name = ?").get(log)?.["id"]);
  }

  #waiting(log: number, topic: string): Waiting {
    const known = this.#sql
      .prepare("SELECT id, chunked_to FROM series WHERE log = ? AND topic = ?")
      .get(log, topic);
    if (known !== undefined) {
      return { series: Number(known["id"]), chunkedTo: Number(known["chunked_to"]), entries: [] };
    }
    const { lastInsertRowid } = this.#sql
      .prepare("INSERT INTO series (log, topic, chunked_to, readings) VALUES (?, ?, 0, 0)")
      .run(log, topic);
    return { series: Number(lastInsertRowid), chunkedTo: 0, entries: [] };
  }

  /** What was overwritten in the file stands in the WAL as it was, until that is cut off. */
  #emptyWal(): void {
    this.#sql.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
  }

  #together(work: () => void): void {
    this.#sql.together(work);
  }

  #run(sql: string, ...values: (string | number | Uint8Array | null)[]): void {
    this.#sql.prepare(sql).run(...values);
  }
}

/** By time, then position. */
function latest(entries: readonly Entry[]): Entry | undefined {
  let last: Entry | undefined;
  for (const one of entries) {
    if (last === undefined || one.time > last.time) last = one;
    else if (one.time === last.time && one.position > last.position) last = one;
  }
  return last;
}
