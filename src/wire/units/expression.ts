/** UCUM's grammar (specification §§2–15), case sensitive, over the symbols of `atoms.ts`. */
import { type Atom, atomOf, prefixes, type Scale } from "./atoms.ts";
import { multiplied, type Powers } from "./powers.ts";

export type { Scale };

export interface Term {
  /** One of it in base units. */
  readonly factor: number;
  readonly powers: Powers;
  /** Where it stands alone and is no ratio scale: degrees Celsius, bels, pH. */
  readonly scale?: Scale;
}

const depthMax = 8;
const exponentMax = 99;
/** §3: brackets are part of the symbol and take what no symbol has outside; §2: ASCII 33–126. */
const symbol = /(?:10[*^]|(?:[^\s"()+\-./=[\]{}\d\u007F-\uFFFF]|\[[^\s"[\]{}\u007F-\uFFFF]+\])+)/y;
const exponentDigits = /[+-]?\d+/y;
const digits = /\d+/y;
const annotation = /\{[!-z|~]*\}/y;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  takes(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }
}

const one: Term = { factor: 1, powers: {} };

/** Undefined where the text is none. */
export function termOf(text: string): Term | undefined {
  const reader = new Reader(text);
  const term = termFrom(reader, 0);
  const isWhole = term !== undefined && reader.isAtEnd;
  return isWhole && Number.isFinite(term.factor) && term.factor > 0 ? term : undefined;
}

/** §7: read from left to right; a solidus divides by the one component after it. */
function termFrom(reader: Reader, depth: number): Term | undefined {
  if (depth > depthMax) return undefined;
  let exponent = reader.takes("/") ? -1 : 1;
  let product: Term | undefined;
  for (;;) {
    const component = componentFrom(reader, depth);
    if (component === undefined) return undefined;
    product =
      product === undefined && exponent === 1 ? component : times(product, component, exponent);
    if (reader.takes(".")) exponent = 1;
    else if (reader.takes("/")) exponent = -1;
    else return product;
  }
}

function times(product: Term = one, component: Term, exponent: number): Term {
  return {
    factor: product.factor * component.factor ** exponent,
    powers: multiplied(product.powers, component.powers, exponent),
  };
}

function componentFrom(reader: Reader, depth: number): Term | undefined {
  if (reader.takes("(")) {
    const term = termFrom(reader, depth + 1);
    return term !== undefined && reader.takes(")") ? term : undefined;
  }
  // §6: an annotation alone is the unity
  if (reader.take(annotation) !== undefined) return one;
  const term = simpleFrom(reader);
  reader.take(annotation);
  return term;
}

/** §§4, 9: a symbol with or without a prefix, and its exponent; or a positive integer. */
function simpleFrom(reader: Reader): Term | undefined {
  const name = reader.take(symbol);
  if (name === undefined) {
    const number = reader.take(digits);
    return number === undefined ? undefined : { factor: Number(number), powers: {} };
  }
  const unit = prefixed(name);
  const exponent = reader.take(exponentDigits);
  if (unit === undefined || exponent === undefined) return unit;
  const power = Number(exponent);
  if (Math.abs(power) > exponentMax) return undefined;
  return { factor: unit.factor ** power, powers: multiplied({}, unit.powers, power) };
}

/** §11: the whole symbol first, then a prefix before a metric one (`cd` is no centi-day). */
function prefixed(name: string): Term | undefined {
  const whole = atomOf(name, termOf);
  if (whole !== undefined) return scaled(whole, 1);
  for (const [prefix, value] of prefixes) {
    const atom = name.startsWith(prefix) ? atomOf(name.slice(prefix.length), termOf) : undefined;
    if (atom?.isMetric === true) return scaled(atom, value);
  }
  return undefined;
}

/**
 * §22: a special unit with a prefix is its function of the value times the prefix. In a product
 * the difference counts: K for Cel; levels stay what they are.
 */
function scaled({ factor, powers, scale }: Atom, prefix: number): Term {
  const term = { factor: factor * prefix, powers };
  if (scale === undefined) return term;
  return {
    ...term,
    scale: {
      powers: scale.powers,
      toBase: (value) => scale.toBase(value * prefix),
      fromBase: (base) => scale.fromBase(base) / prefix,
    },
  };
}
