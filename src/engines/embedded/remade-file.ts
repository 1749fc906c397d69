import { closeSync, openSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

export interface RemadeFileOptions {
  /** Raised whenever what the file holds changes its shape. */
  readonly format: number;
  /** What makes the tables of an empty file. */
  readonly tables: string;
  /** Settings of each connection, beyond those of every such file. */
  readonly pragmas: string;
}

/**
 * A SQLite file of what can be had again from elsewhere: one that cannot be read, or is of another
 * format, is made anew. What a crash takes is taken in again; that the file stays whole is enough.
 */
export function openRemadeFile(path: string, options: RemadeFileOptions): DatabaseSync {
  const { format, tables, pragmas } = options;
  try {
    const database = connected(path, pragmas);
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version === format) return database;
    database.close();
  } catch {
    // whatever it was, it is none of ours
  }
  for (const ending of ["", "-wal", "-shm"]) rmSync(`${path}${ending}`, { force: true });
  const database = connected(path, pragmas);
  database.exec(`${tables}; PRAGMA user_version = ${format};`);
  return database;
}

function connected(path: string, pragmas: string): DatabaseSync {
  // SQLite gives the WAL the rights of this file
  if (path !== ":memory:") closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path, { timeout: 1000 });
  database.exec(`
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA trusted_schema = OFF;
    PRAGMA wal_autocheckpoint = 4096;
    PRAGMA journal_size_limit = 33554432;
    ${pragmas}
  `);
  return database;
}
