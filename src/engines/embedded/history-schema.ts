import type { DatabaseSync } from "node:sqlite";
import { openRemadeFile } from "./remade-file.ts";

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
`;

/** Logs have all that stands in it. */
export function openHistoryFile(path: string): DatabaseSync {
  // What is erased is overwritten, as it is in the store, and does not wait in the WAL.
  const pragmas = `
    PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -16384;
    PRAGMA wal_checkpoint(TRUNCATE);
  `;
  return openRemadeFile(path, { format, tables, pragmas });
}
