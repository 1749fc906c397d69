/** One line of a newline-delimited body, without its end; `bytes` undefined: it was too long. */
export interface Line {
  /** Counted from 1, empty ones too. */
  readonly number: number;
  readonly bytes: Buffer | undefined;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Cuts a body into lines as it comes. What is kept of a line that is not whole yet is bounded; the
 * rest of one that is too long is passed by.
 */
export class LineSplitter {
  readonly #lineBytesMax: number;
  #number = 1;
  #kept: Buffer[] = [];
  #keptBytes = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The lines that end in this piece; they may share its memory. */
  *take(piece: Buffer): Generator<Line> {
    let from = 0;
    for (;;) {
      const end = piece.indexOf(lineFeed, from);
      if (end === -1) break;
      this.#keep(piece.subarray(from, end));
      from = end + 1;
      yield this.#whole();
    }
    this.#keep(piece.subarray(from));
  }

  /** The last line, where the body ended without a line feed. */
  rest(): Line | undefined {
    return this.#keptBytes === 0 ? undefined : this.#whole();
  }

  #keep(part: Buffer): void {
    this.#keptBytes += part.length;
    if (this.#keptBytes > this.#lineBytesMax) this.#kept = [];
    else this.#kept.push(part);
  }

  #whole(): Line {
    const isTooLong = this.#keptBytes > this.#lineBytesMax;
    const bytes = this.#kept.length === 1 ? this.#kept[0]! : Buffer.concat(this.#kept);
    this.#kept = [];
    this.#keptBytes = 0;
    const number = this.#number++;
    if (isTooLong) return { number, bytes: undefined };
    return { number, bytes: bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes };
  }
}
