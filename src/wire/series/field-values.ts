import { numberIn } from "./columns.ts";
import { Cutter, holeAt, skeletonValue } from "./payload.ts";

const plansMax = 4096;

/** Reads one member's number of payloads; where it stands is found out once a skeleton. */
export class FieldValues {
  readonly #cutter = new Cutter();
  readonly #holes = new Map<string, number | undefined>();
  readonly #path: string;

  /** A dotted path; the empty one is the payload itself, or its member `value`. */
  constructor(path: string) {
    this.#path = path;
  }

  /** NaN where there is no number. */
  of(payload: Buffer): number {
    const { skeleton, places } = this.#cutter.cut(payload, 0, payload.length);
    const hole = skeleton === undefined ? undefined : this.#holeOf(skeleton);
    if (hole === undefined) return Number.NaN;
    return numberIn(payload.toString("latin1", places[hole * 2], places[hole * 2 + 1]));
  }

  #holeOf(skeleton: string): number | undefined {
    if (this.#holes.has(skeleton)) return this.#holes.get(skeleton);
    const hole = holeAt(skeletonValue(skeleton), this.#path);
    if (this.#holes.size >= plansMax) this.#holes.clear();
    this.#holes.set(skeleton, hole);
    return hole;
  }
}
