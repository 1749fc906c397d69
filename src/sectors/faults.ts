import type { Clock } from "../kernel/clock.ts";
import type { Fault } from "./sector.ts";

/** Something that was said; milliseconds since the Unix epoch. */
export interface Told {
  readonly at: number;
  readonly text: string;
}

export interface CountedFaults {
  /** By code. */
  readonly faults: Readonly<Record<string, number>>;
  readonly lastFault?: Told;
}

const codesMax = 32;
const textLengthMax = 300;

/** What went wrong, counted by code; only the last is kept in words. */
export class Faults {
  readonly #clock: Clock;
  readonly #counts = new Map<string, number>();
  #last: Told | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add({ code, text }: Fault): void {
    const counted = this.#counts.has(code) || this.#counts.size < codesMax ? code : "other";
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
    this.#last = this.told(`${code}: ${text}`);
  }

  counted(): CountedFaults {
    const faults = Object.fromEntries(this.#counts);
    return this.#last === undefined ? { faults } : { faults, lastFault: this.#last };
  }

  /** Words with their time, no longer than is shown. */
  told(text: string): Told {
    return { at: this.#clock.now(), text: text.slice(0, textLengthMax) };
  }
}
