/** UCUM's grammar (specification §§3–11), case sensitive, over the symbols of `atoms.ts`. */
import { atomOf, prefixes, type Scale } from "./atoms.ts";
import { multiplied, type Powers } from "./powers.ts";

export interface Term {
  /** One of it in base units. */
  readonly factor: number;
  readonly powers: Powers;
  /** Where it stands alone and is no ratio scale: degrees Celsius, bels, pH. */
  readonly scale?: Scale;
  /** Written as one: symbols without a dimension, such as `mol`, are units all the same. */
  readonly isNumber: boolean;
}

/** Of a symbol, which is no number. */
type SymbolTerm = Omit<Term, "isNumber">;

const depthMax = 8;
const exponentMax = 99;
/** §3: ASCII 33–126; §5: brackets are part of a symbol and take what none has outside of them. */
const symbol = /(?:10[*^]|(?:[^\s"()+\-./=[\]{}\d\u007F-\uFFFF]|\[[^\s"[\]{}\u007F-\uFFFF]+\])+)/y;
const exponentDigits = /[+-]?\d+/y;
const digits = /\d+/y;
/** §8: the number ten, for its powers. */
const tens: ReadonlySet<string> = new Set(["10*", "10^"]);
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

const one: Term = { factor: 1, powers: {}, isNumber: true };

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
    product = times(product, component, exponent);
    if (reader.takes(".")) exponent = 1;
    else if (reader.takes("/")) exponent = -1;
    else return product;
  }
}

function times(product: Term = one, component: Term, exponent: number): Term {
  const multiple = component.factor ** exponent;
  // §22: a special unit may be multiplied by a number, and by nothing else
  if (product.scale !== undefined && component.isNumber) return scaled(product, multiple);
  if (component.scale !== undefined && exponent === 1 && product.isNumber) {
    return scaled(component, product.factor);
  }
  return {
    factor: product.factor * multiple,
    powers: multiplied(product.powers, component.powers, exponent),
    isNumber: product.isNumber && component.isNumber,
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

/** A symbol with or without a prefix, and its exponent (§9); or a positive integer (§8). */
function simpleFrom(reader: Reader): Term | undefined {
  const name = reader.take(symbol);
  if (name === undefined) {
    const number = reader.take(digits);
    return number === undefined ? undefined : { ...one, factor: Number(number) };
  }
  const isNumber = tens.has(name);
  const unit = prefixed(name);
  const exponent = reader.take(exponentDigits);
  const power = Number(exponent ?? 1);
  if (unit === undefined || Math.abs(power) > exponentMax) return undefined;
  if (power === 1) return { ...unit, isNumber };
  const powers = multiplied({}, unit.powers, power);
  return { factor: unit.factor ** power, powers, isNumber };
}

/** §11: the whole symbol first, then a prefix before a metric one (`cd` is no centi-day). */
function prefixed(name: string): SymbolTerm | undefined {
  const whole = atomOf(name, termOf);
  if (whole !== undefined) return scaled(whole, 1);
  for (const [prefix, value] of prefixes) {
    const atom = name.startsWith(prefix) ? atomOf(name.slice(prefix.length), termOf) : undefined;
    if (atom?.isMetric === true) return scaled(atom, value);
  }
  return undefined;
}

/**
 * §22: so many of a special unit is its function of the value times as many. In a product its
 * steps count: K for Cel; levels stay what they are.
 */
function scaled({ factor, powers, scale }: SymbolTerm, multiple: number): Term {
  const term = { factor: factor * multiple, powers, isNumber: false };
  if (scale === undefined) return term;
  return {
    ...term,
    scale: {
      powers: scale.powers,
      toBase: (value) => scale.toBase(value * multiple),
      fromBase: (base) => scale.fromBase(base) / multiple,
    },
  };
}
