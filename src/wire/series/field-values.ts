import { numberIn } from "./columns.ts";
import { Cutter, holeAt, OfSkeletons } from "./payload.ts";

/** Reads one member's number of payloads; where it stands is found out once a skeleton. */
export class FieldValues {
  readonly #cutter = new Cutter();
  readonly #holes: OfSkeletons<number | undefined>;

  /** A dotted path; the empty one is the payload itself, or its member `value`. */
  constructor(path: string) {
    this.#holes = new OfSkeletons((value) => holeAt(value, path));
  }

  /** NaN where there is no number. */
  of(payload: Buffer): number {
    const { skeleton, places } = this.#cutter.cut(payload, 0, payload.length);
    const hole = skeleton === undefined ? undefined : this.#holes.of(skeleton);
    if (hole === undefined) return Number.NaN;
    return numberIn(payload.toString("latin1", places[hole * 2], places[hole * 2 + 1]));
  }
}
