/**
 * The search's index in memory: for each term the slots of the entries that hold it, and columns
 * of what is compared by value. A question reads the bits of all its terms once, word by word,
 * whatever it asks; no ranking of a common word is worth more than that one pass.
 *
 * In come entries under row numbers that only rise; out go row numbers, best first. It keeps no
 * text and no document.
 */
import type { SearchEntry, SearchQuery } from "../../ports/search.ts";
import { pricePerMessage } from "../../kernel/price.ts";
import { totalMax } from "../../ports/search.ts";
import { type Bits, clearBit, grown, hasBit, setBit, SlotSet, wordsFor } from "./search-slots.ts";
import {
  chordSquared,
  facetsOf,
  pointOf,
  termsOfEntry,
  type WantedWord,
  wordsOfQuery,
} from "./search-terms.ts";

const slotsMin = 1024;
const weights = 16;
/** Emptied slots are closed up once so many, and a quarter of all, are empty. */
const emptyMin = 4096;

export interface Hits {
  readonly rows: readonly number[];
  readonly total: number;
}

interface Columns {
  /** Ascending. */
  readonly row: Float64Array;
  readonly weight: Uint8Array;
  readonly price: Float64Array;
  readonly lastAt: Float64Array;
  readonly lat: Float64Array;
  readonly lon: Float64Array;
  /** The place on the unit sphere. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
}

/** What a question asks of one entry, beyond terms. */
type Holds = (slot: number) => boolean;

export class SearchMemory {
  #terms = new Map<string, SlotSet>();
  /** Words and titles' words by their first two characters, for those that are only begun. */
  readonly #beginnings = new Map<string, string[]>();
  #columns = columnsFor(slotsMin);
  #alive: Bits = new Uint32Array(wordsFor(slotsMin));
  #slots = 0;
  #empty = 0;
  readonly #scratch: Bits[] = [];
  #scratchUsed = 0;

