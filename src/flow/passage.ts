import type { Rate } from "../market/grant.ts";
import type { Checked, Checker } from "./checker.ts";
import type { Run } from "./run.ts";

/** More topics in one window than that are withheld: what they had could not be remembered. */
const topicsPerWindowMax = 65_536;

/**
 * One agreement's way through a stream, run after run in the stream's order: its content, and
 * how much of the window of log time each topic has had. What it has counted follows from the
 * stream alone, never from when or how often it was sent.
 */
export class Passage {
  readonly #checker: Checker;
  readonly #rate: Rate | undefined;
  #window = Number.NaN;
  readonly #had = new Map<string, number>();

  constructor(checker: Checker, rate: Rate | undefined) {
    this.#checker = checker;
    this.#rate = rate;
  }

  /** Messages of these topics go through as they are, whatever came before them. */
  passesWhole(topics: ReadonlySet<string>, at: number): boolean {
    return this.#rate === undefined && this.#checker.passesWhole(topics, at);
  }

  pass(run: Run, at: number): Checked {
    const rate = this.#rate;
    if (rate !== undefined) this.#enter(windowOf(rate, at));
    const checked = this.#checker.check(run, at);
    if (rate === undefined || checked.run === undefined) return checked;
    const { count } = checked.run;
    const admitted = this.#admit(rate, run.topic, count);
    if (admitted === count) return checked;
    const withheld = [...checked.withheld, { reason: "rate", count: count - admitted } as const];
    return { run: admitted === 0 ? undefined : checked.run.first(admitted), withheld };
  }

  /** Also by what is withheld: where a window begins must not depend on what passes in it. */
  #enter(window: number): void {
    if (window === this.#window) return;
    this.#window = window;
    this.#had.clear();
  }

  #admit(rate: Rate, topic: string, count: number): number {
    const key = rate.per === "topic" ? topic : "";
    const had = this.#had.get(key) ?? 0;
    if (had === 0 && this.#had.size >= topicsPerWindowMax) return 0;
    const admitted = Math.min(count, rate.messages - had);
    this.#had.set(key, had + admitted);
    return admitted;
  }
}

/** The number of the window that a log time is in. */
export function windowOf({ seconds }: Rate, at: number): number {
  return Math.floor(at / (seconds * 1000));
}
