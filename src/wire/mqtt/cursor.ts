import { isUtf8 } from "node:buffer";
import { malformed } from "./protocol.ts";

/** Reads the MQTT data types of §1.5 from a packet's body, in order, never past its end. */
export class Cursor {
  readonly buffer: Buffer;
  at: number;
  readonly end: number;

  constructor(buffer: Buffer, at = 0, end = buffer.length) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  byte(): number {
    this.#need(1);
    return this.buffer[this.at++]!;
  }

  uint16(): number {
    this.#need(2);
    const value = this.buffer.readUInt16BE(this.at);
    this.at += 2;
    return value;
  }

  uint32(): number {
    this.#need(4);
    const value = this.buffer.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }

  /** Variable byte integer, §1.5.5; at most four bytes [MQTT-1.5.5-1]. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if (byte === 0 && shift > 0) break;
      return value;
    }
    throw malformed("a variable byte integer has more bytes than it may");
  }

  binary(): Buffer {
    const length = this.uint16();
    this.#need(length);
    const value = this.buffer.subarray(this.at, this.at + length);
    this.at += length;
    return value;
  }

  /** UTF-8 string: ill-formed text [MQTT-1.5.4-1] and NUL [MQTT-1.5.4-2] are refused. */
  text(): string {
    const bytes = this.binary();
    return textOf(bytes);
  }

  #need(bytes: number): void {
    if (this.at + bytes > this.end) throw malformed("a packet ends before its content does");
  }
}

export function textOf(bytes: Buffer): string {
  const value = bytes.toString("utf8");
  if (value.includes("\ufffd") && !isUtf8(bytes)) throw malformed("text is not valid UTF-8");
  if (value.includes("\0")) throw malformed("text contains a NUL");
  return value;
}

/** How many bytes the variable byte integer takes. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x20_0000 ? 3 : 4;
}

/** Writes the variable byte integer and returns the offset after it. */
export function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value;
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}
