/**
 * Payloads of one series taken apart, and put together again to the byte. In come messages of one
 * topic; out go columns: the text that all share (a skeleton) once, what stands in its holes by
 * kind. Nothing here knows a database, and nothing is ever made valid, rounded or normalised: what
 * cannot be taken apart is kept whole.
 */

/** A payload's text with a hole for every number, string and literal that is a value. */
export interface Cut {
  /** Bytes as characters (latin1); each hole is `holeMark`. Undefined: it is kept whole. */
  readonly skeleton: string | undefined;
  /** Where the holes' texts begin and end in the payload, by turns. Used again by the next cut. */
  readonly places: readonly number[];
}

export const holeMark = "\0";
const holesMax = 512;
const skeletonBytesMax = 8192;

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;

/** Takes payloads apart, one after the other; what it hands out is valid until the next. */
export class Cutter {
  readonly #places: number[] = [];

  /**
   * Whether the text is JSON is not asked: names stay, what looks like a value becomes a hole, and
   * filling the holes again gives the same bytes in any case.
   */
  cut(bytes: Buffer, start: number, end: number): Cut {
    const places = this.#places;
    places.length = 0;
    let skeleton = "";
    let copied = start;
    for (let at = start; at < end;) {
      const code = bytes[at]!;
      if (code === 0) return { skeleton: undefined, places };
      let valueEnd = at;
      if (code === quote) {
        valueEnd = stringEnd(bytes, at, end);
        if (valueEnd === -1) return { skeleton: undefined, places };
        if (bytes[afterSpace(bytes, valueEnd, end)] === colon) {
          at = valueEnd;
          continue;
        }
      } else if (isNumberStart(code)) {
        while (valueEnd < end && isNumberPart(bytes[valueEnd]!)) valueEnd++;
      } else if (isLetter(code)) {
        while (valueEnd < end && isLetter(bytes[valueEnd]!)) valueEnd++;
      }
      if (valueEnd === at) {
        at++;
        continue;
      }
      skeleton += bytes.toString("latin1", copied, at) + holeMark;
      places.push(at, valueEnd);
      copied = valueEnd;
      at = valueEnd;
      if (places.length > holesMax * 2) return { skeleton: undefined, places };
    }
    skeleton += bytes.toString("latin1", copied, end);
    if (skeleton.length > skeletonBytesMax) return { skeleton: undefined, places };
    return { skeleton, places };
  }
}

/** The offset after the string that opens at `at`; -1 where it is never closed or holds a NUL. */
function stringEnd(bytes: Buffer, at: number, end: number): number {
  for (let i = at + 1; i < end; i++) {
    const code = bytes[i]!;
    if (code === backslash) i++;
    else if (code === quote) return i + 1;
    else if (code === 0) return -1;
  }
  return -1;
}

function afterSpace(bytes: Buffer, at: number, end: number): number {
  let i = at;
  while (i < end && (bytes[i] === 0x20 || (bytes[i]! >= 0x09 && bytes[i]! <= 0x0d))) i++;
  return i < end ? i : -1;
}

function isNumberStart(code: number): boolean {
  return code === 0x2d || (code >= 0x30 && code <= 0x39);
}

/** Digits, `+`, `-`, `.`, `e`, `E` */
function isNumberPart(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2e ||
    code === 0x2d ||
    code === 0x2b ||
    code === 0x65 ||
    code === 0x45
  );
}

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
}

/**
 * The skeleton as the value it stands for, every hole in it being its own number; undefined where
 * it is no JSON. So a member's path is looked up once a skeleton, not once a message.
 */
export function skeletonValue(skeleton: string): unknown {
  let hole = 0;
  try {
    const text = Buffer.from(skeleton, "latin1").toString("utf8");
    return JSON.parse(text.replaceAll(holeMark, () => String(hole++)));
  } catch {
    return undefined;
  }
}

const foundMax = 4096;

/** What is found out of skeletons, once of each; so many are remembered. */
export class OfSkeletons<T> {
  readonly #find: (value: unknown) => T;
  readonly #found = new Map<string, T>();

  /** `find` is given the value that the skeleton stands for. */
  constructor(find: (value: unknown) => T) {
    this.#find = find;
  }

  of(skeleton: string): T {
    const known = this.#found.get(skeleton);
    if (known !== undefined || this.#found.has(skeleton)) return known as T;
    const found = this.#find(skeletonValue(skeleton));
    if (this.#found.size >= foundMax) this.#found.clear();
    this.#found.set(skeleton, found);
    return found;
  }
}

/**
 * The hole at a dotted path (`position.lat`, `0.v`). The empty path is the payload itself where it
 * is one value, else its member `value`. Undefined where there is none.
 */
export function holeAt(value: unknown, path: string): number | undefined {
  if (path === "") return typeof value === "number" ? value : holeAt(value, "value");
  let inner = value;
  for (const name of path.split(".")) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, name))
      return undefined;
    inner = Reflect.get(inner, name);
  }
  return typeof inner === "number" ? inner : undefined;
}
