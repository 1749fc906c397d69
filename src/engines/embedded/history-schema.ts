import { closeSync, openSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** Raised whenever the tables or a chunk's bytes change: a file of another format is made anew. */
const format = 2;

const tables = `
  CREATE TABLE log (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL,
    reached INTEGER NOT NULL, mark TEXT NOT NULL,
    -- positions before it are answered no more
    begins INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE series (
    id INTEGER PRIMARY KEY, log INTEGER NOT NULL, topic TEXT NOT NULL,
    -- positions before it are in chunks, or were erased
    chunked_to INTEGER NOT NULL, readings INTEGER NOT NULL,
    -- the latest reading in a chunk
    last_position INTEGER, last_at INTEGER, last_time INTEGER, last_payload BLOB,
    UNIQUE (log, topic)
  ) STRICT;
  CREATE TABLE chunk (
    id INTEGER PRIMARY KEY, series INTEGER NOT NULL, level INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    first_position INTEGER NOT NULL, last_position INTEGER NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
    first_time INTEGER NOT NULL, last_time INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX chunk_time ON chunk (series, last_time);
  CREATE INDEX chunk_level ON chunk (series, level, readings);
  PRAGMA user_version = ${format};
`;

/** A file that cannot be read, or is of another format, is made anew: logs have it all. */
export function openHistoryFile(path: string): DatabaseSync {
  try {
    const database = connected(path);
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version === format) return database;
    database.close();
  } catch {
    // whatever it was, it is none of ours
  }
  for (const ending of ["", "-wal", "-shm"]) rmSync(`${path}${ending}`, { force: true });
  const database = connected(path);
  database.exec(tables);
  return database;
}

function connected(path: string): DatabaseSync {
  closeSync(openSync(path, "a", 0o600)); // SQLite gives the WAL the rights of this file
  const database = new DatabaseSync(path, { timeout: 1000 });
  // What a crash takes is taken from the log again; that the file stays whole is enough. What is
  // erased is overwritten, as it is in the store.
  database.exec(`
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA secure_delete = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -16384;
    PRAGMA wal_autocheckpoint = 4096;
    PRAGMA journal_size_limit = 33554432;
    PRAGMA wal_checkpoint(TRUNCATE);
  `);
  return database;
}
