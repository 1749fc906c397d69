import type { Clock } from "./clock.ts";

/** What of it must be kept, so that a next start goes on. */
export interface KeptTime {
  readonly passedMs: number;
  /** By the wall clock, milliseconds since the Unix epoch. */
  readonly at: number;
}

/** A stop that seems no longer is believed at once. */
const shortStopMs = 60_000;
/** A longer one when the wall clock still says so after running for so long. */
const believedAfterMs = 3_600_000;

/**
 * Time that has surely passed, for what must not come early: monotonic while the node runs,
 * whatever is done to the wall clock. How long it stood still only the wall clock can tell, and
 * after a start that may be wrong; so a long stop counts once the clock has had an hour to be set.
 */
export class PassedTime {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #kept: KeptTime;
  /** What is believed of the stop before this start; undefined: not known yet. */
  #stopMs: number | undefined;

  constructor(clock: Clock, kept: KeptTime = { passedMs: 0, at: clock.now() }) {
    this.#clock = clock;
    this.#kept = kept;
    this.#startedAt = clock.monotonic();
    if (this.#seemingStopMs <= shortStopMs) this.#stopMs = this.#seemingStopMs;
  }

  /** Milliseconds; only differences mean anything. */
  get passedMs(): number {
    if (this.#stopMs === undefined && this.#runningMs >= believedAfterMs) {
      this.#stopMs = this.#seemingStopMs;
    }
    return this.#kept.passedMs + (this.#stopMs ?? 0) + this.#runningMs;
  }

  /** What it may turn out to be by now: where a span that must not be cut short begins. */
  get latestMs(): number {
    const { passedMs } = this;
    return this.#stopMs === undefined ? passedMs + this.#seemingStopMs : passedMs;
  }

  /** Undefined while it is not known how long the last stop was: what was kept before stands. */
  get kept(): KeptTime | undefined {
    const { passedMs } = this;
    return this.#stopMs === undefined ? undefined : { passedMs, at: this.#clock.now() };
  }

  get #runningMs(): number {
    return this.#clock.monotonic() - this.#startedAt;
  }

  get #seemingStopMs(): number {
    return Math.max(0, this.#clock.now() - this.#runningMs - this.#kept.at);
  }
}
