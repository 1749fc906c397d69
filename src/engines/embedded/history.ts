import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { ComityError } from "../../kernel/errors.ts";
import type {
  History,
  Reached,
  ReadingPage,
  ReadingQuery,
  Series,
  SeriesQuery,
} from "../../ports/history.ts";
import type { LogBlock } from "../../ports/store.ts";
import { AskedThread } from "./asked-thread.ts";
import type { HistoryAsk } from "./history-worker.ts";

const questionsWaitingMax = 1_000;
const readingsWaitingMax = 131_072;

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
  readonly #thread: AskedThread<HistoryAsk>;

  constructor(path: string, waitingMax: number) {
    this.#path = path;
    this.#thread = new AskedThread<HistoryAsk>(() => openThread(path, waitingMax), failure);
  }

  async reached(log: string): Promise<Reached | undefined> {
    if (this.#isEmpty()) return undefined;
    return (await this.#thread.ask({ ask: "reached", log })) as Reached | undefined;
  }

  async take(blocks: readonly LogBlock[]): Promise<void> {
    if (blocks.length === 0) return;
    // a clone of a slice would take its whole backing memory along
    const own = blocks.map((block) => ({ ...block, packets: new Uint8Array(block.packets) }));
    await this.#thread.ask(
      { ask: "take", blocks: own },
      own.map(({ packets }) => packets.buffer),
    );
  }

  async series(query: SeriesQuery): Promise<readonly Series[]> {
    this.#makeRoom();
    if (this.#isEmpty()) return [];
    return (await this.#thread.ask({ ask: "series", query })) as Series[];
  }

  async read(query: ReadingQuery): Promise<ReadingPage> {
    this.#makeRoom();
    return (await this.#thread.ask({ ask: "read", query })) as ReadingPage;
  }

  async erase(log: string, upTo: number, from = 0): Promise<void> {
    if (this.#isEmpty()) return;
    await this.#thread.ask({ ask: "erase", log, upTo, from });
  }

  async trim(log: string, upTo: number): Promise<void> {
    if (this.#isEmpty()) return;
    await this.#thread.ask({ ask: "trim", log, upTo });
  }

  async forget(log: string): Promise<void> {
    if (this.#isEmpty()) return;
    await this.#thread.ask({ ask: "forget", log });
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #makeRoom(): void {
    if (this.#thread.questionsWaiting < questionsWaitingMax) return;
    throw new ComityError("LIMIT_REACHED", { limit: questionsWaitingMax, what: "questions" });
  }

  /** Is there nothing to ask for? HISTORY_FAILED where nothing can be asked any longer. */
  #isEmpty(): boolean {
    this.#thread.assertWorks();
    return !this.#thread.isStarted && !existsSync(this.#path);
  }
}

function openThread(path: string, waitingMax: number): Worker {
  const file = import.meta.url.endsWith(".ts") ? "./history-worker.ts" : "./history-worker.js";
  return new Worker(new URL(file, import.meta.url), {
    name: "history",
    workerData: { path, readingsWaitingMax: waitingMax },
    execArgv: ["--disable-warning=ExperimentalWarning"], // Node 24 calls node:sqlite experimental
  });
}

function failure(problem: string): ComityError {
  return new ComityError("HISTORY_FAILED", { problem });
}
