import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type {
  FoundEntry,
  KnownProvider,
  SearchChange,
  SearchIndex,
  SearchPage,
  SearchQuery,
} from "../../ports/search.ts";
import type { SearchAsk, SearchReply, SearchRequest } from "./search-worker.ts";

/** Entries taken in at once: a question waits no longer than for these. */
const entriesPerChangeMax = 50;
const questionsWaitingMax = 1_000;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: ComityError): void;
}

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

function openThread(path: string): Worker {
  const file = import.meta.url.endsWith(".ts") ? "./search-worker.ts" : "./search-worker.js";
  const thread = new Worker(new URL(file, import.meta.url), {
    name: "search",
    workerData: { path },
    execArgv: ["--disable-warning=ExperimentalWarning"], // Node 24 calls node:sqlite experimental
  });
  thread.unref();
  return thread;
}

class EmbeddedSearch implements SearchIndex {
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | undefined;
  #number = 0;
  #failure: ComityError | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async change(provider: string, change: SearchChange): Promise<void> {
    const { put, remove, seenAt } = change;
    const entries = Math.max(put.length, remove.length);
    if (entries <= entriesPerChangeMax) {
      await this.#ask({ ask: "change", provider, change });
      return;
    }
    // Until all of it is in, the catalogue's old tag stands: a crawl that is cut short is repeated.
    const tag = (await this.known(provider))?.tag;
    const before = tag === undefined ? { seenAt } : { seenAt, tag };
    for (let at = 0; at < entries; at += entriesPerChangeMax) {
      const end = at + entriesPerChangeMax;
      const part = { ...before, put: put.slice(at, end), remove: remove.slice(at, end) };
      await this.#ask({ ask: "change", provider, change: part });
    }
    await this.#ask({ ask: "change", provider, change: { ...change, put: [], remove: [] } });
  }

  async forget(provider: string): Promise<void> {
    if (this.#isEmpty()) return;
    await this.#ask({ ask: "forget", provider });
  }

  async known(provider: string): Promise<KnownProvider | undefined> {
    if (this.#isEmpty()) return undefined;
    const known = (await this.#ask({ ask: "known", provider })) as
      | { seenAt: number; tag?: string; digests: [string, string][] }
      | undefined;
    return known && { ...known, digests: new Map(known.digests) };
  }

  async find(query: SearchQuery): Promise<SearchPage> {
    if (this.#waiting.size >= questionsWaitingMax) {
      throw new ComityError("LIMIT_REACHED", { limit: questionsWaitingMax, what: "searches" });
    }
    if (this.#isEmpty()) return { found: [], total: 0 };
    return (await this.#ask({ ask: "find", query })) as SearchPage;
  }

  async offer(id: string): Promise<readonly FoundEntry[]> {
    if (this.#isEmpty()) return [];
    return (await this.#ask({ ask: "offer", id })) as FoundEntry[];
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

  /** Is there nothing to ask for? SEARCH_FAILED where nothing can be asked any longer. */
  #isEmpty(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#thread === undefined && !existsSync(this.#path);
  }

  #started(): Worker {
    if (this.#thread !== undefined) return this.#thread;
    const thread = openThread(this.#path);
    thread.on("message", (reply: SearchReply) => this.#settle(reply));
    thread.on("error", (error) => this.#fail(problemOf(error)));
    thread.on("exit", () => this.#fail("its thread ended"));
    this.#thread = thread;
    return thread;
  }

  #ask(ask: SearchAsk): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const number = ++this.#number;
    const request: SearchRequest = { ...ask, number };
    const thread = this.#started();
    thread.postMessage(request, []);
    if (this.#waiting.size === 0) thread.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
    });
  }

  #settle({ number, value, problem }: SearchReply): void {
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
  return new ComityError("SEARCH_FAILED", { problem });
}
