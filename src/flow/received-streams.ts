import { createHash } from "node:crypto";
import { overlaps } from "../kernel/topic.ts";
import type { LogBlock, Store } from "../ports/store.ts";

/** What was just added to a log of another participant's stream. */
export interface Advanced {
  /** Of the log, and where its topics stand: `from/<participant>/<product>`. */
  readonly name: string;
  readonly epoch: string;
  /** Of the first message that was added. */
  readonly from: number;
  readonly end: number;
}

/** A log of what another participant's node delivered, to be followed as this node's own are. */
class ReceivedStream {
  readonly name: string;
  readonly epoch: string;
  /** Put before the topics of its messages. */
  readonly prefix: string;
  /**
   * A position has one message, whichever start of this node received it; but a participant that
   * is known by another name now has another log of the same epoch.
   */
  readonly lineage: { idAt(): string };
  readonly #store: Store;
  readonly #listeners = new Set<() => void>();
  #end: number;

  constructor({ name, epoch, end }: Omit<Advanced, "from">, store: Store) {
    this.name = name;
    this.epoch = epoch;
    this.prefix = `${name}/`;
    const id = createHash("sha256").update(name).digest("hex").slice(0, 8);
    this.lineage = { idAt: () => id };
    this.#end = end;
    this.#store = store;
  }

  get end(): number {
    return this.#end;
  }

  read(after: number, bytesMax: number): Promise<readonly LogBlock[]> {
    return this.#store.readLog(this.name, after, bytesMax);
  }

  /** Returns what stops listening. */
  onCommitted(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  grown(end: number): void {
    this.#end = Math.max(this.#end, end);
    for (const listener of this.#listeners) listener();
  }
}

/** All such logs, known from the store when they are first asked for, and as they grow. */
export class ReceivedStreams {
  readonly #store: Store;
  readonly #streams = new Map<string, ReceivedStream>();
  readonly #listeners = new Set<(stream: ReceivedStream, from: number) => void>();
  #loading: Promise<void> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** To be called after the commit, and before anybody is handed what it added. */
  advanced({ name, epoch, from, end }: Advanced): void {
    const known = this.#streams.get(name);
    if (known !== undefined) {
      known.grown(end);
      return;
    }
    const stream = this.#take({ name, epoch, end });
    for (const listener of this.#listeners) listener(stream, from);
  }

  /** Those that may hold messages of the filters. */
  async matching(filters: readonly string[]): Promise<ReceivedStream[]> {
    await (this.#loading ??= this.#load());
    return [...this.#streams.values()].filter(({ prefix }) =>
      filters.some((filter) => overlaps(`${prefix}#`, filter)),
    );
  }

  /** Called with a log that is new, and where it begins. Returns what stops listening. */
  onNew(listener: (stream: ReceivedStream, from: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #load(): Promise<void> {
    try {
      for (const { log: name, epoch, end } of await this.#store.logs()) {
        const isReceived = name.startsWith("from/");
        if (isReceived && !this.#streams.has(name)) this.#take({ name, epoch, end });
      }
    } catch (failure) {
      this.#loading = undefined;
      throw failure;
    }
  }

  #take(state: Omit<Advanced, "from">): ReceivedStream {
    const stream = new ReceivedStream(state, this.#store);
    this.#streams.set(state.name, stream);
    return stream;
  }
}
