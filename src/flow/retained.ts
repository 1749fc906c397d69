import type { Clock } from "../kernel/clock.ts";
import { matches } from "../kernel/topic.ts";
import type { Store, Write } from "../ports/store.ts";
import { layout5, Run } from "./run.ts";

interface RetainedDoc {
  readonly qos: 0 | 1 | 2;
  readonly payloadBytes: number;
  /** One MQTT 5 PUBLISH packet, base64. */
  readonly packet: string;
  /** When it came, milliseconds since the Unix epoch. */
  readonly at?: number;
}

interface Kept {
  readonly run: Run;
  /** When it came, milliseconds since the Unix epoch. */
  readonly at: number;
}

export interface RetainedLimits {
  readonly topicsMax: number;
  /** Of the packets of all topics. */
  readonly bytesMax: number;
  /** How long a message is kept at most, whatever it says itself; Infinity: for ever. */
  readonly expiryMs: number;
}

const retainedLimits: RetainedLimits = {
  topicsMax: 100_000,
  bytesMax: 268_435_456,
  expiryMs: Infinity,
};

const sweepMs = 60_000;

/**
 * The last retained message of each topic, durable. A publisher that is faster than the store
 * costs one write a turn of the store, not one a message: only the last is worth keeping.
 */
export class Retained {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: RetainedLimits;
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  /** Topics whose last message is not on its way to the store yet. */
  #changed = new Set<string>();
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #notKept = 0;
  #expired = 0;
  readonly #sweep: NodeJS.Timeout;

  private constructor(store: Store, clock: Clock, limits: RetainedLimits) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.#sweep = setInterval(() => void this.forgetExpired().catch(() => {}), sweepMs).unref();
  }

  static async open(
    store: Store,
    clock: Clock,
    limits: Partial<RetainedLimits> = {},
  ): Promise<Retained> {
    const retained = new Retained(store, clock, { ...retainedLimits, ...limits });
    for (const { id, doc } of await store.list<RetainedDoc>("retained")) {
      retained.#keep(id, { run: runOf(id, doc), at: doc.at ?? clock.now() });
    }
    return retained;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Of the packets kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Messages whose time had run out. */
  get expired(): number {
    return this.#expired;
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  /** Frees what those take whose time has run out: they count against the limits until then. */
  async forgetExpired(): Promise<void> {
    const now = this.#clock.now();
    const over = [...this.#kept].filter(([, kept]) => this.#current(kept, now) === undefined);
    if (over.length === 0) return;
    this.#expired += over.length;
    for (const [topic] of over) {
      this.#forget(topic);
      this.#changed.add(topic);
    }
    await this.#written();
  }

  /** Messages that were to be retained and did not fit. */
  get notKept(): number {
    return this.#notKept;
  }

  /**
   * Keeps the run's last message; an empty payload clears the topic [MQTT-3.3.1-6]. Resolves
   * when that is durable. What does not fit is delivered and not kept; then the
   * topic has none, for an older message is not its last.
   */
  set(run: Run): Promise<void> {
    const { topic } = run;
    const last = run.last();
    if (last.payloadBytes === 0) {
      if (!this.#kept.has(topic)) return this.#next ?? this.#writing ?? Promise.resolve();
      this.#forget(topic);
    } else {
      const more = last.packets.length - (this.#kept.get(topic)?.run.packets.length ?? 0);
      const isFull = !this.#kept.has(topic) && this.#kept.size >= this.#limits.topicsMax;
      if (isFull || this.#bytes + more > this.#limits.bytesMax) {
        this.#notKept++;
        if (!this.#kept.has(topic)) return Promise.resolve();
        this.#forget(topic);
      } else this.#keep(topic, { run: last, at: this.#clock.now() });
    }
    this.#changed.add(topic);
    return this.#written();
  }

  /** The retained messages whose topics match and that have not expired. */
  matching(filter: string): Run[] {
    return this.keptOf(filter).map(({ run }) => run);
  }

  /** The same, each with when it came. */
  keptOf(filter: string): Kept[] {
    const found: Kept[] = [];
    const now = this.#clock.now();
    const add = (kept: Kept): void => {
      const run = this.#current(kept, now);
      if (run !== undefined) found.push({ run, at: kept.at });
    };
    if (!/[+#]/.test(filter)) {
      const exact = this.#kept.get(filter);
      if (exact !== undefined) add(exact);
      return found;
    }
    for (const [topic, kept] of this.#kept) if (matches(filter, topic)) add(kept);
    return found;
  }

  /** Resolves when no topic that matches has one any more, durably: how many had. */
  async clear(filter: string): Promise<number> {
    const topics = [...this.#kept.keys()].filter((topic) => matches(filter, topic));
    if (topics.length === 0) return 0;
    for (const topic of topics) {
      this.#forget(topic);
      this.#changed.add(topic);
    }
    await this.#written();
    return topics.length;
  }

  /** As it is now; undefined: its time has run out. */
  #current({ run, at }: Kept, now: number): Run | undefined {
    const ms = now - at;
    return ms >= this.#limits.expiryMs ? undefined : run.waited(ms);
  }

  #keep(topic: string, kept: Kept): void {
    this.#forget(topic);
    this.#kept.set(topic, kept);
    this.#bytes += kept.run.packets.length;
  }

  #forget(topic: string): void {
    this.#bytes -= this.#kept.get(topic)?.run.packets.length ?? 0;
    this.#kept.delete(topic);
  }

  /** One commit under way, and one promise for all that changes meanwhile. */
  #written(): Promise<void> {
    this.#next ??= (this.#writing ?? Promise.resolve()).then(() => {
      this.#next = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
      });
      return this.#writing;
    });
    return this.#next;
  }

  #write(): Promise<void> {
    const topics = this.#changed;
    this.#changed = new Set();
    return this.#store.commit([...topics].map((topic) => this.#writeOf(topic)));
  }

  #writeOf(topic: string): Write {
    const kept = this.#kept.get(topic);
    if (kept === undefined) return { op: "remove", kind: "retained", id: topic };
    const { run, at } = kept;
    const packet = run.packets.toString("base64");
    const doc: RetainedDoc = { qos: run.qos, payloadBytes: run.payloadBytes, packet, at };
    return { op: "put", kind: "retained", id: topic, doc };
  }
}

function runOf(topic: string, doc: RetainedDoc): Run {
  const { qos, payloadBytes } = doc;
  const packets = Buffer.from(doc.packet, "base64");
  return new Run({ topic, qos, packets, layout: layout5, count: 1, payloadBytes, retain: true });
}
