/**
 * Protobuf messages (proto2) by tables of our own: bytes in, plain objects out, and back. A table
 * names the fields that are read; every other field, extensions included, is skipped and not kept.
 * Varints and lengths are the library's; what a hostile sender may make of them is bounded here.
 * It never reads a `.proto` file and generates no code.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { problemOf } from "../../kernel/errors.ts";

type Scalar =
  | "bool"
  | "bytes"
  | "double"
  | "float"
  | "int32"
  | "int64"
  | "string"
  | "uint32"
  | "uint64";

/** Names of an enum's values, by number. */
export type EnumNames = Readonly<Record<number, string>>;

export interface Field {
  readonly number: number;
  readonly type: Scalar | EnumNames | (() => Table<unknown>);
  readonly rule: "optional" | "required" | "repeated";
}

/** A message's fields by name; `T` is what it decodes to. */
export interface Table<T> {
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  readonly byNumber: ReadonlyMap<number, readonly [name: string, field: Field]>;
  /** For the compiler alone. */
  readonly of?: T;
}

export interface DecodeLimits {
  /** Messages inside each other. */
  readonly depthMax: number;
  /** All messages of one decoding. */
  readonly messagesMax: number;
}

const decodeLimits: DecodeLimits = { depthMax: 32, messagesMax: 1_000_000 };

/** The bytes are no such message. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

type Said = Readonly<Record<string, unknown>>;

/** Every member of `T` with its field. */
export function table<T>(
  name: string,
  fields: { readonly [K in keyof Required<T>]: Field },
): Table<T> {
  const entries = Object.entries<Field>(fields);
  return {
    name,
    fields: new Map(entries),
    byNumber: new Map(entries.map((entry) => [entry[1].number, entry])),
  };
}

export function optional(number: number, type: Field["type"]): Field {
  return { number, type, rule: "optional" };
}

export function required(number: number, type: Field["type"]): Field {
  return { number, type, rule: "required" };
}

export function repeated(number: number, type: Field["type"]): Field {
  return { number, type, rule: "repeated" };
}

/**
 * 64-bit integers come as bigint, enums by name (a value without a name is as if it were not
 * there), floats as the shortest decimal that is the same float. Throws ProtobufError.
 */
export function decode<T>(of: Table<T>, bytes: Uint8Array, limits = decodeLimits): T {
  try {
    return new Decoding(bytes, limits).message(of, bytes.length, 0) as T;
  } catch (thrown) {
    if (thrown instanceof ProtobufError) throw thrown;
    throw new ProtobufError(`${of.name}: ${problemOf(thrown)}`);
  }
}

class Decoding {
  readonly #reader: BinaryReader;
  readonly #limits: DecodeLimits;
  #messages = 0;

  constructor(bytes: Uint8Array, limits: DecodeLimits) {
    this.#reader = new BinaryReader(bytes);
    this.#limits = limits;
  }

  message(of: Table<unknown>, end: number, depth: number, known: Said = {}): Said {
    const { depthMax, messagesMax } = this.#limits;
    if (depth > depthMax) throw new ProtobufError(`${of.name} is nested deeper than ${depthMax}`);
    if (++this.#messages > messagesMax) {
      throw new ProtobufError(`${of.name}: more than ${messagesMax} messages in one`);
    }
    const reader = this.#reader;
    const read: Record<string, unknown> = { ...known };
    while (reader.pos < end) {
      const [number, wireType] = reader.tag();
      const [name, field] = of.byNumber.get(number) ?? [];
      if (name === undefined || field === undefined || !this.#fits(field, wireType)) {
        reader.skip(wireType, number);
      } else if (field.rule === "repeated") {
        const values = (read[name] ??= []) as unknown[];
        this.#values(field, wireType, depth, values);
      } else {
        const value = this.#value(field, depth, read[name]);
        if (value !== undefined) read[name] = value;
      }
    }
    if (reader.pos !== end) throw new ProtobufError(`${of.name} runs past its end`);
    for (const [name, { rule }] of of.fields) {
      if (rule === "repeated") read[name] ??= [];
      if (rule === "required" && read[name] === undefined) {
        throw new ProtobufError(`${of.name} has no ${name}`);
      }
    }
    return read;
  }

  /** A field of another wire type than its own is one that is not known. */
  #fits(field: Field, wireType: WireType): boolean {
    if (wireType === wireTypeOf(field.type)) return true;
    return wireType === WireType.LengthDelimited && isPackable(field);
  }

  #values(field: Field, wireType: WireType, depth: number, values: unknown[]): void {
    if (wireType === WireType.LengthDelimited && isPackable(field)) {
      const end = this.#endOfLength();
      while (this.#reader.pos < end) push(values, this.#value(field, depth));
    } else push(values, this.#value(field, depth));
  }

  #value({ type }: Field, depth: number, known?: unknown): unknown {
    const reader = this.#reader;
    if (typeof type === "function") {
      const of = type();
      const end = this.#endOfLength();
      // a message that comes in parts is the sum of them
      return this.message(of, end, depth + 1, known as Said | undefined);
    }
    if (typeof type === "object") return type[reader.int32()];
    if (type === "uint64" || type === "int64") return BigInt(reader[type]());
    if (type === "float") return shortestFloat(reader.float());
    return reader[type]();
  }

  #endOfLength(): number {
    const length = this.#reader.uint32();
    const end = this.#reader.pos + length;
    if (end > this.#reader.len) throw new ProtobufError("a length runs past the end");
    return end;
  }
}

function push(values: unknown[], value: unknown): void {
  if (value !== undefined) values.push(value);
}

function isPackable({ rule, type }: Field): boolean {
  return rule === "repeated" && wireTypeOf(type) !== WireType.LengthDelimited;
}

function wireTypeOf(type: Field["type"]): WireType {
  if (typeof type === "function" || type === "string" || type === "bytes") {
    return WireType.LengthDelimited;
  }
  if (type === "double") return WireType.Bit64;
  return type === "float" ? WireType.Bit32 : WireType.Varint;
}

/** `40.7128` for the float nearest to it, not the double that it became. */
function shortestFloat(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return short;
  }
  return value;
}

/** Members that are undefined are left out. Throws ProtobufError where a required one is. */
export function encode<T>(of: Table<T>, message: T): Uint8Array {
  const writer = new BinaryWriter();
  try {
    writeMessage(writer, of, message as Said);
    return writer.finish();
  } catch (thrown) {
    if (thrown instanceof ProtobufError) throw thrown;
    throw new ProtobufError(`${of.name}: ${problemOf(thrown)}`);
  }
}

function writeMessage(writer: BinaryWriter, of: Table<unknown>, message: Said): void {
  for (const [name, field] of of.fields) {
    const value = message[name];
    if (field.rule === "repeated") {
      for (const one of (value ?? []) as unknown[]) writeValue(writer, field, one);
    } else if (value !== undefined) writeValue(writer, field, value);
    else if (field.rule === "required") throw new ProtobufError(`${of.name} has no ${name}`);
  }
}

function writeValue(writer: BinaryWriter, { number, type }: Field, value: unknown): void {
  writer.tag(number, wireTypeOf(type));
  if (typeof type === "function") {
    writer.fork();
    writeMessage(writer, type(), value as Said);
    writer.join();
  } else if (typeof type === "object") writer.int32(numberOf(type, String(value)));
  else writer[type](value as never);
}

function numberOf(names: EnumNames, name: string): number {
  const [number] = Object.entries(names).find(([, known]) => known === name) ?? [];
  if (number === undefined) throw new ProtobufError(`there is no value ${name.slice(0, 40)}`);
  return Number(number);
}
