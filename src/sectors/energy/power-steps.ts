/** What flowed in a stretch of time, watts; undefined: nothing was known of it. */
export interface PowerPiece {
  /** Milliseconds since the Unix epoch. */
  readonly from: number;
  readonly to: number;
  readonly generated: number | undefined;
  readonly load: number | undefined;
}

interface Reading {
  readonly kind: "generated" | "load";
  readonly id: string;
  readonly at: number;
  readonly power: number;
}

/** A reading stands until its device's next, but for no longer: a silent meter is no zero. */
const holdMs = 15 * 60_000;
/** Streams are not told at the same time: what is this much older than the newest is settled. */
const lagMs = 5 * 60_000;
const devicesMax = 1_000;
const waitingMax = 100_000;

/** The powers of many plants and meters as one story in steps, told piece by piece, in order. */
export class PowerSteps {
  readonly #onPiece: (piece: PowerPiece) => void;
  readonly #held = new Map<string, Reading>();
  /** By time. */
  #waiting: Reading[] = [];
  #settled = Number.NEGATIVE_INFINITY;
  #newest = Number.NEGATIVE_INFINITY;

  constructor(onPiece: (piece: PowerPiece) => void) {
    this.#onPiece = onPiece;
  }

  get devices(): number {
    return this.#held.size;
  }

  /** What is wrong with it, or undefined: it counts. */
  observe(reading: Reading): string | undefined {
    if (reading.at <= this.#settled) return "came later than five minutes after others";
    if (this.#waiting.length >= waitingMax) return "came while too many wait";
    const isKnown = this.#held.has(keyOf(reading));
    if (!isKnown && this.#held.size >= devicesMax) return `is beyond ${devicesMax} devices`;
    let index = this.#waiting.length;
    while (index > 0 && this.#waiting[index - 1]!.at > reading.at) index--;
    this.#waiting.splice(index, 0, reading);
    this.#newest = Math.max(this.#newest, reading.at);
    const settled = this.#newest - lagMs;
    let count = 0;
    while (this.#waiting[count] !== undefined && this.#waiting[count]!.at <= settled) count++;
    for (const one of this.#waiting.splice(0, count)) this.#step(one);
    return undefined;
  }

  #step(reading: Reading): void {
    this.#tellUntil(reading.at);
    this.#held.set(keyOf(reading), reading);
  }

  /** Cut where a reading ceases to stand. */
  #tellUntil(end: number): void {
    const ends = [...this.#held.values()].map(({ at }) => at + holdMs);
    const cuts = [...new Set(ends)].filter((at) => at > this.#settled && at < end);
    for (const to of [...cuts.sort((a, b) => a - b), end]) {
      const from = this.#settled;
      if (Number.isFinite(from) && to > from) {
        const [generated, load] = [this.#sum("generated", to), this.#sum("load", to)];
        this.#onPiece({ from, to, generated, load });
      }
      this.#settled = to;
    }
  }

  #sum(kind: Reading["kind"], to: number): number | undefined {
    let sum: number | undefined;
    for (const one of this.#held.values()) {
      if (one.kind === kind && one.at + holdMs >= to) sum = (sum ?? 0) + one.power;
    }
    return sum;
  }
}

function keyOf({ kind, id }: Reading): string {
  return `${kind} ${id}`;
}
