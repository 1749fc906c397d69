import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { ComityError } from "../../kernel/errors.ts";
import type {
  FoundEntry,
  KnownProvider,
  SearchChange,
  SearchIndex,
  SearchPage,
  SearchQuery,
} from "../../ports/search.ts";
import { AskedThread } from "./asked-thread.ts";
import type { SearchAsk } from "./search-worker.ts";

/** Entries taken in at once: a question waits no longer than for these. */
const entriesPerChangeMax = 50;
const questionsWaitingMax = 1_000;

/**
 * The search in one SQLite file of its own, written and read by one thread of its own. Neither is
 * there before something is to be kept: a node that trades with nobody does without.
 */
export async function openEmbeddedSearch(options: {
  /** The index's file; one that cannot be read is made anew. */
  readonly path: string;
}): Promise<SearchIndex> {
  return new EmbeddedSearch(options.path);
}

class EmbeddedSearch implements SearchIndex {
  readonly #path: string;
  readonly #thread: AskedThread<SearchAsk>;

  constructor(path: string) {
    this.#path = path;
    this.#thread = new AskedThread<SearchAsk>(() => openThread(path), failure);
  }

  async change(provider: string, change: SearchChange): Promise<void> {
    const { put, remove, seenAt } = change;
    const entries = Math.max(put.length, remove.length);
    if (entries <= entriesPerChangeMax) {
      await this.#thread.ask({ ask: "change", provider, change });
      return;
    }
    // Until all of it is in, the catalogue's old tag stands: a crawl that is cut short is repeated.
    const tag = (await this.known(provider))?.tag;
    const before = tag === undefined ? { seenAt } : { seenAt, tag };
    for (let at = 0; at < entries; at += entriesPerChangeMax) {
      const end = at + entriesPerChangeMax;
      const part = { ...before, put: put.slice(at, end), remove: remove.slice(at, end) };
      await this.#thread.ask({ ask: "change", provider, change: part });
    }
    await this.#thread.ask({ ask: "change", provider, change: { ...change, put: [], remove: [] } });
  }

  async forget(provider: string): Promise<void> {
    if (this.#isEmpty()) return;
    await this.#thread.ask({ ask: "forget", provider });
  }

  async known(provider: string): Promise<KnownProvider | undefined> {
    if (this.#isEmpty()) return undefined;
    const known = (await this.#thread.ask({ ask: "known", provider })) as
      | { seenAt: number; tag?: string; digests: [string, string][] }
      | undefined;
    return known && { ...known, digests: new Map(known.digests) };
  }

  async find(query: SearchQuery): Promise<SearchPage> {
    if (this.#thread.questionsWaiting >= questionsWaitingMax) {
      throw new ComityError("LIMIT_REACHED", { limit: questionsWaitingMax, what: "searches" });
    }
    if (this.#isEmpty()) return { found: [], total: 0 };
    return (await this.#thread.ask({ ask: "find", query })) as SearchPage;
  }

  async offer(id: string): Promise<readonly FoundEntry[]> {
    if (this.#isEmpty()) return [];
    return (await this.#thread.ask({ ask: "offer", id })) as FoundEntry[];
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  /** Is there nothing to ask for? SEARCH_FAILED where nothing can be asked any longer. */
  #isEmpty(): boolean {
    this.#thread.assertWorks();
    return !this.#thread.isStarted && !existsSync(this.#path);
  }
}

function openThread(path: string): Worker {
  const file = import.meta.url.endsWith(".ts") ? "./search-worker.ts" : "./search-worker.js";
  return new Worker(new URL(file, import.meta.url), {
    name: "search",
    workerData: { path },
    execArgv: ["--disable-warning=ExperimentalWarning"], // Node 24 calls node:sqlite experimental
  });
}

function failure(problem: string): ComityError {
  return new ComityError("SEARCH_FAILED", { problem });
}
