import type { JsonObject } from "../../kernel/json-object.ts";
import type { Store, Write } from "../../ports/store.ts";

export const tdEventTypes = ["thing_created", "thing_updated", "thing_deleted"] as const;
export type TdEventType = (typeof tdEventTypes)[number];

/** What became of a Description in the directory (WoT Discovery §7.2.3). */
export interface TdEvent {
  /** Counts up, over restarts too. */
  readonly number: number;
  readonly type: TdEventType;
  /** Of the Description. */
  readonly id: string;
  /** Of an update: the JSON Merge Patch, where it is not too long. */
  readonly patch?: JsonObject;
}

const kind = "td-event";
const digits = 15;
const keptMax = 10_000;
const patchBytesMax = 16_384;
const pageMax = 500;

/** The directory's last events, durable: whoever reconnects gets what it missed. */
export class TdEvents {
  readonly #store: Store;
  readonly #listeners = new Set<(event: TdEvent) => void>();
  #next: number;
  /** Told in the order of numbers, whichever write is durable first. */
  #told: number;
  readonly #durable = new Map<number, TdEvent | undefined>();

  private constructor(store: Store, next: number) {
    this.#store = store;
    this.#next = next;
    this.#told = next - 1;
  }

  static async open(store: Store): Promise<TdEvents> {
    const [last] = await store.list(kind, { reverse: true, limit: 1 });
    return new TdEvents(store, last === undefined ? 1 : Number(last.id) + 1);
  }

  /** Of the last event that was told. */
  get last(): number {
    return this.#told;
  }

  /** Makes the change and its event durable at once, then tells it. */
  async commit(
    change: { readonly type: TdEventType; readonly id: string; readonly patch?: JsonObject },
    writes: readonly Write[],
  ): Promise<void> {
    const { type, id, patch } = change;
    const isShort = patch !== undefined && JSON.stringify(patch).length <= patchBytesMax;
    const event: TdEvent = { number: this.#next++, type, id, ...(isShort && { patch }) };
    let done: TdEvent | undefined;
    try {
      await this.#store.commit([...writes, ...this.#writesOf(event)]);
      done = event;
    } finally {
      this.#durable.set(event.number, done);
      this.#tell();
    }
  }

  /** Those after the number that are still kept, oldest first, up to what was told. */
  async *after(number: number): AsyncIterable<TdEvent> {
    const last = this.#told;
    let after = idOf(number);
    for (;;) {
      const page = await this.#store.list<TdEvent>(kind, { after, limit: pageMax });
      for (const { id, doc } of page) {
        if (doc.number > last) return;
        yield doc;
        after = id;
      }
      if (page.length < pageMax) return;
    }
  }

  /** Returns what stops listening. */
  listen(listener: (event: TdEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #writesOf(event: TdEvent): Write[] {
    const oldest = event.number - keptMax;
    return [
      { op: "put", kind, id: idOf(event.number), doc: event },
      ...(oldest > 0 ? [{ op: "remove", kind, id: idOf(oldest) } as const] : []),
    ];
  }

  #tell(): void {
    while (this.#durable.has(this.#told + 1)) {
      const event = this.#durable.get(++this.#told);
      this.#durable.delete(this.#told);
      if (event === undefined) continue; // it was not kept, so it did not happen
      for (const listener of this.#listeners) listener(event);
    }
  }
}

function idOf(number: number): string {
  return String(number).padStart(digits, "0");
}
