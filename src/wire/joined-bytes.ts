const noBytes = Buffer.alloc(0);
const firstBytes = 1024;

/**
 * Bytes that come in pieces, copied together as they come: a piece of one byte, kept as it is,
 * takes a hundred, and whoever sends decides into how many it is cut.
 */
export class JoinedBytes {
  /** With room behind what came. */
  #bytes = noBytes;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * length, firstBytes));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    piece.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  /** All that came since the last time; nothing is written into its memory again. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = noBytes;
    this.#length = 0;
    return taken;
  }
}
