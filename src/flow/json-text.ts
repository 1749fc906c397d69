import { isObject } from "../kernel/json-object.ts";
import type { JsonKind, Member } from "../wire/payload-value.ts";

/**
 * Walks JSON as text, so that what passes keeps its bytes. The text must be known to be well
 * formed (`jsonRootOf`): nothing is checked again here.
 */

/** What the text is; undefined where it is no JSON, or neither object nor array. */
export function jsonRootOf(text: string): "object" | "array" | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return "object";
    return Array.isArray(value) ? "array" : undefined;
  } catch {
    return undefined;
  }
}

/** Visits the members of the object that opens at or after `from`, in order, duplicates too. */
export function walkMembers(text: string, from: number, visit: (member: Member) => void): void {
  let at = skipSpace(text, skipSpace(text, from) + 1);
  while (text.charCodeAt(at) !== closeBrace) {
    const keyAt = at;
    const keyEnd = stringEnd(text, keyAt);
    const valueAt = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = valueEndOf(text, valueAt);
    visit({ name: nameOf(text, keyAt, keyEnd), keyAt, keyEnd, valueAt, valueEnd });
    at = skipSpace(text, valueEnd);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
}

/** Visits the elements of the array that opens at `from`, in order. */
export function walkElements(
  text: string,
  from: number,
  visit: (at: number, end: number) => void,
): void {
  let at = skipSpace(text, from + 1);
  while (text.charCodeAt(at) !== closeBracket) {
    const end = valueEndOf(text, at);
    visit(at, end);
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
}

export function kindAt(text: string, at: number): JsonKind {
  switch (text.charCodeAt(at)) {
    case openBrace:
      return "object";
    case openBracket:
      return "array";
    case quote:
      return "string";
    case 0x74: // t
    case 0x66: // f
      return "boolean";
    case 0x6e: // n
      return "null";
    default:
      return "number";
  }
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Names are known by what they mean, not by how they are written: `\u0061` is `a`. */
function nameOf(text: string, at: number, end: number): string {
  const name = text.slice(at + 1, end - 1);
  return name.includes("\\") ? (JSON.parse(text.slice(at, end)) as string) : name;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function skipSpace(text: string, at: number): number {
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** The offset after the string that opens at `at`. */
function stringEnd(text: string, at: number): number {
  for (;;) {
    const end = text.indexOf('"', at + 1);
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0) return end + 1;
    at = end;
  }
}

function valueEndOf(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === quote) return stringEnd(text, at);
  if (first !== openBrace && first !== openBracket) return plainEnd(text, at);
  let depth = 0;
  for (let i = at; ;) {
    const code = text.charCodeAt(i);
    if (code === quote) {
      i = stringEnd(text, i);
      continue;
    }
    if (code === openBrace || code === openBracket) depth++;
    else if ((code === closeBrace || code === closeBracket) && --depth === 0) return i + 1;
    i++;
  }
}

/** The offset after a number or a literal. */
function plainEnd(text: string, at: number): number {
  for (let i = at; ; i++) {
    const code = text.charCodeAt(i);
    if (code === comma || code === closeBrace || code === closeBracket || isSpace(code)) return i;
  }
}
