import { ComityError } from "../kernel/errors.ts";

export interface RetriesOptions {
  /** The first pause before something is tried again; doubled up to `retryMaxMs`. */
  readonly retryMs?: number | undefined;
  readonly retryMaxMs?: number | undefined;
}

/** Tries again what another node did not answer: by name, each at its own growing pace. */
export class Retries {
  readonly #work: (id: string) => Promise<unknown>;
  readonly #options: RetriesOptions;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #failures = new Map<string, number>();
  #closed = false;

  /** `work` bears its own failures, and asks for another try with `later`. */
  constructor(work: (id: string) => Promise<unknown>, options: RetriesOptions) {
    this.#work = work;
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  soon(id: string): void {
    this.#after(id, 0);
  }

  /** After a failure. */
  later(id: string): void {
    const { retryMs = 1000, retryMaxMs = 60_000 } = this.#options;
    const failures = this.#failures.get(id) ?? 0;
    this.#failures.set(id, failures + 1);
    this.#after(id, Math.min(retryMs * 2 ** failures, retryMaxMs));
  }

  /** The next failure is the first again. */
  succeeded(id: string): void {
    this.#failures.delete(id);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #after(id: string, pauseMs: number): void {
    if (this.#closed || this.#timers.has(id)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(id);
      void this.#work(id);
    }, pauseMs).unref();
    this.#timers.set(id, timer);
  }
}

const refusals: readonly string[] = [
  "PEER_REFUSED",
  "SIGNATURE_INVALID",
  "STATEMENT_DISAGREES",
  "SETOFF_DISAGREES",
  "BODY_INVALID",
];

/** The other side answered, and another try would be answered alike. */
export function isRefusal(thrown: unknown): thrown is ComityError {
  return thrown instanceof ComityError && refusals.includes(thrown.code);
}
