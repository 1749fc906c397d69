/** What was opened, closed in the reverse order; whoever opens something adds how it closes. */
export class Closing {
  readonly #steps: (readonly [name: string, close: () => Promise<unknown> | void])[] = [];
  readonly #onFailed: (name: string, error: unknown) => void;
  #closed: Promise<void> | undefined;

  constructor(onFailed: (name: string, error: unknown) => void) {
    this.#onFailed = onFailed;
  }

  add(name: string, close: () => Promise<unknown> | void): void {
    this.#steps.push([name, close]);
  }

  /** Every step is taken, also where one before it failed; a second call waits for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const [name, close] = step;
      try {
        await close();
      } catch (error) {
        this.#onFailed(name, error);
      }
    }
  }
}
