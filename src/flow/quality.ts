import type { Clock } from "../kernel/clock.ts";
import type { Quality } from "../kernel/quality.ts";
import { matches } from "../kernel/topic.ts";
import type { Store, Write } from "../ports/store.ts";
import { type HourDoc, Measured, type ProductCounter } from "./measured.ts";

export interface QualityOptions {
  readonly store: Store;
  readonly clock: Clock;
}

const kind = "quality";
const everyMs = 1000;
const minuteMs = 60_000;
/** What a crash may lose of the measure. */
const keptEveryMinutes = 5;

/**
 * How well each product flows. The path of a message adds to one counter per product and run; the
 * counters are read once a second, told once a minute, and kept in one document an hour.
 */
export class QualityMeter {
  readonly #options: QualityOptions;
  readonly #measured = new Map<string, Measured>();
  readonly #filters = new Map<string, readonly string[]>();
  readonly #listeners = new Set<() => void>();
  readonly #told = new Map<string, Quality | undefined>();
  #onProducts = (): void => {};
  #minute: number;
  #writing: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: QualityOptions) {
    this.#options = options;
    this.#minute = minuteOf(options.clock);
  }

  static async open(options: QualityOptions): Promise<QualityMeter> {
    const meter = new QualityMeter(options);
    for (const { id, doc } of await options.store.list<HourDoc>(kind)) {
      const [product = "", hour] = id.split("/");
      meter.#of(product).restore(Number(hour), doc);
    }
    return meter;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.sample(), everyMs).unref();
  }

  /** Begins to measure a product, or goes on where the last run of the node stopped. */
  measure({ id, topics }: { readonly id: string; readonly topics: readonly string[] }): void {
    this.#of(id);
    this.#filters.set(id, topics);
    this.#onProducts();
  }

  async forget(product: string): Promise<void> {
    const hours = this.#measured.get(product)?.hours() ?? [];
    this.#measured.delete(product);
    this.#filters.delete(product);
    this.#told.delete(product);
    this.#onProducts();
    await this.#write(hours.map((hour) => ({ op: "remove", kind, id: `${product}/${hour}` })));
  }

  /** Who is told that other topics are measured than before. */
  onProducts(listener: () => void): void {
    this.#onProducts = listener;
  }

  /** What a message of the topic is counted by. */
  countersOf(topic: string): readonly ProductCounter[] {
    const counters: ProductCounter[] = [];
    for (const [product, filters] of this.#filters) {
      if (filters.some((filter) => matches(filter, topic))) counters.push(this.#of(product));
    }
    return counters;
  }

  /** As of the last whole minute; undefined before there is one with a message. */
  of(product: string): Quality | undefined {
    if (!this.#told.has(product)) {
      this.#told.set(product, this.#measured.get(product)?.quality(this.#minute * minuteMs));
    }
    return this.#told.get(product);
  }

  /** Hears when what is told has changed, at most once a minute. Returns what stops it. */
  onTold(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the counters; called once a second. */
  sample(): void {
    const now = this.#options.clock.now();
    for (const one of this.#measured.values()) one.sample(now);
    const minute = minuteOf(this.#options.clock);
    if (minute === this.#minute) return;
    this.#minute = minute;
    this.#told.clear();
    if (minute % keptEveryMinutes === 0) this.#keep().catch(() => {}); // the store tells it itself
    for (const listener of this.#listeners) listener();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const one of this.#measured.values()) one.sample(this.#options.clock.now());
    await this.#keep().catch(() => {}); // a measure, no record: a store that failed has told it
  }

  #of(product: string): Measured {
    let one = this.#measured.get(product);
    if (one === undefined) {
      one = new Measured();
      this.#measured.set(product, one);
    }
    return one;
  }

  #keep(): Promise<void> {
    const writes: Write[] = [];
    for (const [product, one] of this.#measured) {
      const { changed, gone } = one.takeChanges(this.#options.clock.now());
      for (const [hour, doc] of changed) {
        writes.push({ op: "put", kind, id: `${product}/${hour}`, doc });
      }
      for (const hour of gone) writes.push({ op: "remove", kind, id: `${product}/${hour}` });
    }
    return this.#write(writes);
  }

  /** In the order they were asked for, so that a removal is not undone. */
  #write(writes: readonly Write[]): Promise<void> {
    if (writes.length === 0) return this.#writing.then(() => undefined);
    const written = this.#writing.then(() => this.#options.store.commit(writes));
    this.#writing = written.catch(() => undefined);
    return written;
  }
}

function minuteOf(clock: Clock): number {
  return Math.floor(clock.now() / minuteMs);
}
