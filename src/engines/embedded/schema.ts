import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ComityError } from "../../kernel/errors.ts";

/** "CMTY": tells our file from any other SQLite database. */
const applicationId = 0x434d_5459;

/** SQLite result codes (primary ones): https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;

/**
 * Step n takes the format from version n to n + 1. A released step never changes; a new format
 * is a new step at the end.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE document (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    epoch TEXT NOT NULL,
    "end" INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;

  -- Found by where it ends: the first block with next > p is the one that holds position p.
  CREATE TABLE log_block (
    log INTEGER NOT NULL REFERENCES log (id),
    first INTEGER NOT NULL,
    next INTEGER NOT NULL,
    count INTEGER NOT NULL,
    payload_bytes INTEGER NOT NULL,
    at INTEGER NOT NULL,
    packets BLOB NOT NULL,
    UNIQUE (log, next)
  ) STRICT;

  CREATE TABLE log_producer (
    log INTEGER NOT NULL REFERENCES log (id),
    producer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (log, producer)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Messages that stood here and were erased.
  ALTER TABLE log ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE log_block ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
  `,
];

export interface DatabaseOptions {
  /** The database file; its folder is made where it is missing. */
  readonly path: string;
  /** How long a node that is just ending may hold the file. */
  readonly lockWaitMs: number;
  /** Size the file may grow to; 0 is SQLite's own limit. */
  readonly bytesMax: number;
}

/** Opens the file for this node alone, at the newest format. */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  const { path } = options;
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600)); // SQLite gives the WAL the rights of this file
    database = new DatabaseSync(path, { timeout: options.lockWaitMs });
    prepareConnection(database, options.bytesMax);
    migrate(database, path, migrations);
    return database;
  } catch (thrown) {
    if (database?.isOpen) database.close();
    throw named(thrown, path);
  }
}

function prepareConnection(database: DatabaseSync, bytesMax: number): void {
  // EXCLUSIVE is a lock of the operating system: a second node is refused, kill -9 releases it.
  database.exec(`
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -8192;
    PRAGMA wal_autocheckpoint = 4096;
    PRAGMA journal_size_limit = 33554432;
    PRAGMA secure_delete = ON;
    PRAGMA wal_checkpoint(TRUNCATE);
  `); // the last: what was erased just before a crash still stands in the WAL
  if (bytesMax > 0) {
    database.exec(`PRAGMA max_page_count = ${Math.ceil(bytesMax / pragma(database, "page_size"))}`);
  }
}

/** Brings the file from its own version to the newest of `steps`, each step in a transaction. */
export function migrate(database: DatabaseSync, path: string, steps: readonly string[]): void {
  const found = pragma(database, "user_version");
  const owner = pragma(database, "application_id");
  if (owner !== applicationId && (owner !== 0 || hasTables(database))) {
    throw new ComityError("STORE_FAILED", { problem: `${path} is not a Comity store` });
  }
  if (found > steps.length) {
    throw new ComityError("DATA_NEWER", { path: dirname(path), found, known: steps.length });
  }
  for (const [version, step] of steps.entries()) {
    if (version < found) continue;
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(step);
      database.exec(`PRAGMA application_id = ${applicationId}`);
      database.exec(`PRAGMA user_version = ${version + 1}`);
      database.exec("COMMIT");
    } catch (thrown) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw thrown;
    }
  }
}

function hasTables(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== undefined;
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function named(thrown: unknown, path: string): unknown {
  if (thrown instanceof ComityError) return thrown;
  const code = thrown instanceof Error && "errcode" in thrown ? Number(thrown.errcode) : 0;
  if ((code & 0xff) === SQLITE_BUSY) return new ComityError("DATA_LOCKED", { path: dirname(path) });
  const problem = thrown instanceof Error ? thrown.message : String(thrown);
  return new ComityError("STORE_FAILED", { problem: `${path}: ${problem}` });
}
