/**
 * Readings by topic and time, of this node's own logs and of those it received. In come blocks that
 * are committed; a question as an address has it (`request.ts`) is answered line by line
 * (`query.ts`) from the node's own history or from what an agreement lets through of it
 * (`own-source.ts`, `granted-source.ts`), and goes out as text (`text.ts`). Nothing here is a
 * record: what is lost is made anew from the logs.
 */
import { ComityError } from "../../kernel/errors.ts";
import { type History, markOf } from "../../ports/history.ts";
import type { LogBlock, LogState, Store } from "../../ports/store.ts";
import { sessionLogName } from "../flow.ts";

interface Outside {
  readonly history: History;
  readonly store: Store;
  /** Blocks with messages at or after a position. */
  readonly readLog: (log: string, after: number, bytesMax: number) => Promise<readonly LogBlock[]>;
  readonly onFailed: (failure: unknown) => void;
  /** How often logs are looked at; a second where absent. */
  readonly everyMs?: number;
  /** How long a question waits until history has taken in what was committed before it. */
  readonly waitMs?: number;
}

const readBytes = 1_048_576;
const waitMsDefault = 10_000;

/**
 * Keeps history up with the logs of this node, own and received: a block is taken in after it was
 * committed, never before. A question first waits for what is committed already, so that an
 * answer is whole. A log that is no longer the one history knows, as after a restored backup, is
 * taken in anew.
 */
export class HistoryKeeping {
  readonly history: History;
  readonly #outside: Outside;
  /** Up to where each log was handed to history. */
  readonly #taken = new Map<string, number>();
  readonly #taking = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(outside: Outside) {
    this.history = outside.history;
    this.#outside = outside;
  }

  start(): void {
    const { everyMs = 1000, onFailed } = this.#outside;
    const look = async (): Promise<void> => {
      try {
        await this.#lookAtAll();
      } catch (failure) {
        // questions are told as well; the node goes on without
        if (!this.#isClosed) onFailed(failure);
        return;
      }
      if (!this.#isClosed) this.#timer = setTimeout(() => void look(), everyMs).unref();
    };
    void look();
  }

  /** The log as it is taken in; undefined where there is none. HISTORY_BEHIND where it lasts. */
  async caughtUp(log: string): Promise<LogState | undefined> {
    const state = await this.#outside.store.log(log);
    if (state === undefined) return undefined;
    const waited = Promise.withResolvers<"waited">();
    const { waitMs = waitMsDefault } = this.#outside;
    const timer = setTimeout(() => waited.resolve("waited"), waitMs);
    try {
      const done = await Promise.race([this.#takeUpTo(state), waited.promise]);
      if (done !== "waited") return state;
    } finally {
      clearTimeout(timer);
    }
    const position = this.#taken.get(log) ?? 0;
    throw new ComityError("HISTORY_BEHIND", { log, position, end: state.end });
  }

  /** All of them, taken in. */
  async logs(): Promise<readonly string[]> {
    const states = await this.#streams();
    const found = await Promise.all(states.map(({ log }) => this.caughtUp(log)));
    return found.flatMap((state) => (state === undefined ? [] : [state.log]));
  }

  /** What the log no longer tells, history does not tell either. */
  async erase(log: string, upTo: number, from = 0): Promise<void> {
    // blocks that were read before they were erased are on their way into it
    await Promise.allSettled([this.#taking.get(log)]);
    await this.history.erase(log, upTo, from);
  }

  /** What the log keeps no longer. */
  async trim(log: string, upTo: number): Promise<void> {
    await Promise.allSettled([this.#taking.get(log)]);
    await this.history.trim(log, upTo);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.allSettled(this.#taking.values());
  }

  async #lookAtAll(): Promise<void> {
    for (const state of await this.#streams()) {
      if (this.#isClosed) return;
      if (state.end > (this.#taken.get(state.log) ?? -1)) await this.#takeUpTo(state);
    }
  }

  /** Of what waits for sessions no history is kept. */
  async #streams(): Promise<LogState[]> {
    const states = await this.#outside.store.logs();
    return states.filter(({ log }) => log !== sessionLogName);
  }

  async #takeUpTo(state: LogState): Promise<void> {
    const { log, end } = state;
    while (!this.#isClosed && (this.#taken.get(log) ?? -1) < end) {
      const taking = this.#taking.get(log) ?? this.#take(state);
      this.#taking.set(log, taking);
      try {
        await taking;
      } finally {
        if (this.#taking.get(log) === taking) this.#taking.delete(log);
      }
    }
  }

  async #take(state: LogState): Promise<void> {
    const { log, end } = state;
    let position = this.#taken.get(log) ?? (await this.#known(state));
    while (position < end && !this.#isClosed) {
      const blocks = await this.#outside.readLog(log, position, readBytes);
      if (blocks.length === 0) break;
      await this.history.take(blocks);
      position = blocks.at(-1)!.next;
      this.#taken.set(log, position);
    }
    // a log whose last positions hold nothing is taken in as well
    this.#taken.set(log, Math.max(position, end));
  }

  /** Where history of the log stands, after a look whether it is of this very log. */
  async #known({ log, epoch, end }: LogState): Promise<number> {
    const reached = await this.history.reached(log);
    if (reached === undefined) return this.#forgotten(log);
    const { position, mark } = reached;
    if (reached.epoch !== epoch || position > end) return this.#forgotten(log);
    const [last] = await this.#outside.readLog(log, position - 1, 1);
    // what stood there may have gone since, as what is kept for a time does
    const isGone = last === undefined || last.first >= position;
    return isGone || markOf(last) === mark ? position : this.#forgotten(log);
  }

  async #forgotten(log: string): Promise<number> {
    await this.history.forget(log);
    return 0;
  }
}
