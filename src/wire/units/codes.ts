import { lookUpIn, tableOf } from "./code-table.ts";
import { unitByQudtName, unitByWord, withoutSymbols } from "./names.ts";
import { rec20 } from "./rec20.ts";
import { senml } from "./senml.ts";
import { shifted, ucumUnit, type Unit } from "./unit.ts";

/** By whose list a unit is written. */
export type UnitList = "ucum" | "rec20" | "senml" | "name";

export interface ReadUnit {
  readonly unit: Unit;
  readonly list: UnitList;
}

const rec20Unit = lookUpIn(rec20);
const senmlUnit = lookUpIn(senml);
/** A number, or one symbol and its exponent: `59`, `C45`. Nobody measures in C⁴⁵. */
const bare = /^(?:\d+|[A-Z]\d+)$/;

/** An IRI is longer than a code. */
const textCharsMax = 128;
const keptMax = 1_000;
type Kept = Map<string, ReadUnit | undefined>;
const keptOf: Readonly<Record<UnitList | "any", Kept>> = {
  ...{ ucum: new Map(), rec20: new Map(), senml: new Map(), name: new Map(), any: new Map() },
};

/**
 * The unit that a text means, undefined where it means none. One code may stand in two lists (`GB`
 * is a gigabyte, a gigabel and a gallon a day). Where it is not said by which list it is written,
 * it is SenML's before UCUM's where they differ, which is for bytes; UN/CEFACT's before UCUM's
 * where UCUM would take it for a bare number or power; then UCUM's, UN/CEFACT's, a name.
 */
export function unitOf(text: string, list?: UnitList): ReadUnit | undefined {
  if (text.length > textCharsMax) return undefined;
  const kept = keptOf[list ?? "any"];
  const known = kept.get(text);
  if (known !== undefined || kept.has(text)) return known;
  const found = (list && unitBy[list](text)) ?? anyUnit(text);
  if (kept.size >= keptMax) kept.clear();
  kept.set(text, found);
  return found;
}

function anyUnit(text: string): ReadUnit | undefined {
  return (
    unitBy.senml(text) ??
    (bare.test(text) ? unitBy.rec20(text) : undefined) ??
    unitBy.ucum(text) ??
    unitBy.rec20(text) ??
    unitBy.name(text)
  );
}

const unitBy: Readonly<Record<UnitList, (text: string) => ReadUnit | undefined>> = {
  ucum: (text) => found(text, "ucum"),
  rec20: (code) => (code === "DBM" ? milliwattLevel("rec20") : found(rec20Unit(code), "rec20")),
  senml: (code) => (code === "dBm" ? milliwattLevel("senml") : found(senmlUnit(code), "senml")),
  name: (text) => found(nameCode(text), "name"),
};

function found(code: string | undefined, list: UnitList): ReadUnit | undefined {
  const unit = code === undefined ? undefined : ucumUnit(code);
  return unit && { unit, list };
}

/** RFC 8798 §3: dBm is dBW plus 30; UCUM has no bel of the milliwatt. */
function milliwattLevel(list: UnitList): ReadUnit | undefined {
  const watts = ucumUnit("dB[W]");
  return watts && { unit: shifted(watts, "dBm", -30), list };
}

/** `°C`, `Celsius`, `unit:DEG_C`, `http://www.ontology-of-units-of-measure.org/…/degreeCelsius`. */
function nameCode(text: string): string | undefined {
  const [, prefix, local] = /^(?:[a-z]+:\/\/.*[/#]|([\w-]+):)(.+)$/i.exec(text) ?? [];
  if (prefix?.toLowerCase() === "ucum") return local;
  if (local !== undefined) return unitByQudtName(local) ?? unitByWord(local);
  return unitByWord(text) ?? unitByQudtName(text) ?? withoutSymbols(text);
}

/** How the other lists write a unit of UCUM. */
export function codesFor(code: string): { readonly list: UnitList; readonly code: string }[] {
  const others = [
    ["rec20", rec20],
    ["senml", senml],
  ] as const;
  return others.flatMap(([list, text]) =>
    [...tableOf(text)].flatMap(([other, unit]) => (unit === code ? [{ list, code: other }] : [])),
  );
}
