import { isoSecondsLength, isoText, isoTimeAt } from "./iso-time.ts";
import {
  type ByteReader,
  ByteWriter,
  integerMax,
  readIntegers,
  writeIntegers,
} from "./integers.ts";

/** What stands in one hole of a skeleton, message after message. */
export class Tokens {
  readonly #payloads: Buffer[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  add(payload: Buffer, start: number, end: number): void {
    this.#payloads.push(payload);
    this.#starts.push(start);
    this.#ends.push(end);
  }

  /** latin1: a character a byte. */
  texts(): string[] {
    return this.#payloads.map((payload, i) =>
      payload.toString("latin1", this.#starts[i], this.#ends[i]),
    );
  }

  /** The text they all are, if they are. */
  same(): string | undefined {
    const [first, firstStart = 0, firstEnd = 0] = [
      this.#payloads[0],
      this.#starts[0],
      this.#ends[0],
    ];
    if (first === undefined) return "";
    for (const [i, payload] of this.#payloads.entries()) {
      const start = this.#starts[i]!;
      if (this.#ends[i]! - start !== firstEnd - firstStart) return undefined;
      for (let k = firstStart; k < firstEnd; k++) {
        if (payload[start + k - firstStart] !== first[k]) return undefined;
      }
    }
    return first.toString("latin1", firstStart, firstEnd);
  }

  /** Numbers as whole multiples of the smallest step among them; undefined: one does not fit. */
  decimals(): { scales: number[]; mantissas: number[] } | undefined {
    const scales: number[] = [];
    const mantissas: number[] = [];
    let scaleMax = 0;
    for (const [i, payload] of this.#payloads.entries()) {
      const scale = decimalAt(payload, this.#starts[i]!, this.#ends[i]!);
      if (scale === -1) return undefined;
      scales.push(scale);
      mantissas.push(foundMantissa);
      scaleMax = Math.max(scaleMax, scale);
    }
    for (const [i, mantissa] of mantissas.entries()) {
      const whole = mantissa * powers[scaleMax - scales[i]!]!;
      if (Math.abs(whole) > integerMax) return undefined;
      mantissas[i] = whole;
    }
    return { scales, mantissas };
  }

  /** Times of one of the two forms; undefined: one is of another. */
  times(): { times: number[]; hasMs: boolean } | undefined {
    const length = this.#ends[0]! - this.#starts[0]!;
    const times: number[] = [];
    for (const [i, payload] of this.#payloads.entries()) {
      const [start, end] = [this.#starts[i]!, this.#ends[i]!];
      if (end - start !== length) return undefined;
      const time = isoTimeAt(payload, start, end);
      if (Number.isNaN(time)) return undefined;
      times.push(time);
    }
    return { times, hasMs: length !== isoSecondsLength };
  }
}

const kinds = { same: 0, decimals: 1, times: 2, texts: 3 } as const;

/** Each column says how long it is, so that one can be read without the others. */
export function writeColumn(out: ByteWriter, tokens: Tokens): void {
  const column = new ByteWriter(512);
  writeKind(column, tokens);
  out.varint(column.bytes.length);
  out.copy(column.bytes, 0, column.bytes.length);
  column.release();
}

function writeKind(out: ByteWriter, tokens: Tokens): void {
  const same = tokens.same();
  if (same !== undefined) {
    out.byte(kinds.same);
    out.latin1(same);
    return;
  }
  const decimals = tokens.decimals();
  if (decimals !== undefined) {
    out.byte(kinds.decimals);
    writeIntegers(out, decimals.scales);
    writeIntegers(out, decimals.mantissas);
    return;
  }
  const found = tokens.times();
  if (found !== undefined) {
    out.byte(kinds.times);
    out.byte(found.hasMs ? 1 : 0);
    writeIntegers(out, found.times);
    return;
  }
  out.byte(kinds.texts);
  writeTexts(out, tokens.texts());
}

/** Texts of any length, one after the other. */
export function writeTexts(out: ByteWriter, texts: readonly string[]): void {
  writeIntegers(
    out,
    texts.map((text) => text.length),
  );
  out.latin1(texts.join(""));
}

export function readTexts(input: ByteReader, count: number): string[] {
  const lengths = readIntegers(input, count);
  const all = input.latin1();
  let at = 0;
  return lengths.map((length) => all.slice(at, (at += length)));
}

/** A column as it was written: its texts, or only the numbers among them. */
export class Column {
  readonly #input: ByteReader;
  readonly #start: number;
  readonly #count: number;

  /** Takes the column that stands next in the input, and leaves the input behind it. */
  constructor(input: ByteReader, count: number) {
    const length = input.varint();
    this.#input = input;
    this.#start = input.skip(length);
    this.#count = count;
  }

  texts(): string[] {
    const { input, kind } = this.#open();
    const count = this.#count;
    if (kind === kinds.same) return Array<string>(count).fill(input.latin1());
    if (kind === kinds.texts) return readTexts(input, count);
    if (kind === kinds.times) {
      const hasMs = input.byte() === 1;
      return readIntegers(input, count).map((time) => isoText(time, hasMs));
    }
    const scales = readIntegers(input, count);
    const scaleMax = greatest(scales);
    return readIntegers(input, count).map((mantissa, i) => {
      const scale = scales[i]!;
      return decimalText(mantissa / powers[scaleMax - scale]!, scale);
    });
  }

  /** NaN where it is no number. */
  values(): number[] {
    const { input, kind } = this.#open();
    const count = this.#count;
    if (kind === kinds.decimals) {
      const power = powers[greatest(readIntegers(input, count))]!;
      // both are whole numbers that a double holds: the quotient is the double nearest to the text
      return readIntegers(input, count).map((mantissa) => mantissa / power);
    }
    if (kind === kinds.same) return Array<number>(count).fill(numberIn(input.latin1()));
    return this.texts().map(numberIn);
  }

  #open(): { readonly input: ByteReader; readonly kind: number } {
    const input = this.#input;
    input.at = this.#start;
    return { input, kind: input.byte() };
  }
}

/** The number that a JSON text is (RFC 8259 §6); NaN where it is none. */
export function numberIn(text: string): number {
  return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

const scaleLimit = 12;
const powers = Array.from({ length: scaleLimit + 1 }, (_, scale) => 10 ** scale);

let foundMantissa = 0;

/**
 * Digits behind the point of a decimal that can be written again as it is, its digits without the
 * point in `foundMantissa`; -1 where the bytes are another text.
 */
function decimalAt(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === 0x2d;
  const first = isNegative ? start + 1 : start;
  let mantissa = 0;
  let point = -1;
  for (let i = first; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit >= 0 && digit <= 9) mantissa = mantissa * 10 + digit;
    else if (bytes[i] === 0x2e && point === -1) point = i;
    else return -1;
  }
  const wholeEnd = point === -1 ? end : point;
  const scale = point === -1 ? 0 : end - point - 1;
  const hasDigits = wholeEnd > first && (point === -1 || scale > 0);
  const leadsWithZero = bytes[first] === 0x30 && wholeEnd - first > 1;
  if (!hasDigits || leadsWithZero || scale > scaleLimit || mantissa > integerMax) return -1;
  if (isNegative && mantissa === 0) return -1; // no integer is -0
  foundMantissa = isNegative ? -mantissa : mantissa;
  return scale;
}

/** A chunk has more readings than `Math.max` may have arguments. */
function greatest(scales: readonly number[]): number {
  let most = 0;
  for (const scale of scales) most = Math.max(most, scale);
  return most;
}

function decimalText(mantissa: number, scale: number): string {
  if (scale === 0) return String(mantissa);
  const digits = String(Math.abs(mantissa)).padStart(scale + 1, "0");
  const whole = digits.slice(0, -scale);
  return `${mantissa < 0 ? "-" : ""}${whole}.${digits.slice(-scale)}`;
}
