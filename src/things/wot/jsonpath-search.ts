import { Worker } from "node:worker_threads";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { JsonPathReply, JsonPathRequest } from "./jsonpath-worker.ts";
import type { TdDirectory } from "./td-directory.ts";

interface JsonPathOptions {
  readonly directory: TdDirectory;
  /** From the question to its answer; the thread is ended where it takes longer. */
  readonly timeMsMax?: number;
  readonly answerBytesMax?: number;
  readonly idleMs?: number;
  readonly waitingMax?: number;
}

const pathBytesMax = 4_096;
const pieceMax = 500;

/**
 * JSONPath over all Descriptions, in a thread that holds a copy of them while it is asked. A path
 * that explodes costs that thread its time and then its life, and no message waits for it.
 */
export class JsonPathSearch {
  readonly #directory: TdDirectory;
  readonly #limits: Required<Omit<JsonPathOptions, "directory">>;
  readonly #changed = new Set<string>();
  #thread: Worker | undefined;
  #listening: Promise<() => void> | undefined;
  #idle: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor({ directory, ...limits }: JsonPathOptions) {
    this.#directory = directory;
    this.#limits = {
      ...{ timeMsMax: 2_000, answerBytesMax: 16_777_216, idleMs: 30_000, waitingMax: 100 },
      ...limits,
    };
  }

  /** The values as a list, JSON; QUERY_REFUSED says what is wrong with the path. */
  async find(path: string): Promise<string> {
    if (path === "") throw refused("it is empty; write ?query=$[*]");
    if (path.length > pathBytesMax) throw refused(`it has more than ${pathBytesMax} characters`);
    const max = this.#limits.waitingMax;
    if (this.#waiting >= max) {
      throw new ComityError("LIMIT_REACHED", { limit: max, what: "searches that wait" });
    }
    this.#waiting++;
    const mine = this.#last.then(() => this.#find(path));
    this.#last = mine.catch(() => {});
    try {
      return await mine;
    } finally {
      this.#waiting--;
    }
  }

  async close(): Promise<void> {
    (await this.#listening)?.();
    await this.#end();
  }

  async #find(path: string): Promise<string> {
    clearTimeout(this.#idle);
    const thread = this.#thread ?? (await this.#open());
    thread.ref();
    const order = await this.#feed(thread);
    const { answerBytesMax: bytesMax, timeMsMax, idleMs } = this.#limits;
    try {
      const reply = await this.#ask(thread, { path, order, bytesMax }, timeMsMax);
      if ("json" in reply) return reply.json;
      throw refused(reply.problem);
    } finally {
      thread.unref();
      this.#idle = setTimeout(() => void this.#end(), idleMs).unref();
    }
  }

  async #open(): Promise<Worker> {
    const isSource = import.meta.url.endsWith(".ts");
    const file = isSource ? "./jsonpath-worker.ts" : "./jsonpath-worker.js";
    this.#listening ??= this.#directory.events().then((events) =>
      events.listen(({ id }) => {
        if (this.#thread !== undefined) this.#changed.add(id);
      }),
    );
    await this.#listening;
    const thread = new Worker(new URL(file, import.meta.url), {
      name: "jsonpath",
      resourceLimits: { maxOldGenerationSizeMb: 2_048 },
    });
    this.#thread = thread;
    this.#changed.clear();
    for await (const put of this.#directory.pieces(pieceMax)) post(thread, { put });
    return thread;
  }

  /** What changed since the last question; returns the order of all. */
  async #feed(thread: Worker): Promise<readonly string[]> {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (let at = 0; at < changed.length; at += pieceMax) {
      const ids = changed.slice(at, at + pieceMax);
      const put: [string, string][] = [];
      const remove: string[] = [];
      for (const id of ids) {
        const td = await this.#directory.get(id);
        if (td === undefined) remove.push(id);
        else put.push([id, JSON.stringify(td)]);
      }
      post(thread, { put });
      post(thread, { remove });
    }
    return this.#directory.ids();
  }

  #ask(thread: Worker, question: JsonPathRequest, timeMsMax: number): Promise<JsonPathReply> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        thread.off("message", onMessage).off("error", onError);
        settle();
      };
      const giveUp = (problem: string): void => {
        void this.#end();
        finish(() => reject(refused(problem)));
      };
      const onMessage = (reply: JsonPathReply): void => finish(() => resolve(reply));
      const onError = (error: unknown): void => giveUp(`it ended the search: ${problemOf(error)}`);
      const timer = setTimeout(() => giveUp(`it takes longer than ${timeMsMax} ms`), timeMsMax);
      thread.on("message", onMessage).on("error", onError);
      post(thread, question);
    });
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = undefined;
    this.#changed.clear();
    await thread?.terminate();
  }
}

function post(thread: Worker, request: JsonPathRequest): void {
  thread.postMessage(request, []);
}

function refused(problem: string): ComityError {
  return new ComityError("QUERY_REFUSED", { problem });
}