  /** `row` is greater than all before. */
  add(row: number, entry: SearchEntry, provider: string): void {
    if (this.#slots === this.#columns.row.length) this.#grow();
    const slot = this.#slots++;
    const { row: rows, weight, price, lastAt, lat, lon, x, y, z } = this.#columns;
    rows[slot] = row;
    weight[slot] = Math.min(weights - 1, Math.floor(Math.max(0, entry.weight) * weights));
    price[slot] = pricePerMessage(entry.price);
    lastAt[slot] = entry.lastAt ?? Number.NaN;
    lat[slot] = entry.place?.lat ?? Number.NaN;
    lon[slot] = entry.place?.lon ?? Number.NaN;
    [x[slot], y[slot], z[slot]] = pointOf(lat[slot], lon[slot]);
    setBit(this.#alive, slot);
    for (const term of termsOfEntry(entry, provider)) {
      this.#setOf(term).add(slot, this.#columns.row.length);
    }
  }

  remove(row: number): void {
    const slot = this.#slotOf(row);
    if (slot === undefined || !hasBit(this.#alive, slot)) return;
    clearBit(this.#alive, slot);
    this.#empty++;
    if (this.#empty > emptyMin && this.#empty * 4 > this.#slots) this.#closeUp();
  }

  find(query: SearchQuery): Hits {
    this.#freeScratch();
    const words = wordsOfQuery(query);
    const sets: Bits[] = [this.#alive];
    let shortest: SlotSet | undefined;
    for (const terms of [...words.map((word) => this.#termsFor("", word)), ...facetsOf(query)]) {
      const found = terms.flatMap((term) => this.#terms.get(term) ?? []);
      if (found.length === 0) return { rows: [], total: 0 };
      const [only, another] = found;
      if (another === undefined && only!.list !== undefined) {
        if (shortest !== undefined && shortest.size <= only!.size) sets.push(this.#bitsOf([only!]));
        else {
          if (shortest !== undefined) sets.push(this.#bitsOf([shortest]));
          shortest = only;
        }
      } else sets.push(this.#bitsOf(found));
    }
    const titled = words.map((word) => this.#titled(word));
    const best = new Best((query.offset ?? 0) + query.limit, this.#columns.weight);
    const holds = this.#holds(query);
    if (shortest?.list === undefined) this.#scan(sets, titled, holds, best);
    else pickFrom(shortest.list, sets, titled, holds, best);
    const rows = best.slots(query.offset ?? 0, query.limit).map((slot) => this.#columns.row[slot]!);
    return { rows, total: Math.min(best.total, totalMax) };
  }

  #scan(
    sets: readonly Bits[],
    titled: readonly Bits[],
    holds: Holds | undefined,
    best: Best,
  ): void {
    const words = wordsFor(this.#slots);
    for (let word = 0; word < words; word++) {
      let hits = -1;
      for (const bits of sets) hits &= bits[word]!;
      if (hits === 0) continue;
      let titles = hits;
      for (const bits of titled) titles &= bits[word]!;
      for (; hits !== 0; hits &= hits - 1) {
        const bit = hits & -hits;
        const slot = word * 32 + 31 - Math.clz32(bit);
        if (holds === undefined || holds(slot)) best.add(slot, (titles & bit) !== 0);
      }
    }
  }

  /** The terms that a wanted word stands for, in the text or (`^`) in the title. */
  #termsFor(kind: "" | "^", { word, isPrefix }: WantedWord): readonly string[] {
    if (!isPrefix) return [kind + word];
    const begun = this.#beginnings.get(kind + word.slice(0, 2)) ?? [];
    return begun.filter((term) => term.startsWith(kind + word));
  }

  #titled(word: WantedWord): Bits {
    const sets = this.#termsFor("^", word).flatMap((term) => this.#terms.get(term) ?? []);
    return this.#bitsOf(sets);
  }

  /** The union; the result is read only until the next question. */
  #bitsOf(sets: readonly SlotSet[]): Bits {
    const [only, another] = sets;
    if (only !== undefined && another === undefined) {
      return only.bits(this.#columns.row.length, () => this.#newScratch());
    }
    const union = this.#newScratch();
    for (const set of sets) set.addTo(union);
    return union;
  }

  #holds({ near, box, priceMax, lastAfter }: SearchQuery): Holds | undefined {
    const { price, lastAt, lat, lon, x, y, z } = this.#columns;
    const checks: Holds[] = [];
    if (box !== undefined) {
      const { south, west, north, east } = box;
      if (west <= east) checks.push((slot) => lon[slot]! >= west && lon[slot]! <= east);
      else checks.push((slot) => lon[slot]! >= west || lon[slot]! <= east);
      checks.push((slot) => lat[slot]! >= south && lat[slot]! <= north);
    }
    if (near !== undefined) {
      const [nearX, nearY, nearZ] = pointOf(near.lat, near.lon);
      const chordMax = chordSquared(near.km);
      checks.push((slot) => {
        const dx = x[slot]! - nearX;
        const dy = y[slot]! - nearY;
        const dz = z[slot]! - nearZ;
        return dx * dx + dy * dy + dz * dz <= chordMax;
      });
    }
    if (priceMax !== undefined) checks.push((slot) => price[slot]! <= priceMax.amount);
    if (lastAfter !== undefined) checks.push((slot) => lastAt[slot]! >= lastAfter);
    const [only, another] = checks;
    if (only === undefined || another === undefined) return only;
    return (slot) => {
      for (const check of checks) if (!check(slot)) return false;
      return true;
    };
  }

  #setOf(term: string): SlotSet {
    let set = this.#terms.get(term);
    if (set !== undefined) return set;
    this.#terms.set(term, (set = new SlotSet()));
    if (!term.startsWith("=")) {
      const beginning = term.slice(0, term.startsWith("^") ? 3 : 2);
      const begun = this.#beginnings.get(beginning);
      if (begun === undefined) this.#beginnings.set(beginning, [term]);
      else begun.push(term);
    }
    return set;
  }

  #slotOf(row: number): number | undefined {
    const rows = this.#columns.row;
    let low = 0;
    let high = this.#slots - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (rows[middle] === row) return middle;
      if (rows[middle]! < row) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  #grow(): void {
    const slots = this.#columns.row.length * 2;
    this.#columns = movedInto(columnsFor(slots), this.#columns, (slot) => slot, this.#slots);
    this.#alive = grown(this.#alive, slots);
    this.#scratch.length = 0;
  }

  #closeUp(): void {
    const renumbered = new Int32Array(this.#slots).fill(-1);
    let next = 0;
    for (let slot = 0; slot < this.#slots; slot++) {
      if (hasBit(this.#alive, slot)) renumbered[slot] = next++;
    }
    let slots = slotsMin;
    while (slots < next) slots *= 2;
    const to = (slot: number): number => renumbered[slot]!;
    this.#columns = movedInto(columnsFor(slots), this.#columns, to, this.#slots);
    const terms = this.#terms;
    this.#terms = new Map();
    this.#beginnings.clear();
    for (const [term, set] of terms) {
      const moved = set.moved(renumbered, slots);
      if (moved.size === 0) continue;
      this.#setOf(term);
      this.#terms.set(term, moved);
    }
    this.#alive = new Uint32Array(wordsFor(slots));
    for (let slot = 0; slot < next; slot++) setBit(this.#alive, slot);
    this.#slots = next;
    this.#empty = 0;
    this.#scratch.length = 0;
  }

  #newScratch(): Bits {
    const used = this.#scratchUsed++;
    return (this.#scratch[used] ??= new Uint32Array(wordsFor(this.#columns.row.length)));
  }

  #freeScratch(): void {
    for (let at = 0; at < this.#scratchUsed; at++) this.#scratch[at]?.fill(0);
    this.#scratchUsed = 0;
  }
}

function pickFrom(
  list: Uint32Array,
  sets: readonly Bits[],
  titled: readonly Bits[],
  holds: Holds | undefined,
  best: Best,
): void {
  for (const slot of list) {
    if (!sets.every((bits) => hasBit(bits, slot))) continue;
    if (holds !== undefined && !holds(slot)) continue;
    best.add(
      slot,
      titled.every((bits) => hasBit(bits, slot)),
    );
  }
}

/** The first slots of each class: titles before texts, greater weight before lesser. */
class Best {
  total = 0;
  readonly #weight: Uint8Array;
  readonly #perClassMax: number;
  readonly #classes: number[][] = Array.from({ length: 2 * weights }, () => []);

  constructor(perClassMax: number, weight: Uint8Array) {
    this.#perClassMax = perClassMax;
    this.#weight = weight;
  }

  add(slot: number, titled: boolean): void {
    this.total++;
    const found = this.#classes[(titled ? weights : 2 * weights) - 1 - this.#weight[slot]!]!;
    if (found.length < this.#perClassMax) found.push(slot);
  }

  slots(offset: number, limit: number): number[] {
    return this.#classes.flat().slice(offset, offset + limit);
  }
}

const columnNames = ["row", "weight", "price", "lastAt", "lat", "lon", "x", "y", "z"] as const;

function columnsFor(slots: number): Columns {
  return {
    row: new Float64Array(slots),
    weight: new Uint8Array(slots),
    price: new Float64Array(slots),
    lastAt: new Float64Array(slots),
    lat: new Float64Array(slots),
    lon: new Float64Array(slots),
    x: new Float64Array(slots),
    y: new Float64Array(slots),
    z: new Float64Array(slots),
  };
}

function movedInto(
  into: Columns,
  from: Columns,
  to: (slot: number) => number,
  slots: number,
): Columns {
  for (const name of columnNames) {
    for (let slot = 0; slot < slots; slot++) {
      const now = to(slot);
      if (now >= 0) into[name][now] = from[name][slot]!;
    }
  }
  return into;
}
