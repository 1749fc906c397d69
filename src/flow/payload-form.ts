import {
  cborKindAt,
  encodeArray,
  encodeMap,
  encodeNumber,
  encodeText,
  numberTextAt,
  stringAt,
  walkArray,
  walkMap,
} from "../wire/cbor/item.ts";
import type { Member, ValueKind } from "../wire/payload-value.ts";
import { kindAt, walkElements, walkMembers } from "./json-text.ts";

/** A message that is known to be well formed, and how it is written. */
export interface Written<T extends string | Buffer> {
  readonly message: T;
  readonly form: PayloadForm<T>;
}

/**
 * How a payload is written. What a grant leaves of it is decided once for all forms; each says
 * where its values stand, so that what passes keeps its bytes, and how to write what is changed.
 */
export interface PayloadForm<T extends string | Buffer> {
  /** Where the message's value begins. */
  firstAt(message: T): number;
  kindAt(message: T, at: number): ValueKind;
  /** In order, duplicates too. */
  walkMembers(message: T, at: number, visit: (member: Member) => void): void;
  walkElements(message: T, at: number, visit: (at: number, end: number) => void): void;
  slice(message: T, at: number, end: number): T;
  member(key: T, value: T): T;
  object(members: readonly T[]): T;
  array(elements: readonly T[]): T;
  /** A string's or a number's JSON text. */
  textOf(message: T, at: number, end: number): string;
  /** Of a string or a number as JSON text. */
  valueOf(text: string): T;
}

/** The text must be known to be well formed (`jsonRootOf`). */
export const jsonForm: PayloadForm<string> = {
  firstAt: (message) => message.search(/\S/),
  kindAt,
  walkMembers,
  walkElements,
  slice: (message, at, end) => message.slice(at, end),
  member: (key, value) => `${key}:${value}`,
  object: (members) => `{${members.join(",")}}`,
  array: (elements) => `[${elements.join(",")}]`,
  textOf: (message, at, end) => message.slice(at, end),
  valueOf: (text) => text,
};

/** The bytes must be known to be well formed (`isCborMap`). */
export const cborForm: PayloadForm<Buffer> = {
  firstAt: () => 0,
  kindAt: cborKindAt,
  walkMembers: walkMap,
  walkElements: walkArray,
  slice: (message, at, end) => message.subarray(at, end),
  member: (key, value) => Buffer.concat([key, value]),
  object: encodeMap,
  array: encodeArray,
  textOf(message, at) {
    const isText = cborKindAt(message, at) === "string";
    return isText ? JSON.stringify(stringAt(message, at)) : numberTextAt(message, at);
  },
  valueOf: (text) =>
    text.startsWith('"') ? encodeText(JSON.parse(text) as string) : encodeNumber(text),
};
