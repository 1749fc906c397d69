import { JoinedBytes } from "./joined-bytes.ts";

/** One line of a newline-delimited body, without its end; `bytes` undefined: it was too long. */
export interface Line {
  /** Counted from 1, empty ones too. */
  readonly number: number;
  readonly bytes: Buffer | undefined;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const noBytes = Buffer.alloc(0);

/**
 * Cuts a body into lines as it comes. What is kept of a line that is not whole yet is bounded; the
 * rest of one that is too long is passed by.
 */
export class LineSplitter {
  readonly #lineBytesMax: number;
  #number = 1;
  /** Of a line whose end has not come. */
  readonly #begun = new JoinedBytes();
  #begunBytes = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The lines that end in this piece; they may share its memory. */
  *take(piece: Buffer): Generator<Line> {
    let from = 0;
    for (;;) {
      const end = piece.indexOf(lineFeed, from);
      if (end === -1) break;
      const last = piece.subarray(from, end);
      from = end + 1;
      yield this.#begunBytes === 0 ? this.#line(last, last.length) : this.#ended(last);
    }
    this.#begin(piece.subarray(from));
  }

  /** The last line, where the body ended without a line feed. */
  rest(): Line | undefined {
    return this.#begunBytes === 0 ? undefined : this.#ended(noBytes);
  }

  #begin(part: Buffer): void {
    this.#begunBytes += part.length;
    if (this.#begunBytes > this.#lineBytesMax) this.#begun.take();
    else this.#begun.add(part);
  }

  #ended(last: Buffer): Line {
    this.#begin(last);
    const length = this.#begunBytes;
    this.#begunBytes = 0;
    return this.#line(this.#begun.take(), length);
  }

  #line(bytes: Buffer, length: number): Line {
    const number = this.#number++;
    if (length > this.#lineBytesMax) return { number, bytes: undefined };
    return { number, bytes: bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes };
  }
}
