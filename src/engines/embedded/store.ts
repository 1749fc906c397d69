/**
 * The embedded engines need nothing but this process and a folder: the store here, the signer
 * in `signer.ts`. The store is one SQLite file, written by one thread. Calls come in as promises
 * and go to the thread in the order they were made; whatever queues while a transaction is being
 * written goes into the next one together, and a promise resolves after the fsync. Documents
 * travel as JSON text, so that the file can be read with any SQLite tool.
 *
 * It never answers from memory, never holds a write back to wait for company, and after a
 * failed write it takes nothing more: every call then rejects with STORE_FAILED.
 */
import type { Transferable } from "node:worker_threads";
import { Worker } from "node:worker_threads";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { ListRange, LogBlock, LogState, Store, Stored, Write } from "../../ports/store.ts";
import type { DatabaseOptions } from "./schema.ts";
import type {
  Answers,
  Ask,
  Erase,
  FromThread,
  Reply,
  Request,
  StoredWrite,
} from "./store-messages.ts";

export interface EmbeddedStoreOptions {
  /** The database file; its folder is made where it is missing. */
  readonly path: string;
  /** How long to wait for a node that is just ending before DATA_LOCKED. */
  readonly lockWaitMs?: number;
  /** Size the file may grow to; absent: as far as the disk goes. */
  readonly bytesMax?: number;
}

interface Waiting {
  resolve(value: Answers[keyof Answers]): void;
  reject(error: ComityError): void;
}

/** Throws DATA_LOCKED, DATA_NEWER or STORE_FAILED. */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<Store> {
  const file = import.meta.url.endsWith(".ts") ? "./store-worker.ts" : "./store-worker.js";
  const workerData: DatabaseOptions = {
    path: options.path,
    lockWaitMs: options.lockWaitMs ?? 1000,
    bytesMax: options.bytesMax ?? 0,
  };
  const thread = new Worker(new URL(file, import.meta.url), {
    name: "store",
    workerData,
    execArgv: ["--disable-warning=ExperimentalWarning"], // Node 24 calls node:sqlite experimental
  });
  const store = new EmbeddedStore(thread);
  await store.opened;
  return store;
}

class EmbeddedStore implements Store {
  readonly opened: Promise<void>;
  readonly failed: Promise<ComityError>;
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;
  #turn: Request[] = [];
  #transfer: Transferable[] = [];
  #failure: ComityError | undefined;
  readonly #tellFailed: (error: ComityError) => void;
  #closed: Promise<void> | undefined;

  constructor(thread: Worker) {
    this.#thread = thread;
    const opened = Promise.withResolvers<void>();
    this.opened = opened.promise;
    const failed = Promise.withResolvers<ComityError>();
    this.failed = failed.promise;
    this.#tellFailed = failed.resolve;
    const fail = (error: ComityError): void => {
      opened.reject(error);
      this.#fail(error);
    };
    thread.on("message", (message: FromThread) => {
      if (message.tell === "opened") {
        thread.unref();
        opened.resolve();
      }
      if (message.tell === "replies") this.#settle(message.replies);
      if (message.tell === "failed") fail(failure(message.problem));
      if (message.tell === "refused") {
        fail(new ComityError(message.refused.code, message.refused.details));
      }
    });
    thread.on("messageerror", (error) => fail(failure(problemOf(error))));
    thread.on("error", (error) => fail(failure(problemOf(error))));
    thread.on("exit", () => fail(failure("its thread ended")));
  }

  async commit(writes: readonly Write[]): Promise<void> {
    if (writes.length === 0) return;
    const transfer: Transferable[] = [];
    const stored = writes.map((write) => storedWrite(write, transfer));
    await this.#ask<"commit">({ ask: "commit", writes: stored }, transfer);
  }

  async get<T>(kind: string, id: string): Promise<T | undefined> {
    const doc = await this.#ask<"get">({ ask: "get", kind, id });
    if (doc === undefined) return undefined;
    const value: T = JSON.parse(doc);
    return value;
  }

  async list<T>(kind: string, range: ListRange = {}): Promise<Stored<T>[]> {
    const rows = await this.#ask<"list">({ ask: "list", kind, range });
    return rows.map(({ id, doc }): Stored<T> => ({ id, doc: JSON.parse(doc) }));
  }

  async log(log: string): Promise<LogState | undefined> {
    return this.#ask<"log">({ ask: "log", log });
  }

