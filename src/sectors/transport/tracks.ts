import { metresBetween, type Place } from "../../kernel/place.ts";

const tracksMax = 100_000;

/** Where each one was last: says when it cannot have come so far in that time. */
export class Tracks {
  readonly #metresASecondMax: number;
  /** The longest unheard of first. */
  readonly #last = new Map<string, { readonly place: Place; readonly seconds: number }>();

  constructor(metresASecondMax: number) {
    this.#metresASecondMax = metresASecondMax;
  }

  /** Kept either way: where the place before was the wrong one, the next is right again. */
  problem(name: string, place: Place, seconds: number): string | undefined {
    const before = this.#last.get(name);
    this.#last.delete(name);
    this.#last.set(name, { place, seconds });
    if (this.#last.size > tracksMax) this.#last.delete(this.#last.keys().next().value!);
    if (before === undefined) return undefined;
    const metres = metresBetween(before.place, place);
    const passed = Math.max(1, seconds - before.seconds);
    if (metres <= this.#metresASecondMax * passed) return undefined;
    return `${name} came ${Math.round(metres)} m far in ${Math.round(passed)} s`;
  }
}
