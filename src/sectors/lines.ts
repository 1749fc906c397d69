const newline = 0x0a;

/** Cuts a stream of bytes at its line ends. */
export class Lines {
  readonly #bytesMax: number;
  readonly #onTooLong: (problem: string) => void;
  #rest: Buffer = Buffer.alloc(0);
  #skipping = false;

  constructor(bytesMax: number, onTooLong: (problem: string) => void) {
    this.#bytesMax = bytesMax;
    this.#onTooLong = onTooLong;
  }

  /** All that is whole now, line ends included; empty where nothing is. */
  add(bytes: Uint8Array): Buffer {
    let chunk = Buffer.from(bytes);
    if (this.#skipping) {
      const end = chunk.indexOf(newline);
      if (end === -1) return Buffer.alloc(0);
      this.#skipping = false;
      chunk = chunk.subarray(end + 1);
    }
    const end = chunk.lastIndexOf(newline);
    if (end === -1) {
      this.#keep(Buffer.concat([this.#rest, chunk]));
      return Buffer.alloc(0);
    }
    const whole = Buffer.concat([this.#rest, chunk.subarray(0, end + 1)]);
    this.#keep(Buffer.from(chunk.subarray(end + 1)));
    return whole;
  }

  #keep(rest: Buffer): void {
    this.#skipping = rest.length > this.#bytesMax;
    if (this.#skipping) this.#onTooLong(`a line of more than ${this.#bytesMax} bytes`);
    this.#rest = this.#skipping ? Buffer.alloc(0) : rest;
  }
}
