/** A set of slots, bit by bit: slot n is bit n % 32 of word n / 32. */
export type Bits = Uint32Array<ArrayBuffer>;

export function wordsFor(slots: number): number {
  return (slots + 31) >>> 5;
}

export function hasBit(bits: Bits, slot: number): boolean {
  return (bits[slot >>> 5]! & (1 << (slot & 31))) !== 0;
}

export function setBit(bits: Bits, slot: number): void {
  bits[slot >>> 5]! |= 1 << (slot & 31);
}

export function clearBit(bits: Bits, slot: number): void {
  bits[slot >>> 5]! &= ~(1 << (slot & 31));
}

export function grown(bits: Bits, slots: number): Bits {
  if (wordsFor(slots) <= bits.length) return bits;
  const more = new Uint32Array(wordsFor(slots));
  more.set(bits);
  return more;
}

const listMin = 4;

/**
 * The slots of one term: a list while they are few, bits once that is smaller. Slots are added in
 * ascending order and never taken out; what is gone is told apart by who asks.
 */
export class SlotSet {
  #list: Uint32Array<ArrayBuffer> | undefined = new Uint32Array(listMin);
  #bits: Bits | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Undefined where it is bits. */
  get list(): Uint32Array | undefined {
    return this.#list?.subarray(0, this.#size);
  }

  add(slot: number, slotsMax: number): void {
    if (this.#list === undefined) {
      this.#bits = grown(this.#bits!, slotsMax);
      setBit(this.#bits, slot);
    } else if (this.#size < this.#list.length) this.#list[this.#size] = slot;
    else if (this.#size * 2 < wordsFor(slotsMax)) {
      const longer = new Uint32Array(this.#size * 2);
      longer.set(this.#list);
      longer[this.#size] = slot;
      this.#list = longer;
    } else {
      this.#bits = new Uint32Array(wordsFor(slotsMax));
      this.addTo(this.#bits);
      setBit(this.#bits, slot);
      this.#list = undefined;
    }
    this.#size++;
  }

  /** As bits of that many slots; `scratch`, all zero, is filled where it is a list. */
  bits(slotsMax: number, scratch: () => Bits): Bits {
    if (this.#bits !== undefined) return (this.#bits = grown(this.#bits, slotsMax));
    const filled = scratch();
    this.addTo(filled);
    return filled;
  }

  addTo(bits: Bits): void {
    if (this.#list === undefined) {
      const own = this.#bits!;
      for (let word = 0; word < own.length; word++) bits[word]! |= own[word]!;
      return;
    }
    for (let at = 0; at < this.#size; at++) setBit(bits, this.#list[at]!);
  }

  /** The same set once slots are numbered anew; `renumbered` has -1 for those that are gone. */
  moved(renumbered: Int32Array, slotsMax: number): SlotSet {
    const moved = new SlotSet();
    const visit = (slot: number): void => {
      const now = renumbered[slot]!;
      if (now >= 0) moved.add(now, slotsMax);
    };
    if (this.#list !== undefined) for (const slot of this.list!) visit(slot);
    else forEachBit(this.#bits!, visit);
    return moved;
  }
}

function forEachBit(bits: Bits, visit: (slot: number) => void): void {
  for (let word = 0; word < bits.length; word++) {
    for (let left = bits[word]!; left !== 0; left &= left - 1) {
      visit(word * 32 + 31 - Math.clz32(left & -left));
    }
  }
}
