/**
 * Reads CBOR (RFC 8949) where it lies, so that what passes keeps its bytes: where items begin and
 * end, of which kind they are, what scalars say. All of it is checked once (`isCborMap`,
 * `isCborArray`); the walks behind that check nothing again.
 */
import { isUtf8 } from "node:buffer";
import type { Member, ValueKind } from "../payload-value.ts";

const depthMax = 64;
const major = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6 } as const;
const indefinite = 31;
const breakByte = 0xff;
/** Tag 4 (§3.4.4), around an array of two whole numbers: exponent and mantissa. */
const decimalFraction = [0xc4, 0x82] as const;
const malformed = Symbol("malformed");

/**
 * One well-formed map (§5.3.1) and nothing behind it. Keys of all maps in it are text or whole
 * numbers: others have no name that they could be let through or left out by.
 */
export function isCborMap(bytes: Buffer): boolean {
  return isWhole(bytes, major.map);
}

export function isCborArray(bytes: Buffer): boolean {
  return isWhole(bytes, major.array);
}

function isWhole(bytes: Buffer, wanted: number): boolean {
  if (bytes.length === 0 || bytes[0]! >> 5 !== wanted) return false;
  try {
    return checkedEnd(bytes, 0, 0) === bytes.length;
  } catch (thrown) {
    if (thrown === malformed) return false;
    throw thrown;
  }
}

/** The argument of the item's head (§3), and where its content begins. */
interface Head {
  readonly type: number;
  /** Infinity: the length is not told, a break ends it. */
  readonly value: number;
  readonly contentAt: number;
}

function headAt(bytes: Buffer, at: number): Head {
  const first = bytes[at];
  if (first === undefined) throw malformed;
  const type = first >> 5;
  const info = first & 31;
  if (info < 24) return { type, value: info, contentAt: at + 1 };
  if (info === indefinite) return { type, value: Infinity, contentAt: at + 1 };
  if (info > 27) throw malformed; // reserved
  const size = 1 << (info - 24);
  if (at + 1 + size > bytes.length) throw malformed;
  const value = size === 8 ? Number(bytes.readBigUInt64BE(at + 1)) : bytes.readUIntBE(at + 1, size);
  return { type, value, contentAt: at + 1 + size };
}

function checkedEnd(bytes: Buffer, at: number, depth: number): number {
  if (depth > depthMax) throw malformed;
  const { type, value, contentAt } = headAt(bytes, at);
  switch (type) {
    case major.unsigned:
    case major.negative:
      if (value === Infinity) throw malformed;
      return contentAt;
    case major.bytes:
    case major.text:
      return value === Infinity
        ? checkedChunks(bytes, contentAt, type)
        : checkedString(bytes, contentAt, value, type);
    case major.array:
    case major.map: {
      const parts = type === major.map ? 2 : 1;
      let next = contentAt;
      for (let i = 0; value === Infinity ? bytes[next] !== breakByte : i < value; i++) {
        if (type === major.map) checkKey(bytes, next);
        for (let part = 0; part < parts; part++) next = checkedEnd(bytes, next, depth + 1);
      }
      return value === Infinity ? next + 1 : next;
    }
    case major.tag:
      if (value === Infinity) throw malformed;
      return checkedEnd(bytes, contentAt, depth + 1);
    default:
      // A break that ends nothing; a simple value below 32 in two bytes (§3.3).
      if (value === Infinity) throw malformed;
      if (bytes[at] === 0xf8 && value < 32) throw malformed;
      return contentAt;
  }
}

function checkKey(bytes: Buffer, at: number): void {
  const { type } = headAt(bytes, at);
  const isNamed = type === major.text || type === major.unsigned || type === major.negative;
  if (!isNamed) throw malformed;
}

function checkedString(bytes: Buffer, at: number, length: number, type: number): number {
  const end = at + length;
  if (end > bytes.length) throw malformed;
  if (type === major.text && !isUtf8(bytes.subarray(at, end))) throw malformed;
  return end;
}

/** Chunks of a string have told lengths and its own type (§3.2.3). */
function checkedChunks(bytes: Buffer, at: number, type: number): number {
  let next = at;
  while (bytes[next] !== breakByte) {
    const chunk = headAt(bytes, next);
    if (chunk.type !== type || chunk.value === Infinity) throw malformed;
    next = checkedString(bytes, chunk.contentAt, chunk.value, type);
  }
  return next + 1;
}

/** Of an item that was checked. */
function itemEnd(bytes: Buffer, at: number): number {
  const { type, value, contentAt } = headAt(bytes, at);
  switch (type) {
    case major.bytes:
    case major.text:
      if (value !== Infinity) return contentAt + value;
      return pastBreak(bytes, contentAt);
    case major.array:
    case major.map: {
      if (value === Infinity) return pastBreak(bytes, contentAt);
      let next = contentAt;
      for (let left = type === major.map ? 2 * value : value; left > 0; left--) {
        next = itemEnd(bytes, next);
      }
      return next;
    }
    case major.tag:
      return itemEnd(bytes, contentAt);
    default:
      return contentAt;
  }
}

function pastBreak(bytes: Buffer, at: number): number {
  let next = at;
  while (bytes[next] !== breakByte) next = itemEnd(bytes, next);
  return next + 1;
}

