/**
 * Thing Descriptions and Thing Models (W3C WoT Thing Description 1.1). In come texts that people,
 * devices and models give; out go what is wrong with them, by member, and Descriptions with the
 * forms by which a Thing is reached through this node. Nothing here speaks to a network: models
 * that a document refers to are brought by the caller, and no address in it is ever called.
 */
import { Worker } from "node:worker_threads";
import { problemOf } from "../../kernel/errors.ts";
import { TdInvalid, type TdProblem } from "./problem.ts";
import type { ValidationReply, ValidationRequest } from "./validator-worker.ts";

interface Waiting {
  readonly request: ValidationRequest;
  readonly resolve: (problems: readonly TdProblem[]) => void;
  readonly reject: (error: Error) => void;
}

interface ValidatorOptions {
  /** A text that takes longer is refused: what comes in may be made to take for ever. */
  readonly timeMsMax?: number;
  /** A thread that has nothing to do ends after this. */
  readonly idleMs?: number;
  readonly waitingMax?: number;
}

/**
 * Validation in a thread of its own, which is there while it has work: the schemas are compiled
 * there (a quarter of a second that no message has to wait for), once, at the first question.
 */
export class Validator {
  readonly #timeMsMax: number;
  readonly #idleMs: number;
  readonly #waitingMax: number;
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #number = 0;

  constructor({ timeMsMax = 5_000, idleMs = 30_000, waitingMax = 1_000 }: ValidatorOptions = {}) {
    this.#timeMsMax = timeMsMax;
    this.#idleMs = idleMs;
    this.#waitingMax = waitingMax;
  }

  /** The document that the text holds; TdInvalid with all that is wrong with it. */
  async read(kind: ValidationRequest["kind"], text: string): Promise<Record<string, unknown>> {
    let doc: unknown;
    try {
      doc = JSON.parse(text);
    } catch (error) {
      throw new TdInvalid([{ field: "(root)", description: `is no JSON: ${problemOf(error)}` }]);
    }
    const problems = await this.#ask(kind, text);
    if (problems.length > 0) throw new TdInvalid(problems);
    return doc as Record<string, unknown>;
  }

  async close(): Promise<void> {
    for (const { reject } of this.#waiting.values()) reject(refusal("was left: the node ends"));
    this.#waiting.clear();
    await this.#end();
  }

  #ask(kind: ValidationRequest["kind"], text: string): Promise<readonly TdProblem[]> {
    if (this.#waiting.size >= this.#waitingMax) {
      throw refusal(`has to wait: ${this.#waitingMax} others are being validated; try again`);
    }
    const request = { number: this.#number++, kind, text };
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.number, { request, resolve, reject });
      this.#post(request);
      if (this.#waiting.size === 1) this.#watch();
    });
  }

  #post(request: ValidationRequest): void {
    const thread = (this.#thread ??= this.#open());
    thread.ref();
    thread.postMessage(request, []);
  }

  #open(): Worker {
    const file = import.meta.url.endsWith(".ts")
      ? "./validator-worker.ts"
      : "./validator-worker.js";
    const thread = new Worker(new URL(file, import.meta.url), { name: "td-validation" });
    thread.on("message", ({ number, problems }: ValidationReply) => {
      this.#waiting.get(number)?.resolve(problems);
      this.#waiting.delete(number);
      this.#watch();
    });
    thread.on("error", (error) => this.#giveUpFirst(thread, `ended it: ${problemOf(error)}`));
    return thread;
  }

  /** One timer: for the answer that comes next, or for a thread that has nothing to do. */
  #watch(): void {
    clearTimeout(this.#timer);
    const thread = this.#thread;
    if (thread === undefined) return;
    const late = `takes longer than ${this.#timeMsMax} ms to validate`;
    if (this.#waiting.size === 0) {
      thread.unref();
      this.#timer = setTimeout(() => void this.#end(), this.#idleMs).unref();
    } else {
      this.#timer = setTimeout(() => this.#giveUpFirst(thread, late), this.#timeMsMax).unref();
    }
  }

  /** The thread is on its oldest question; the others are put to a new one. */
  #giveUpFirst(thread: Worker, why: string): void {
    if (this.#thread !== thread) return;
    void this.#end();
    const [first, ...others] = this.#waiting.values();
    if (first === undefined) return;
    this.#waiting.delete(first.request.number);
    first.reject(refusal(why));
    for (const { request } of others) this.#post(request);
    this.#watch();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#timer);
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }
}

function refusal(description: string): TdInvalid {
  return new TdInvalid([{ field: "(root)", description }]);
}
