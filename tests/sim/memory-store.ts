import { DatabaseSync } from "node:sqlite";
import { migrate, migrations } from "../../src/engines/embedded/schema.ts";
import { StoreDatabase } from "../../src/engines/embedded/store-database.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import type { ListRange, LogBlock, LogState, Store, Stored, Write } from "../../src/ports/store.ts";

/** Called around each commit; a simulation ends the process there. */
export type CommitHook = (when: "before" | "after") => void;

const databases = new WeakMap<StoreDatabase, DatabaseSync>();

/** What outlives a crash: the embedded store's own tables, in memory. */
export function newDisk(): StoreDatabase {
  const database = new DatabaseSync(":memory:");
  migrate(database, ":memory:", migrations);
  return diskOn(database);
}

/** The same rows on a disk of its own. */
export function copyOf(disk: StoreDatabase): StoreDatabase {
  const source = databases.get(disk);
  if (source === undefined) throw new Error("it is no disk of this file's");
  const database = new DatabaseSync(":memory:");
  database.deserialize(source.serialize());
  return diskOn(database);
}

function diskOn(database: DatabaseSync): StoreDatabase {
  const disk = new StoreDatabase(database);
  databases.set(disk, database);
  return disk;
}

/**
 * The embedded store without its thread and its file, for simulations that start thousands of
 * nodes. Whatever is asked is done in a later turn of the event loop, one after the other, so
 * that a crash may come before a commit, or between the commit and its answer.
 */
export class MemoryStore implements Store {
  readonly failed: Promise<ComityError>;
  readonly #tellFailed: (error: ComityError) => void;
  readonly #disk: StoreDatabase;
  readonly #hook: CommitHook;
  #failure: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(disk: StoreDatabase, hook: CommitHook = () => {}) {
    this.#disk = disk;
    this.#hook = hook;
    const failed = Promise.withResolvers<ComityError>();
    this.failed = failed.promise;
    this.#tellFailed = failed.resolve;
  }

  /** The process is gone: whatever it still asks fails. */
  cut(): void {
    this.#failure ??= "the process has ended";
    this.#tellFailed(failure(this.#failure));
  }

  async commit(writes: readonly Write[]): Promise<void> {
    // as they are now: the caller may change its objects while the commit waits for its turn
    const taken = writes.map((write) => {
      if (write.op === "append") {
        const block = { ...write.block, packets: Uint8Array.from(write.block.packets) };
        return { ...write, block };
      }
      if (write.op === "remove" || write.op === "erase" || write.op === "trim") return write;
      return { ...write, doc: JSON.stringify(write.doc) };
    });
    await this.#turn(() => {
      this.#hook("before");
      this.#assertRunning();
      const [refusal] = this.#disk.commitAll([taken]);
      if (refusal) throw refusal;
      this.#hook("after");
      this.#assertRunning();
    });
  }

  async get<T>(kind: string, id: string): Promise<T | undefined> {
    const text = await this.#turn(() => this.#disk.get(kind, id));
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }

  async list<T>(kind: string, range: ListRange = {}): Promise<Stored<T>[]> {
    const found = await this.#turn(() => this.#disk.list(kind, range));
    return found.map(({ id, doc }) => ({ id, doc: JSON.parse(doc) as T }));
  }

  async log(log: string): Promise<LogState | undefined> {
    return this.#turn(() => this.#disk.log(log));
  }

  async logs(): Promise<LogState[]> {
    return this.#turn(() => this.#disk.logs());
  }

  async readLog(log: string, after: number, bytesMax: number): Promise<LogBlock[]> {
    return this.#turn(() => this.#disk.readLog(log, after, bytesMax));
  }

  async producers(log: string): Promise<ReadonlyMap<string, number>> {
    return this.#turn(() => this.#disk.producers(log));
  }

  async close(): Promise<void> {
    await this.#last;
    this.#failure ??= "it is closed";
  }

  async #turn<T>(work: () => T): Promise<T> {
    const mine = this.#last.then(nextTurn);
    this.#last = mine;
    await mine;
    this.#assertRunning();
    return work();
  }

  #assertRunning(): void {
    if (this.#failure !== undefined) throw failure(this.#failure);
  }
}

function failure(problem: string): ComityError {
  return new ComityError("STORE_FAILED", { problem });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
