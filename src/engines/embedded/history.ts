import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type {
  History,
  Reached,
  ReadingPage,
  ReadingQuery,
  Series,
  SeriesQuery,
} from "../../ports/history.ts";
import type { LogBlock } from "../../ports/store.ts";
import type { HistoryAsk, HistoryReply, HistoryRequest } from "./history-worker.ts";

const questionsWaitingMax = 1_000;
const readingsWaitingMax = 131_072;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: ComityError): void;
}

/**
 * History in one SQLite file of its own, written and read by one thread of its own. Neither is
 * there before something is to be kept: a node without logs does without.
 */
export async function openEmbeddedHistory(options: {
  /** Its file; one that cannot be read is made anew. */
  readonly path: string;
  /** What may wait in memory for a chunk. */
  readonly readingsWaitingMax?: number;
}): Promise<History> {
  return new EmbeddedHistory(options.path, options.readingsWaitingMax ?? readingsWaitingMax);
}

class EmbeddedHistory implements History {
  readonly #path: string;
  readonly #readingsWaitingMax: number;
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | undefined;
  #number = 0;
  #failure: ComityError | undefined;

  constructor(path: string, waitingMax: number) {
    this.#path = path;
    this.#readingsWaitingMax = waitingMax;
  }

  async reached(log: string): Promise<Reached | undefined> {
    if (this.#isEmpty()) return undefined;
    return (await this.#ask({ ask: "reached", log })) as Reached | undefined;
  }

  async take(blocks: readonly LogBlock[]): Promise<void> {
    if (blocks.length === 0) return;
    // a clone of a slice would take its whole backing memory along
    const own = blocks.map((block) => ({ ...block, packets: new Uint8Array(block.packets) }));
    await this.#ask(
      { ask: "take", blocks: own },
      own.map(({ packets }) => packets.buffer),
    );
  }

  async series(query: SeriesQuery): Promise<readonly Series[]> {
    this.#makeRoom();
    if (this.#isEmpty()) return [];
    return (await this.#ask({ ask: "series", query })) as Series[];
  }

  async read(query: ReadingQuery): Promise<ReadingPage> {
    this.#makeRoom();
    return (await this.#ask({ ask: "read", query })) as ReadingPage;
  }

  async erase(log: string, upTo: number, from = 0): Promise<void> {
    if (this.#isEmpty()) return;
    await this.#ask({ ask: "erase", log, upTo, from });
  }

  async trim(log: string, upTo: number): Promise<void> {
    if (this.#isEmpty()) return;
    await this.#ask({ ask: "trim", log, upTo });
  }

  async forget(log: string): Promise<void> {
    if (this.#isEmpty()) return;
    await this.#ask({ ask: "forget", log });
  }

  /** Waits for what was asked before; may be called again. */
  async close(): Promise<void> {
    if (this.#failure !== undefined) return;
    const thread = this.#thread;
    const exited = new Promise((resolve) => thread?.once("exit", resolve));
    const done = thread && this.#ask({ ask: "close" });
    this.#failure = failure("it is closed");
    if (thread === undefined) return;
    await done;
    thread.ref();
    await exited;
  }

  #makeRoom(): void {
    if (this.#waiting.size < questionsWaitingMax) return;
    throw new ComityError("LIMIT_REACHED", { limit: questionsWaitingMax, what: "questions" });
  }

  /** Is there nothing to ask for? HISTORY_FAILED where nothing can be asked any longer. */
  #isEmpty(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#thread === undefined && !existsSync(this.#path);
  }

  #started(): Worker {
    if (this.#thread !== undefined) return this.#thread;
    const file = import.meta.url.endsWith(".ts") ? "./history-worker.ts" : "./history-worker.js";
    const thread = new Worker(new URL(file, import.meta.url), {
      name: "history",
      workerData: { path: this.#path, readingsWaitingMax: this.#readingsWaitingMax },
      execArgv: ["--disable-warning=ExperimentalWarning"], // Node 24 calls node:sqlite experimental
    });
    thread.unref();
    thread.on("message", (reply: HistoryReply) => this.#settle(reply));
    thread.on("error", (error) => this.#fail(problemOf(error)));
    thread.on("exit", () => this.#fail("its thread ended"));
    this.#thread = thread;
    return thread;
  }

  #ask(ask: HistoryAsk, transfer: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const number = ++this.#number;
    const request: HistoryRequest = { ...ask, number };
    const thread = this.#started();
    thread.postMessage(request, transfer);
    if (this.#waiting.size === 0) thread.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
    });
  }

  #settle({ number, value, problem }: HistoryReply): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0) this.#thread?.unref();
    if (problem === undefined) waiting?.resolve(value);
    else waiting?.reject(failure(problem));
  }

  #fail(problem: string): void {
    this.#failure ??= failure(problem);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure);
    this.#waiting.clear();
  }
}

function failure(problem: string): ComityError {
  return new ComityError("HISTORY_FAILED", { problem });
}
