/** Where answers go. */
export interface AnswerLine {
  /** Each as `reasonCode << 16 | id`. */
  answer(type: number, answers: readonly number[]): void;
  /** What was to be answered could not be kept. */
  fail(failure: unknown): void;
}

/**
 * PUBACKs leave in the order their PUBLISH packets came [MQTT-4.6.0-2], PUBRECs likewise
 * [MQTT-4.6.0-3], and a logged message's only after it is durable: one queue per connection and
 * kind, where the first unfinished holds back the rest.
 */
export class Acknowledgements {
  readonly #line: AnswerLine;
  readonly #type: number;
  #waiting: { readonly ids: readonly number[]; readonly reasonCode: number; done: boolean }[] = [];
  #ready: number[] = [];
  #waitingCount = 0;

  /** `type`: the packet type of its answers. */
  constructor(line: AnswerLine, type: number) {
    this.#line = line;
    this.#type = type;
  }

  /** Messages that were taken and are not answered yet. */
  get count(): number {
    return this.#waitingCount + this.#ready.length;
  }

  /** `done`: when the messages are durable; undefined: they are done with. */
  add(ids: readonly number[], done: Promise<unknown> | undefined, reasonCode = 0): void {
    if (done === undefined && this.#waiting.length === 0) {
      this.#answer(ids, reasonCode);
      return;
    }
    const entry = { ids, reasonCode, done: done === undefined };
    this.#waiting.push(entry);
    this.#waitingCount += ids.length;
    done?.then(
      () => {
        entry.done = true;
        this.#advance();
      },
      (failure: unknown) => this.#line.fail(failure),
    );
  }

  /** Sends what is ready, as one write; called at the end of each chunk read. */
  flush(): void {
    if (this.#ready.length === 0) return;
    const answers = this.#ready;
    this.#ready = [];
    this.#line.answer(this.#type, answers);
  }

  #answer(ids: readonly number[], reasonCode: number): void {
    for (const id of ids) this.#ready.push((reasonCode << 16) | id);
  }

  #advance(): void {
    let finished = 0;
    while (finished < this.#waiting.length && this.#waiting[finished]!.done) {
      const { ids, reasonCode } = this.#waiting[finished++]!;
      this.#answer(ids, reasonCode);
      this.#waitingCount -= ids.length;
    }
    if (finished > 0) this.#waiting = this.#waiting.slice(finished);
    this.flush();
  }
}