  async logs(): Promise<LogState[]> {
    return [...(await this.#ask<"logs">({ ask: "logs" }))];
  }

  async readLog(log: string, after: number, bytesMax: number): Promise<LogBlock[]> {
    return [...(await this.#ask<"readLog">({ ask: "readLog", log, after, bytesMax }))];
  }

  async producers(log: string): Promise<ReadonlyMap<string, number>> {
    return this.#ask<"producers">({ ask: "producers", log });
  }

  /** Waits for what was asked before; may be called again. */
  async close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#failure !== undefined) return;
    const exited = new Promise((resolve) => this.#thread.once("exit", resolve));
    const done = this.#ask<"close">({ ask: "close" });
    this.#failure = failure("it is closed");
    await done;
    this.#thread.ref();
    await exited;
  }

  #ask<K extends keyof Answers>(
    ask: Extract<Ask, { ask: K }>,
    transfer: readonly Transferable[] = [],
  ): Promise<Answers[K]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const number = ++this.#number;
    if (this.#turn.length === 0) queueMicrotask(() => this.#send());
    this.#turn.push({ ...ask, number });
    this.#transfer.push(...transfer);
    // An idle store does not keep its process alive, one with work does.
    if (this.#waiting.size === 0) this.#thread.ref();
    return new Promise((resolve, reject) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- answers fit their asks
      this.#waiting.set(number, { resolve: resolve as Waiting["resolve"], reject });
    });
  }

  /** One message for everything asked in this turn. */
  #send(): void {
    const requests = this.#turn;
    const transfer = this.#transfer;
    this.#turn = [];
    this.#transfer = [];
    try {
      this.#thread.postMessage(requests, transfer);
    } catch (thrown) {
      const error = failure(problemOf(thrown));
      this.#settle(
        requests.map(({ number }) => ({
          number,
          refused: { code: error.code, details: error.details },
        })),
      );
    }
  }

  #settle(replies: readonly Reply[]): void {
    for (const reply of replies) {
      const waiting = this.#waiting.get(reply.number);
      this.#waiting.delete(reply.number);
      if (waiting === undefined) continue;
      if ("refused" in reply) {
        waiting.reject(new ComityError(reply.refused.code, reply.refused.details));
      } else waiting.resolve(reply.value);
    }
    if (this.#waiting.size === 0) this.#thread.unref();
  }

  #fail(error: ComityError): void {
    if (this.#failure === undefined) {
      this.#failure = error;
      this.#tellFailed(error);
    }
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

function failure(problem: string): ComityError {
  return new ComityError("STORE_FAILED", { problem });
}

/** Takes the write as it is now: the caller may change its objects afterwards. */
function storedWrite(write: Write, transfer: Transferable[]): StoredWrite {
  if (write.op === "append") return storedAppend(write, transfer);
  if (write.op === "erase") return storedErase(write);
  if (write.op === "trim") return write;
  if (write.op === "remove") return { op: "remove", kind: write.kind, id: write.id };
  const doc: string | undefined = JSON.stringify(write.doc);
  if (doc === undefined) throw new TypeError(`${write.kind} ${write.id} is not JSON`);
  return { op: write.op, kind: write.kind, id: write.id, doc };
}

function storedAppend(
  write: Extract<Write, { op: "append" }>,
  transfer: Transferable[],
): StoredWrite {
  assertBlock(write.block);
  // A copy, because a clone of a slice would take its whole backing memory along, and because
  // moving the caller's own buffer would detach it.
  const packets = new Uint8Array(write.block.packets);
  transfer.push(packets.buffer);
  const block: LogBlock = { ...write.block, packets };
  if (write.producers === undefined) return { op: "append", block };
  return { op: "append", block, producers: new Map(write.producers) };
}

function storedErase(write: Erase): Erase {
  const { op, log, from, to, left = [] } = write;
  const kept = left.map((block) => ({ ...block, packets: new Uint8Array(block.packets) }));
  let at = from;
  for (const block of kept) {
    assertBlock(block);
    if (block.first < at || block.next > to) {
      throw new RangeError(`what is left of ${log} lies outside ${at} to ${to}`);
    }
    at = block.next;
  }
  return { op, log, from, to, left: kept };
}

function assertBlock(block: LogBlock): void {
  const { first, next, count, payloadBytes, at } = block;
  const whole = [first, next, count, payloadBytes, at].every(
    (value) => Number.isSafeInteger(value) && value >= 0,
  );
  if (!whole || next <= first || count > next - first) {
    const problem = JSON.stringify({ first, next, count, payloadBytes, at });
    throw new RangeError(`a block of ${block.log} is impossible: ${problem}`);
  }
}
