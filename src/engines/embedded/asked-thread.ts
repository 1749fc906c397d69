import type { Transferable, Worker } from "node:worker_threads";
import { type ComityError, problemOf } from "../../kernel/errors.ts";

/** What a thread says to the question of that number. */
export interface ThreadReply {
  readonly number: number;
  readonly value?: unknown;
  readonly problem?: string;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: ComityError): void;
}

/**
 * A thread that owns a file and answers questions about it, in their order. It is started by the
 * first question, keeps the process only while one waits, and is not started again once it failed.
 */
export class AskedThread<Ask extends { readonly ask: string }> {
  readonly #open: () => Worker;
  readonly #failureOf: (problem: string) => ComityError;
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | undefined;
  #number = 0;
  #failure: ComityError | undefined;

  /** `failureOf` makes the error of whoever asks from what went wrong here. */
  constructor(open: () => Worker, failureOf: (problem: string) => ComityError) {
    this.#open = open;
    this.#failureOf = failureOf;
  }

  get isStarted(): boolean {
    return this.#thread !== undefined;
  }

  get questionsWaiting(): number {
    return this.#waiting.size;
  }

  /** Throws where nothing can be asked any longer. */
  assertWorks(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  ask(ask: Ask | { readonly ask: "close" }, transfer: Transferable[] = []): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const number = ++this.#number;
    const thread = this.#started();
    thread.postMessage({ ...ask, number }, transfer);
    if (this.#waiting.size === 0) thread.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
    });
  }

  /** Waits for what was asked before; may be called again. */
  async close(): Promise<void> {
    if (this.#failure !== undefined) return;
    const thread = this.#thread;
    const exited = new Promise((resolve) => thread?.once("exit", resolve));
    const done = thread && this.ask({ ask: "close" });
    this.#failure = this.#failureOf("it is closed");
    if (thread === undefined) return;
    await done;
    thread.ref();
    await exited;
  }

  #started(): Worker {
    if (this.#thread !== undefined) return this.#thread;
    const thread = this.#open();
    thread.unref();
    thread.on("message", (reply: ThreadReply) => this.#settle(reply));
    thread.on("error", (error) => this.#fail(problemOf(error)));
    thread.on("exit", () => this.#fail("its thread ended"));
    this.#thread = thread;
    return thread;
  }

  #settle({ number, value, problem }: ThreadReply): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0) this.#thread?.unref();
    if (problem === undefined) waiting?.resolve(value);
    else waiting?.reject(this.#failureOf(problem));
  }

  #fail(problem: string): void {
    this.#failure ??= this.#failureOf(problem);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure);
    this.#waiting.clear();
  }
}
