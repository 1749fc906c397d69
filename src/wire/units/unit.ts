/**
 * Units of measure. In come codes as people and devices write them (UCUM, UN/CEFACT Recommendation
 * 20, SenML, names of ontologies); out go units of one system, UCUM, that can be told apart,
 * compared and converted. Pure; whose reading it is and what a wrong unit means is not known here.
 * What UCUM itself says stands in `expression.ts` (its grammar) and `atoms.ts` (its symbols).
 */
import type { Scale } from "./atoms.ts";
import { termOf } from "./expression.ts";
import { type Powers, powersKey } from "./powers.ts";

export interface Unit {
  /** UCUM, case sensitive. */
  readonly code: string;
  /** Equal for units of one dimension, such as `m.s-1`; of those alone one becomes another. */
  readonly dimension: string;
  /** To the base units of UCUM: m, g, s, rad, K, C and cd. */
  readonly toBase: (value: number) => number;
  readonly fromBase: (base: number) => number;
}

/** Longer expressions are no units. */
const codeCharsMax = 64;
const keptMax = 1_000;
const kept = new Map<string, Unit | undefined>();

/** Undefined where the text is no valid UCUM expression. */
export function ucumUnit(code: string): Unit | undefined {
  if (code.length > codeCharsMax) return undefined;
  if (kept.has(code)) return kept.get(code);
  const unit = read(code);
  // codes come from outside: what is remembered of them is bounded
  if (kept.size >= keptMax) kept.clear();
  kept.set(code, unit);
  return unit;
}

function read(code: string): Unit | undefined {
  const term = termOf(code);
  if (term === undefined) return undefined;
  return term.scale === undefined
    ? ratioUnit(code, term.factor, term.powers)
    : scaleUnit(code, term.scale);
}

function ratioUnit(code: string, factor: number, powers: Powers): Unit {
  return {
    ...{ code, dimension: powersKey(powers) },
    toBase: (value) => value * factor,
    fromBase: (base) => base / factor,
  };
}

function scaleUnit(code: string, { powers, toBase, fromBase }: Scale): Unit {
  return { code, dimension: powersKey(powers), toBase, fromBase };
}

/** The same level told against a reference that is so much higher: dBm is dB[W] less 30. */
export function shifted(unit: Unit, code: string, by: number): Unit {
  return {
    ...{ code, dimension: unit.dimension },
    toBase: (value) => unit.toBase(value + by),
    fromBase: (base) => unit.fromBase(base) - by,
  };
}

/**
 * A value in another unit of the same dimension; undefined where there is none, such as the
 * logarithm of a negative power. Rounded to 12 digits: factors and zeros cost some of a double's.
 */
export function convert(value: number, from: Unit, to: Unit): number | undefined {
  if (from.dimension !== to.dimension) return undefined;
  if (from === to) return value;
  const converted = to.fromBase(from.toBase(value));
  return Number.isFinite(converted) ? Number(converted.toPrecision(12)) : undefined;
}
