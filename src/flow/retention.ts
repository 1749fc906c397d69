import type { Clock } from "../kernel/clock.ts";
import type { Retention } from "../market/product.ts";
import type { Store } from "../ports/store.ts";
import type { HistoryKeeping } from "./history/keeping.ts";

/** A log, and how long it keeps what. */
export interface KeptLog {
  readonly log: string;
  readonly retention: Retention;
}

interface Outside {
  readonly store: Store;
  readonly clock: Clock;
  readonly history: HistoryKeeping;
  /** Logs that do not keep everything. */
  readonly logs: () => Iterable<KeptLog>;
  /** What stands before the position is gone. */
  readonly onTrimmed: (log: string, begins: number) => void;
  readonly onFailed: (failure: unknown) => void;
  /** How often; ten minutes where absent. */
  readonly everyMs?: number;
}

const dayMs = 86_400_000;
const everyMsDefault = 600_000;

/**
 * Gives up what a log keeps no longer, by age or size, and its history with it. Positions stand:
 * whoever is behind is told of the gap when it comes there.
 */
export class RetentionTimer {
  readonly #outside: Outside;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  start(): void {
    const { everyMs = everyMsDefault, onFailed } = this.#outside;
    this.#working = this.#apply().catch((failure: unknown) => {
      if (!this.#isClosed) onFailed(failure);
    });
    void this.#working.then(() => {
      if (!this.#isClosed) this.#timer = setTimeout(() => this.start(), everyMs).unref();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#working;
  }

  async #apply(): Promise<void> {
    for (const kept of this.#outside.logs()) await this.#trim(kept);
  }

  async #trim({ log, retention: { days, bytesMax } }: KeptLog): Promise<void> {
    const { store, clock, history, onTrimmed } = this.#outside;
    const olderThan = days === undefined ? -Infinity : clock.now() - days * dayMs;
    const write = {
      ...{ op: "trim" as const, log },
      ...(days !== undefined && { olderThan }),
      ...(bytesMax !== undefined && { bytesMax }),
    };
    const before = await this.#beginsAt(log);
    let begins = before;
    while (!this.#isClosed) {
      await store.commit([write]);
      const now = await this.#beginsAt(log);
      if (now === begins) break;
      begins = now;
    }
    // said again after each start: a history that was restored may still tell it
    if (begins === undefined) return;
    await history.trim(log, begins);
    if (begins !== before) onTrimmed(log, begins);
  }

  async #beginsAt(log: string): Promise<number | undefined> {
    const [first] = await this.#outside.store.readLog(log, 0, 1);
    return first?.first;
  }
}
