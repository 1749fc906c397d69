import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { giveBack } from "../../kernel/give-back.ts";
import { Column, readTexts, Tokens, writeColumn, writeTexts } from "./columns.ts";
import { FieldValues } from "./field-values.ts";
import { ByteReader, ByteWriter, readIntegers, writeIntegers } from "./integers.ts";
import { Cutter, holeAt, holeMark, skeletonValue } from "./payload.ts";

/** One message of a series. */
export interface Reading {
  /** In its log. */
  readonly position: number;
  /** Log time, milliseconds since the Unix epoch. */
  readonly at: number;
  /** The message's own time where it has one, else `at`. */
  readonly time: number;
  readonly payload: Buffer;
}

const version = 1;
const skeletonsMax = 64;
const decodedBytesMax = 256 * 1024 * 1024;
const forms = { plain: 0, zstd: 1 } as const;

/**
 * Many readings of one series as columns: positions, arrivals, times, and each skeleton's holes.
 * Few that soon stand in a larger chunk are not worth taking apart: `plain` keeps payloads whole.
 * docs/decisions has the format; another one is another version.
 */
export function encodeChunk(readings: readonly Reading[], plain = false): Buffer {
  const out = new ByteWriter();
  out.byte(version);
  out.varint(readings.length);
  writeIntegers(
    out,
    readings.map(({ position }) => position),
  );
  writeIntegers(
    out,
    readings.map(({ at }) => at),
  );
  writeIntegers(
    out,
    readings.map(({ at, time }) => time - at),
  );
  if (plain) writeWhole(out, readings);
  else writePayloads(out, readings);
  const body = plain ? out.bytes : compressed(out.bytes);
  const chunk = Buffer.concat([Buffer.of(plain ? forms.plain : forms.zstd), body]);
  if (!plain) giveBack(body);
  out.release();
  return chunk;
}

function writeWhole(out: ByteWriter, readings: readonly Reading[]): void {
  out.varint(1);
  out.byte(0);
  writeTexts(
    out,
    readings.map(({ payload }) => payload.toString("latin1")),
  );
}

/** Readings of one skeleton, as they are gathered. */
interface Group {
  readonly columns: Tokens[];
  readonly whole: string[];
}

function writePayloads(out: ByteWriter, readings: readonly Reading[]): void {
  const cutter = new Cutter();
  const groups = new Map<string | undefined, Group>();
  const numbers = new Map<string | undefined, number>();
  const which: number[] = [];
  for (const { payload } of readings) {
    const { skeleton, places } = cutter.cut(payload, 0, payload.length);
    const fits = groups.has(skeleton) || groups.size < skeletonsMax;
    const key = fits ? skeleton : undefined;
    let group = groups.get(key);
    if (group === undefined) {
      const holes = key === undefined ? 0 : places.length / 2;
      group = { columns: Array.from({ length: holes }, () => new Tokens()), whole: [] };
      numbers.set(key, groups.size);
      groups.set(key, group);
    }
    which.push(numbers.get(key)!);
    if (key === undefined) group.whole.push(payload.toString("latin1"));
    for (const [hole, column] of group.columns.entries()) {
      column.add(payload, places[hole * 2]!, places[hole * 2 + 1]!);
    }
  }
  out.varint(groups.size);
  if (groups.size > 1) writeIntegers(out, which);
  for (const [skeleton, { columns, whole }] of groups) {
    out.byte(skeleton === undefined ? 0 : 1);
    if (skeleton === undefined) {
      writeTexts(out, whole);
      continue;
    }
    out.latin1(skeleton);
    for (const column of columns) writeColumn(out, column);
  }
}

/** Readings of one skeleton, as they are read. */
interface ReadGroup {
  /** Undefined: payloads are kept whole. */
  readonly skeleton: string | undefined;
  readonly columns: readonly Column[];
  /** Where there are no columns. */
  readonly whole: readonly string[];
}

/** Readings as they were encoded. Throws where the bytes are no chunk. */
export class Chunk {
  readonly count: number;
  readonly positions: readonly number[];
  readonly ats: readonly number[];
  readonly times: readonly number[];
  /** Which of `#groups` each reading belongs to; undefined: there is one. */
  readonly #which: readonly number[] | undefined;
  readonly #groups: readonly ReadGroup[];

  constructor(bytes: Uint8Array) {
    const input = new ByteReader(plainBytes(bytes));
    const found = input.byte();
    if (found !== version) throw new RangeError(`a chunk has version ${found}`);
    const count = input.varint();
    this.count = count;
    this.positions = readIntegers(input, count);
    this.ats = readIntegers(input, count);
    this.times = readIntegers(input, count).map((own, i) => own + this.ats[i]!);
    const groupCount = input.varint();
    this.#which = groupCount > 1 ? readIntegers(input, count) : undefined;
    const counts = Array<number>(groupCount).fill(this.#which === undefined ? count : 0);
    for (const group of this.#which ?? []) counts[group]!++;
    this.#groups = counts.map((size) => readGroup(input, size));
  }

  /** Payloads as latin1 text, a character a byte. */
  payloads(): string[] {
    const payloads = this.#groups.map(({ skeleton, columns, whole }) =>
      skeleton === undefined || columns.length === 0 ? whole : filled(skeleton, columns),
    );
    return this.#inOrder(payloads);
  }

  /** What stands at a dotted path of each payload; NaN where no number does. */
  values(path: string): number[] {
    const values = this.#groups.map(({ skeleton, columns, whole }) => {
      if (skeleton === undefined) {
        const fields = new FieldValues(path);
        return whole.map((payload) => fields.of(Buffer.from(payload, "latin1")));
      }
      const hole = holeAt(skeletonValue(skeleton), path);
      return hole === undefined ? undefined : columns[hole]?.values();
    });
    if (this.#which === undefined) return values[0] ?? Array<number>(this.count).fill(Number.NaN);
    return this.#inOrder(values).map((value) => value ?? Number.NaN);
  }

  #inOrder<T>(groups: readonly (readonly T[] | undefined)[]): T[] {
    const which = this.#which;
    if (which === undefined) return [...(groups[0] ?? [])];
    const next = groups.map(() => 0);
    return which.map((group) => groups[group]?.[next[group]!++] as T);
  }
}

function readGroup(input: ByteReader, size: number): ReadGroup {
  if (input.byte() === 0) {
    return { skeleton: undefined, columns: [], whole: readTexts(input, size) };
  }
  const skeleton = input.latin1();
  const holes = skeleton.split(holeMark).length - 1;
  const columns = Array.from({ length: holes }, () => new Column(input, size));
  // a payload without any hole is its skeleton
  return { skeleton, columns, whole: holes === 0 ? Array<string>(size).fill(skeleton) : [] };
}

function filled(skeleton: string, columns: readonly Column[]): string[] {
  const pieces = skeleton.split(holeMark);
  const texts = columns.map((column) => column.texts());
  const [first] = texts;
  if (first === undefined) return [];
  return first.map((_, row) => {
    let text = pieces[0]!;
    for (let hole = 0; hole < texts.length; hole++) text += texts[hole]![row]! + pieces[hole + 1]!;
    return text;
  });
}

/** With a checksum: a page that the disk lost is an error, never a wrong reading. */
function compressed(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}

function plainBytes(bytes: Uint8Array): Buffer {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const body = buffer.subarray(1);
  return buffer[0] === forms.zstd
    ? zstdDecompressSync(body, { maxOutputLength: decodedBytesMax })
    : body;
}
