/**
 * PUBACKs leave in the order their PUBLISH packets came [MQTT-4.6.0-2], and a logged message's
 * only after it is durable: one queue per connection, where the first unfinished holds back the
 * rest.
 */
export class Acknowledgements {
  readonly #send: (ids: readonly number[]) => void;
  readonly #onFailure: (failure: unknown) => void;
  #waiting: { readonly ids: readonly number[]; done: boolean }[] = [];
  #ready: number[] = [];

  constructor(send: (ids: readonly number[]) => void, onFailure: (failure: unknown) => void) {
    this.#send = send;
    this.#onFailure = onFailure;
  }

  /** `done`: when the messages are durable; undefined: they are done with. */
  add(ids: readonly number[], done: Promise<unknown> | undefined): void {
    if (done === undefined && this.#waiting.length === 0) {
      for (const id of ids) this.#ready.push(id);
      return;
    }
    const entry = { ids, done: done === undefined };
    this.#waiting.push(entry);
    done?.then(() => {
      entry.done = true;
      this.#advance();
    }, this.#onFailure);
  }

  /** Sends what is ready, as one write; called at the end of each chunk read. */
  flush(): void {
    if (this.#ready.length === 0) return;
    const ids = this.#ready;
    this.#ready = [];
    this.#send(ids);
  }

  #advance(): void {
    let finished = 0;
    while (finished < this.#waiting.length && this.#waiting[finished]!.done) {
      for (const id of this.#waiting[finished]!.ids) this.#ready.push(id);
      finished++;
    }
    if (finished > 0) this.#waiting = this.#waiting.slice(finished);
    this.flush();
  }
}
