import {
  type ByteReader,
  ByteWriter,
  integerMax,
  readIntegers,
  writeIntegers,
} from "./integers.ts";

/** What stood in one hole of a skeleton, message after message, as latin1 text. */
type Texts = readonly string[];

const kinds = { same: 0, decimals: 1, times: 2, texts: 3 } as const;

/** Each column says how long it is, so that one can be read without the others. */
export function writeColumn(out: ByteWriter, texts: Texts): void {
  const column = new ByteWriter();
  writeKind(column, texts);
  out.varint(column.bytes.length);
  out.copy(column.bytes, 0, column.bytes.length);
}

function writeKind(out: ByteWriter, texts: Texts): void {
  const [first = ""] = texts;
  if (texts.every((text) => text === first)) {
    out.byte(kinds.same);
    out.latin1(first);
    return;
  }
  const decimals = decimalsOf(texts);
  if (decimals !== undefined) {
    out.byte(kinds.decimals);
    writeIntegers(out, decimals.scales);
    writeIntegers(out, decimals.mantissas);
    return;
  }
  const times = timesOf(texts);
  if (times !== undefined) {
    out.byte(kinds.times);
    out.byte(first.length === secondsLength ? 0 : 1);
    writeIntegers(out, times);
    return;
  }
  out.byte(kinds.texts);
  writeTexts(out, texts);
}

/** Texts of any length, one after the other. */
export function writeTexts(out: ByteWriter, texts: Texts): void {
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
      return readIntegers(input, count).map((time) => timeText(time, hasMs));
    }
    const scales = readIntegers(input, count);
    const scaleMax = Math.max(...scaleRange(scales));
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
      const power = powers[Math.max(...scaleRange(readIntegers(input, count)))]!;
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

/** Numbers as whole multiples of the smallest step among them; undefined where one does not fit. */
function decimalsOf(texts: Texts): { scales: number[]; mantissas: number[] } | undefined {
  const scales: number[] = [];
  const mantissas: number[] = [];
  for (const text of texts) {
    if (!/^-?(0|[1-9]\d{0,15})(\.\d{1,12})?$/.test(text)) return undefined;
    const dot = text.indexOf(".");
    const mantissa = Number(dot === -1 ? text : text.slice(0, dot) + text.slice(dot + 1));
    if (mantissa === 0 && text.startsWith("-")) return undefined; // no integer is -0
    scales.push(dot === -1 ? 0 : text.length - dot - 1);
    mantissas.push(mantissa);
  }
  const scaleMax = Math.max(...scaleRange(scales));
  for (const [i, mantissa] of mantissas.entries()) {
    const whole = mantissa * powers[scaleMax - scales[i]!]!;
    if (Math.abs(whole) > integerMax) return undefined;
    mantissas[i] = whole;
  }
  return { scales, mantissas };
}

/** The few scales there are: a chunk has more readings than a call may have arguments. */
function scaleRange(scales: readonly number[]): Set<number> {
  return new Set(scales);
}

function decimalText(mantissa: number, scale: number): string {
  if (scale === 0) return String(mantissa);
  const digits = String(Math.abs(mantissa)).padStart(scale + 1, "0");
  const whole = digits.slice(0, -scale);
  return `${mantissa < 0 ? "-" : ""}${whole}.${digits.slice(-scale)}`;
}

/** `"2026-11-23T02:00:00Z"` */
const secondsLength = 22;
const timeForm = /^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"$/;

/** Times in one of the two forms that can be written again exactly; undefined: one is not. */
function timesOf(texts: Texts): number[] | undefined {
  const length = texts[0]!.length;
  const times: number[] = [];
  for (const text of texts) {
    if (text.length !== length || !timeForm.test(text)) return undefined;
    const time = Date.parse(text.slice(1, -1));
    // the 30th of February is a text, no time
    if (!Number.isFinite(time) || timeText(time, length !== secondsLength) !== text) {
      return undefined;
    }
    times.push(time);
  }
  return times;
}

function timeText(time: number, hasMs: boolean): string {
  const text = new Date(time).toISOString();
  return hasMs ? `"${text}"` : `"${text.slice(0, -5)}Z"`;
}
