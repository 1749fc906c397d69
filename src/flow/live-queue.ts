/**
 * Live messages that wait for one slow reader: bounded in bytes, the oldest given up first. How
 * many were given up is told where they are missing, before the next that is there.
 */
export class LiveQueue<T> {
  readonly #bytesMax: number;
  #items: { readonly item: T; readonly bytes: number }[] = [];
  #first = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#first === this.#items.length && this.#dropped === 0;
  }

  /** How many were given up to make room. */
  push(item: T, bytes: number): number {
    this.#items.push({ item, bytes });
    this.#bytes += bytes;
    let dropped = 0;
    for (; this.#bytes > this.#bytesMax; dropped++) this.#shift();
    this.#dropped += dropped;
    return dropped;
  }

  /** What was given up before the next, or the next; undefined where nothing waits. */
  next(): { readonly dropped: number } | { readonly item: T } | undefined {
    if (this.#dropped > 0) {
      const dropped = this.#dropped;
      this.#dropped = 0;
      return { dropped };
    }
    const item = this.#shift();
    return item === undefined ? undefined : { item };
  }

  #shift(): T | undefined {
    const first = this.#items[this.#first];
    if (first === undefined) return undefined;
    this.#bytes -= first.bytes;
    // not one by one: what is shifted from a long array is moved each time
    if (++this.#first >= 1024 || this.#first === this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return first.item;
  }
}
