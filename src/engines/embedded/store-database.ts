import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { ListRange, LogBlock, LogState } from "../../ports/store.ts";
import { LogEraser } from "./log-eraser.ts";
import { trimLog } from "./log-trimmer.ts";
import type { StoredText, StoredWrite } from "./store-messages.ts";

const selectLog = `SELECT name AS log, epoch, "end", messages, bytes, erased FROM log`;

/** The store's verbs as SQL, on one connection, one after the other. */
export class StoreDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #eraser = new LogEraser((sql) => this.#statement(sql));

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Group commit: one transaction, one fsync, a savepoint for each commit, so that one that is
   * refused fails alone. Returns what was refused, by place. Throws where the disk failed: then
   * none of them is in the store.
   */
  commitAll(commits: readonly (readonly StoredWrite[])[]): (ComityError | undefined)[] {
    this.#run("BEGIN IMMEDIATE");
    const refusals = commits.map((writes) => this.#commitOne(writes));
    this.#run("COMMIT");
    this.#eraser.finish();
    return refusals;
  }

  #commitOne(writes: readonly StoredWrite[]): ComityError | undefined {
    this.#run("SAVEPOINT one");
    try {
      for (const write of writes) this.#write(write);
    } catch (thrown) {
      if (diskFailed(thrown)) throw thrown;
      this.#run("ROLLBACK TO one");
      this.#run("RELEASE one");
      return refusalOf(thrown);
    }
    this.#run("RELEASE one");
    return undefined;
  }

  #write(write: StoredWrite): void {
    switch (write.op) {
      case "put":
        this.#run(
          `INSERT INTO document (kind, id, doc) VALUES (?, ?, ?)
           ON CONFLICT DO UPDATE SET doc = excluded.doc`,
          write.kind,
          write.id,
          write.doc,
        );
        return;
      case "add": {
        const added = this.#run(
          "INSERT INTO document (kind, id, doc) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
          write.kind,
          write.id,
          write.doc,
        );
        if (added === 0) {
          throw new ComityError("STORE_CONFLICT", { kind: write.kind, id: write.id });
        }
        return;
      }
      case "remove":
        this.#run("DELETE FROM document WHERE kind = ? AND id = ?", write.kind, write.id);
        return;
      case "append":
        this.#append(write.block, write.producers);
        return;
      case "erase":
        this.#eraser.erase(write);
        return;
      case "trim":
        trimLog((sql) => this.#statement(sql), write);
        return;
    }
  }

  #append(block: LogBlock, producers: ReadonlyMap<string, number> | undefined): void {
    const log = this.#logThatTakes(block);
    this.#run(
      `INSERT INTO log_block (log, first, next, count, payload_bytes, at, packets)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      log,
      block.first,
      block.next,
      block.count,
      block.payloadBytes,
      block.at,
      block.packets,
    );
    this.#run(
      `UPDATE log SET "end" = ?, messages = messages + ?, bytes = bytes + ? WHERE id = ?`,
      block.next,
      block.count,
      block.payloadBytes,
      log,
    );
    for (const [producer, seq] of producers ?? []) {
      this.#run(
        `INSERT INTO log_producer (log, producer, seq) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET seq = excluded.seq`,
        log,
        producer,
        seq,
      );
    }
  }

  /** A log is one run of one epoch without holes: a block goes on exactly where it ends. */
  #logThatTakes(block: LogBlock): number {
    const log = this.#statement(`SELECT id, epoch, "end" FROM log WHERE name = ?`).get(block.log);
    if (log === undefined) {
      this.#run(
        `INSERT INTO log (name, epoch, "end", messages, bytes) VALUES (?, ?, ?, 0, 0)`,
        block.log,
        block.epoch,
        block.first,
      );
      return Number(this.#statement("SELECT last_insert_rowid() AS id").get()?.["id"]);
    }
    if (log["epoch"] !== block.epoch || log["end"] !== block.first) {
      const problem =
        `log ${block.log} stands at position ${String(log["end"])} of epoch ` +
        `${String(log["epoch"])}, the block starts at ${block.first} of ${block.epoch}`;
      throw new ComityError("STORE_FAILED", { problem });
    }
    return Number(log["id"]);
  }

  get(kind: string, id: string): string | undefined {
    const row = this.#statement("SELECT doc FROM document WHERE kind = ? AND id = ?").get(kind, id);
    return row === undefined ? undefined : String(row["doc"]);
  }

  list(kind: string, range: ListRange): StoredText[] {
    const { prefix = "", after, limit, reverse = false } = range;
    const terms = ["kind = ?"];
    const values: SQLInputValue[] = [kind];
    const bound = (term: string, value: string | undefined): void => {
      if (value === undefined) return;
      terms.push(term);
      values.push(value);
    };
    bound("id >= ?", prefix === "" ? undefined : prefix);
    bound("id < ?", firstAfterPrefix(prefix));
    bound(reverse ? "id < ?" : "id > ?", after);
    const sql =
      `SELECT id, doc FROM document WHERE ${terms.join(" AND ")} ` +
      `ORDER BY id ${reverse ? "DESC" : "ASC"} LIMIT ?`;
    const rows = this.#statement(sql).all(...values, limit ?? -1);
    return rows.map((row) => ({ id: String(row["id"]), doc: String(row["doc"]) }));
  }

  log(log: string): LogState | undefined {
    const row = this.#statement(`${selectLog} WHERE name = ?`).get(log);
    return row === undefined ? undefined : logState(row);
  }

  logs(): LogState[] {
    return this.#statement(`${selectLog} ORDER BY name`).all().map(logState);
  }

  readLog(log: string, after: number, bytesMax: number): LogBlock[] {
    const state = this.#statement("SELECT id, epoch FROM log WHERE name = ?").get(log);
    if (state === undefined) return [];
    const blocks: LogBlock[] = [];
    let bytes = 0;
    const rows = this.#statement(
      "SELECT * FROM log_block WHERE log = ? AND next > ? ORDER BY next",
    ).iterate(Number(state["id"]), after);
    for (const row of rows) {
      const packets = row["packets"];
      if (!(packets instanceof Uint8Array)) throw new TypeError("log_block.packets is no blob");
      bytes += packets.byteLength;
      if (blocks.length > 0 && bytes > bytesMax) break;
      const erased = Number(row["erased"]);
      const block: LogBlock = {
        log,
        epoch: String(state["epoch"]),
        first: Number(row["first"]),
        next: Number(row["next"]),
        count: Number(row["count"]),
        payloadBytes: Number(row["payload_bytes"]),
        at: Number(row["at"]),
        packets,
        ...(erased === 0 ? {} : { erased }),
      };
      const last = blocks.at(-1);
      if (last?.erased === undefined || last.count > 0 || erased === 0) blocks.push(block);
      else {
        blocks[blocks.length - 1] = { ...block, first: last.first, erased: last.erased + erased };
      }
    }
    return blocks;
  }

  producers(log: string): Map<string, number> {
    const rows = this.#statement(
      `SELECT producer, seq FROM log_producer
       WHERE log = (SELECT id FROM log WHERE name = ?) ORDER BY producer`,
    ).all(log);
    return new Map(rows.map((row) => [String(row["producer"]), Number(row["seq"])]));
  }

  close(): void {
    this.#database.close();
  }

  /** Lets go of the file after a failure. */
  abandon(): void {
    try {
      this.#database.close();
    } catch {
      // what made it fail has been told already
    }
  }

  /** Number of rows changed. */
  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function logState(row: Record<string, unknown>): LogState {
  return {
    log: String(row["log"]),
    epoch: String(row["epoch"]),
    end: Number(row["end"]),
    messages: Number(row["messages"]),
    bytes: Number(row["bytes"]),
    ...(Number(row["erased"]) === 0 ? {} : { erased: Number(row["erased"]) }),
  };
}

/**
 * SQLite's primary result codes that speak of one statement's values, not of the file:
 * TOOBIG, CONSTRAINT, MISMATCH, RANGE (https://www.sqlite.org/rescode.html).
 */
const valueCodes: ReadonlySet<number> = new Set([18, 19, 20, 25]);

/** Is the file no longer to be trusted? Everything else fails only the call that caused it. */
export function diskFailed(thrown: unknown): boolean {
  return (
    thrown instanceof Error && "errcode" in thrown && !valueCodes.has(Number(thrown.errcode) & 0xff)
  );
}

export function refusalOf(thrown: unknown): ComityError {
  if (thrown instanceof ComityError) return thrown;
  return new ComityError("STORE_FAILED", { problem: problemOf(thrown) });
}

/**
 * The least text that comes after everything that starts with the prefix; undefined where there
 * is none. SQLite orders text by its UTF-8 bytes, which is the order of code points.
 */
function firstAfterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0) ?? 0);
  while (points.length > 0) {
    const last = points.pop() ?? 0;
    if (last === 0x10_ffff) continue;
    // U+D800 to U+DFFF are surrogates, never characters of their own
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}
