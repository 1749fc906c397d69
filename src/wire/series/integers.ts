import { giveBack } from "../../kernel/give-back.ts";

const noBytes = Buffer.alloc(0);

/** Bytes that grow as they are written. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(size = 4096) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2⁵³, seven bits a byte, the lowest first. */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A whole number of either sign: 0, -1, 1, -2 … as 0, 1, 2, 3 … */
  signed(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  latin1(text: string): void {
    this.varint(text.length);
    this.#reserve(text.length);
    this.#length += this.#bytes.write(text, this.#length, "latin1");
  }

  copy(from: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    this.#length += from.copy(this.#bytes, this.#length, start, end);
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Its bytes are used no more. */
  release(): void {
    giveBack(this.#bytes);
    this.#bytes = noBytes;
    this.#length = 0;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    giveBack(this.#bytes);
    this.#bytes = larger;
  }
}

/** Reads what a `ByteWriter` wrote; throws a RangeError where the bytes end too soon. */
export class ByteReader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  byte(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new RangeError("a chunk ends too soon");
    return value;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  latin1(): string {
    const length = this.varint();
    const start = this.skip(length);
    return this.bytes.toString("latin1", start, start + length);
  }

  /** Where the next so many bytes begin, which are passed over. */
  skip(length: number): number {
    const start = this.at;
    this.at += length;
    if (this.at > this.bytes.length) throw new RangeError("a chunk ends too soon");
    return start;
  }
}

/** Differences of differences have to be whole numbers that a double holds. */
export const integerMax = 2 ** 50;

/** Whole numbers as differences, or as differences of differences where these are smaller. */
export function writeIntegers(out: ByteWriter, values: readonly number[]): void {
  let once = 0;
  let twice = 0;
  let last = 0;
  let lastStep = 0;
  for (const value of values) {
    const step = value - last;
    once += Math.abs(step);
    twice += Math.abs(step - lastStep);
    last = value;
    lastStep = step;
  }
  const isTwice = twice < once;
  out.byte(isTwice ? 1 : 0);
  last = 0;
  lastStep = 0;
  for (const value of values) {
    const step = value - last;
    out.signed(isTwice ? step - lastStep : step);
    last = value;
    lastStep = step;
  }
}

export function readIntegers(input: ByteReader, count: number): number[] {
  const isTwice = input.byte() === 1;
  const values: number[] = [];
  let last = 0;
  let step = 0;
  for (let i = 0; i < count; i++) {
    step = isTwice ? step + input.signed() : input.signed();
    last += step;
    values.push(last);
  }
  return values;
}