/** Visits the members of the map, in order, duplicates too; a whole number's name is its digits. */
export function walkMap(bytes: Buffer, at: number, visit: (member: Member) => void): void {
  const { value, contentAt } = headAt(bytes, at);
  let next = contentAt;
  for (let i = 0; value === Infinity ? bytes[next] !== breakByte : i < value; i++) {
    const keyAt = next;
    const keyEnd = itemEnd(bytes, keyAt);
    const valueEnd = itemEnd(bytes, keyEnd);
    visit({ name: nameAt(bytes, keyAt), keyAt, keyEnd, valueAt: keyEnd, valueEnd });
    next = valueEnd;
  }
}

export function walkArray(
  bytes: Buffer,
  at: number,
  visit: (at: number, end: number) => void,
): void {
  const { value, contentAt } = headAt(bytes, at);
  let next = contentAt;
  for (let i = 0; value === Infinity ? bytes[next] !== breakByte : i < value; i++) {
    const end = itemEnd(bytes, next);
    visit(next, end);
    next = end;
  }
}

function nameAt(bytes: Buffer, at: number): string {
  return bytes[at]! >> 5 === major.text ? stringAt(bytes, at) : numberTextAt(bytes, at);
}

export function cborKindAt(bytes: Buffer, at: number): ValueKind {
  const first = bytes[at]!;
  switch (first >> 5) {
    case major.unsigned:
    case major.negative:
      return "number";
    case major.text:
      return "string";
    case major.bytes:
      return "bytes";
    case major.array:
      return "array";
    case major.map:
      return "object";
    case major.tag:
      return isDecimalFraction(bytes, at) ? "number" : "other";
    default:
      if (first === 0xf4 || first === 0xf5) return "boolean";
      if (first === 0xf6 || first === 0xf7) return "null";
      if (first >= 0xf9 && first <= 0xfb) {
        return Number.isFinite(floatAt(bytes, at)) ? "number" : "other";
      }
      return "other";
  }
}

function isDecimalFraction(bytes: Buffer, at: number): boolean {
  if (bytes[at] !== decimalFraction[0] || bytes[at + 1] !== decimalFraction[1]) return false;
  const mantissaAt = itemEnd(bytes, at + 2);
  if (!isWholeNumber(bytes, at + 2) || !isWholeNumber(bytes, mantissaAt)) return false;
  return Number.isFinite(Number(decimalTextAt(bytes, at)));
}

function isWholeNumber(bytes: Buffer, at: number): boolean {
  const type = bytes[at]! >> 5;
  return type === major.unsigned || type === major.negative;
}

function decimalTextAt(bytes: Buffer, at: number): string {
  return `${numberTextAt(bytes, itemEnd(bytes, at + 2))}e${numberTextAt(bytes, at + 2)}`;
}

export function stringAt(bytes: Buffer, at: number): string {
  const { value, contentAt } = headAt(bytes, at);
  if (value !== Infinity) return bytes.toString("utf8", contentAt, contentAt + value);
  let text = "";
  for (let next = contentAt; bytes[next] !== breakByte; next = itemEnd(bytes, next)) {
    text += stringAt(bytes, next);
  }
  return text;
}

/** A number as JSON may write it: every digit of a whole one or a decimal, the fewest of a float. */
export function numberTextAt(bytes: Buffer, at: number): string {
  const first = bytes[at]!;
  const type = first >> 5;
  if (type === major.tag) return decimalTextAt(bytes, at);
  if (!isWholeNumber(bytes, at)) return String(floatAt(bytes, at));
  const wide = (first & 31) === 27;
  const value = wide ? bytes.readBigUInt64BE(at + 1) : BigInt(headAt(bytes, at).value);
  return String(type === major.unsigned ? value : -1n - value);
}

function floatAt(bytes: Buffer, at: number): number {
  switch (bytes[at]) {
    case 0xf9:
      return halfOf(bytes.readUInt16BE(at + 1));
    case 0xfa:
      return bytes.readFloatBE(at + 1);
    default:
      return bytes.readDoubleBE(at + 1);
  }
}

/** IEEE 754 binary16 (Appendix D). */
function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Definite lengths, in the fewest bytes (§4.2.1). */
export function encodeMap(members: readonly Buffer[]): Buffer {
  return Buffer.concat([encodeHead(major.map, BigInt(members.length)), ...members]);
}

export function encodeArray(elements: readonly Buffer[]): Buffer {
  return Buffer.concat([encodeHead(major.array, BigInt(elements.length)), ...elements]);
}

export function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([encodeHead(major.text, BigInt(bytes.length)), bytes]);
}

/** Of a number's JSON text: whole ones that have an item of their own as such, others as a double. */
export function encodeNumber(text: string): Buffer {
  if (/^-?\d+$/.test(text)) {
    const whole = BigInt(text);
    const argument = whole < 0n ? -1n - whole : whole;
    if (argument < 1n << 64n) {
      return encodeHead(whole < 0n ? major.negative : major.unsigned, argument);
    }
  }
  const out = Buffer.alloc(9, 0xfb);
  out.writeDoubleBE(Number(text), 1);
  return out;
}

function encodeHead(type: number, value: bigint): Buffer {
  const first = type << 5;
  if (value < 24n) return Buffer.from([first | Number(value)]);
  const sizes = [8n, 16n, 32n, 64n];
  const power = sizes.findIndex((bits) => value < 1n << bits);
  const size = 1 << power;
  const out = Buffer.alloc(1 + size);
  out[0] = first | (24 + power);
  if (size === 8) out.writeBigUInt64BE(value, 1);
  else out.writeUIntBE(Number(value), 1, size);
  return out;
}
