import type { Powers } from "./powers.ts";
import { arbitraryMetric, arbitraryPlain, metric } from "./ucum-table.ts";
import { plain, specialMetric, specialPlain } from "./ucum-table.ts";

/** A symbol of UCUM without prefix or exponent. */
export interface Atom {
  /** One of it in base units; of a scale, one step of it. */
  readonly factor: number;
  readonly powers: Powers;
  /** Whether it takes prefixes. */
  readonly isMetric: boolean;
  readonly scale?: Scale;
}

/** No multiple of anything: it has a zero of its own, or is a logarithm (UCUM §21). */
export interface Scale {
  readonly powers: Powers;
  readonly toBase: (value: number) => number;
  readonly fromBase: (base: number) => number;
}

/** UCUM §§27, 49; two letters before one. */
export const prefixes: readonly (readonly [string, number])[] = Object.entries({
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, da: 10 },
  ...{ Y: 1e24, Z: 1e21, E: 1e18, P: 1e15, T: 1e12, G: 1e9, M: 1e6, k: 1e3, h: 1e2 },
  ...{ d: 1e-1, c: 1e-2, m: 1e-3, u: 1e-6, n: 1e-9, p: 1e-12, f: 1e-15, a: 1e-18 },
  ...{ z: 1e-21, y: 1e-24 },
});

/** Reads the expression by which a symbol is defined. */
type Read = (text: string) => Pick<Atom, "factor" | "powers"> | undefined;

type Definition = (read: Read) => Atom | undefined;

let definitions: ReadonlyMap<string, Definition> | undefined;

function allDefinitions(): ReadonlyMap<string, Definition> {
  return new Map([
    ...rowsOf(metric, ";").map((row) => linear(row, true)),
    ...rowsOf(plain, ";").map((row) => linear(row, false)),
    // two symbols of the international unit
    ...rowsOf(arbitraryMetric, " ").map(([symbol]) => arbitrary(symbol, true, "[iU]")),
    ...rowsOf(arbitraryPlain, " ").map(([symbol]) => arbitrary(symbol, false)),
    ...rowsOf(specialMetric, ";").map((row) => special(row, true)),
    ...rowsOf(specialPlain, ";").map((row) => special(row, false)),
  ]);
}

const atoms = new Map<string, Atom | undefined>();

/** Undefined where UCUM has no such symbol. */
export function atomOf(symbol: string, read: Read): Atom | undefined {
  const define = (definitions ??= allDefinitions()).get(symbol);
  if (define === undefined) return undefined;
  if (!atoms.has(symbol)) atoms.set(symbol, define(read));
  return atoms.get(symbol);
}

type Row = readonly [symbol: string, ...rest: string[]];

function rowsOf(table: string, between: string): Row[] {
  const entries = table.trim().split(between === ";" ? /;\s+/ : /\s+/);
  return entries.map((entry) => {
    const [symbol = "", ...rest] = entry.split(" ");
    return [symbol, ...rest];
  });
}

function linear([symbol, value, unit]: Row, isMetric: boolean): [string, Definition] {
  // a base unit is no multiple of anything
  if (value === undefined || unit === undefined) {
    return [symbol, () => ({ factor: 1, powers: { [symbol]: 1 }, isMetric })];
  }
  return [
    symbol,
    (read) => {
      const defined = read(unit);
      return defined && { ...defined, factor: Number(value) * defined.factor, isMetric };
    },
  ];
}

/** §§24, 25: of a dimension of its own, so that nothing but itself is comparable with it. */
function arbitrary(symbol: string, isMetric: boolean, unit = symbol): [string, Definition] {
  return [symbol, () => ({ factor: 1, powers: { [unit]: 1 }, isMetric })];
}

type Scaling = readonly [forth: (value: number) => number, back: (ratio: number) => number];

const slope: Scaling = [(percent) => Math.atan(percent / 100), (angle) => Math.tan(angle) * 100];
const temperatures: Readonly<Record<string, Scaling>> = {
  Cel: [(celsius) => celsius + 273.15, (kelvins) => kelvins - 273.15],
  degF: [(fahrenheit) => fahrenheit + 459.67, (rankines) => rankines - 459.67],
  degRe: [(reaumur) => reaumur + 218.52, (steps) => steps - 218.52],
};
/** What a value is as a multiple of what it is taken of, and back (§23). */
const functions: Readonly<Record<string, Scaling>> = {
  ...temperatures,
  pH: [(level) => 10 ** -level, (ratio) => -Math.log10(ratio)],
  ln: [Math.exp, Math.log],
  lg: [(level) => 10 ** level, Math.log10],
  lgTimes2: [(level) => 10 ** (level / 2), (ratio) => 2 * Math.log10(ratio)],
  ld: [(level) => 2 ** level, Math.log2],
  tanTimes100: slope,
  "100tan": slope,
  hpX: [(level) => 10 ** -level, (ratio) => -Math.log10(ratio)],
  hpC: [(level) => 100 ** -level, (ratio) => -Math.log10(ratio) / 2],
  hpM: [(level) => 1000 ** -level, (ratio) => -Math.log10(ratio) / 3],
  hpQ: [(level) => 50_000 ** -level, (ratio) => -Math.log(ratio) / Math.log(50_000)],
  sqrt: [(root) => root ** 2, Math.sqrt],
};

/** In a product a temperature counts by its steps; a level is of a dimension of its own. */
function special([symbol, name = "", value, unit]: Row, isMetric: boolean): [string, Definition] {
  return [
    symbol,
    (read) => {
      const defined = read(unit ?? "");
      const scaling = functions[name];
      if (defined === undefined || scaling === undefined) return undefined;
      const { powers } = defined;
      const [forth, back] = scaling;
      // the tangent is the angle's, whatever unit it is told in
      const one = scaling === slope ? 1 : Number(value) * defined.factor;
      const scale: Scale = {
        powers,
        toBase: (level) => forth(level) * one,
        fromBase: (base) => back(base / one),
      };
      return Object.hasOwn(temperatures, name)
        ? { factor: one, powers, isMetric, scale }
        : { factor: 1, powers: { [symbol]: 1 }, isMetric, scale };
    },
  ];
}
