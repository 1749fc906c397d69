import type { JsonObject } from "../../../kernel/json-object.ts";
import type { Fault } from "../../sector.ts";

/** SampledValue of OCPP: in 1.6 the value is text, in 2.0.1 a number. */
export interface SampledValue {
  readonly value: string | number;
  readonly measurand?: string;
  readonly phase?: string;
  readonly location?: string;
  readonly unit?: string;
  readonly unitOfMeasure?: { readonly unit?: string; readonly multiplier?: number };
  readonly format?: string;
}

export interface MeterValue {
  readonly timestamp: string;
  readonly sampledValue: readonly SampledValue[];
}

/** Members of ThreePhaseAcMeasurement. */
export interface Measured {
  readonly members: JsonObject;
  readonly faults: readonly Fault[];
}

/** UCUM for OCPP's units; var has none there. */
const units: Readonly<Record<string, { unit: string; per?: number; plus?: number }>> = {
  Wh: { unit: "kW.h", per: 1 / 1000 },
  kWh: { unit: "kW.h" },
  varh: { unit: "kvar.h", per: 1 / 1000 },
  kvarh: { unit: "kvar.h" },
  W: { unit: "W" },
  kW: { unit: "W", per: 1000 },
  VA: { unit: "V.A" },
  kVA: { unit: "V.A", per: 1000 },
  var: { unit: "var" },
  kvar: { unit: "var", per: 1000 },
  A: { unit: "A" },
  V: { unit: "V" },
  Hertz: { unit: "Hz" },
  Celsius: { unit: "Cel" },
  Celcius: { unit: "Cel" }, // UnitOfMeasure of OCPP 1.6: its first spelling
  Fahrenheit: { unit: "Cel", per: 5 / 9, plus: -160 / 9 },
  K: { unit: "Cel", plus: -273.15 },
  Percent: { unit: "1", per: 1 / 100 },
};

interface Meaning {
  /** Where no phase is named. */
  readonly total?: string;
  /** By line. */
  readonly lines?: string;
  readonly unit: string;
  /** OCPP's unit where none is named. */
  readonly unnamed: string;
  readonly sign?: -1;
}

const energy = { unit: "kW.h", unnamed: "Wh" };
const reactiveEnergy = { unit: "kvar.h", unnamed: "varh" };
const power = { total: "totalActivePower", lines: "activePower", unit: "W", unnamed: "W" };
const reactive = {
  total: "totalReactivePower",
  lines: "reactivePower",
  unit: "var",
  unnamed: "var",
};

/** What the model has a word for; all else stands under `ocpp`. */
const meanings: Readonly<Record<string, Meaning>> = {
  "Energy.Active.Import.Register": {
    ...energy,
    total: "totalActiveEnergyImport",
    lines: "activeEnergyImport",
  },
  "Energy.Active.Export.Register": {
    ...energy,
    total: "totalActiveEnergyExport",
    lines: "activeEnergyExport",
  },
  "Energy.Reactive.Import.Register": {
    ...reactiveEnergy,
    total: "totalReactiveEnergyImport",
    lines: "reactiveEnergyImport",
  },
  "Energy.Reactive.Export.Register": {
    ...reactiveEnergy,
    total: "totalReactiveEnergyExport",
    lines: "reactiveEnergyExport",
  },
  "Power.Active.Import": power,
  "Power.Active.Export": { ...power, sign: -1 }, // of the model's power consumed
  "Power.Reactive.Import": reactive,
  "Power.Reactive.Export": { ...reactive, sign: -1 },
  "Power.Factor": { total: "totalPowerFactor", lines: "powerFactor", unit: "1", unnamed: "" },
  "Current.Import": { lines: "current", unit: "A", unnamed: "A" },
  Voltage: { lines: "phaseVoltage", unit: "V", unnamed: "V" },
  Frequency: { total: "frequency", unit: "Hz", unnamed: "Hertz" },
  SoC: { total: "stateOfCharge", unit: "1", unnamed: "Percent" },
  Temperature: { total: "temperature", unit: "Cel", unnamed: "Celsius" },
};

const betweenLines: Readonly<Record<string, string>> = {
  "L1-L2": "L12",
  "L2-L3": "L23",
  "L3-L1": "L31",
};
/** Beyond it a number is a meter's error. */
const magnitudeMax = 1e9;

/** What one meter value says in the model's words. Signed data is left to who can check it. */
export function measuredOf({ sampledValue }: MeterValue): Measured {
  const values = new Map<string, { into: readonly [string, string?]; value: number }>();
  const ocpp: Record<string, object> = {};
  const faults: Fault[] = [];
  for (const sample of sampledValue) {
    const { measurand = "Energy.Active.Import.Register", phase, location = "Outlet" } = sample;
    const name = `${measurand}${phase === undefined ? "" : `.${phase}`}`;
    if (sample.format === "SignedData") {
      faults.push({ code: "signed", text: `${name} is signed data` });
      continue;
    }
    const meaning = meanings[measurand];
    const read = valueOf(sample, meaning?.unnamed ?? "");
    if (read === undefined) {
      faults.push({ code: "value", text: `${name} is "${String(sample.value).slice(0, 40)}"` });
      continue;
    }
    // a state of charge is the vehicle's, wherever it is read
    const isThere = location === "Outlet" || measurand === "SoC";
    const into = meaning !== undefined && isThere ? placeOf(meaning, phase) : undefined;
    if (into !== undefined && read.unit === meaning?.unit) {
      // of several contexts in one sample the last counts
      values.set(name, { into, value: read.value * (meaning.sign ?? 1) });
    } else ocpp[location === "Outlet" ? name : `${name}@${location}`] = read;
  }
  const members: Record<string, unknown> = {};
  for (const { into, value } of values.values()) add(members, into, value);
  const lines = members["activePower"] as Record<string, number> | undefined;
  if (lines !== undefined) {
    members["totalActivePower"] ??= rounded(Object.values(lines).reduce((sum, one) => sum + one));
  }
  return { members: { ...members, ...(Object.keys(ocpp).length > 0 && { ocpp }) }, faults };
}

/** The register's reading, kWh; undefined where it is not among them. */
export function registerOf(members: JsonObject): number | undefined {
  const register = members["totalActiveEnergyImport"];
  return typeof register === "number" ? register : undefined;
}

/** Import and export of one place are netted. */
function add(
  members: Record<string, unknown>,
  [member, line]: readonly [string, string?],
  value: number,
): void {
  const into = line === undefined ? members : ((members[member] ??= {}) as typeof members);
  const key = line ?? member;
  into[key] = rounded(((into[key] as number | undefined) ?? 0) + value);
}

/** Member and line; undefined where the model has no place for it. */
function placeOf(
  { total, lines }: Meaning,
  phase: string | undefined,
): readonly [string, string?] | undefined {
  if (phase === undefined) return total === undefined ? undefined : [total];
  const between = betweenLines[phase];
  if (between !== undefined) {
    return lines === "phaseVoltage" ? ["phaseToPhaseVoltage", between] : undefined;
  }
  return lines === undefined ? undefined : [lines, phase.replace(/-N$/, "")];
}

/** In UCUM's unit; undefined where it is no number. */
function valueOf(
  { value, unit: named, unitOfMeasure }: SampledValue,
  unnamed: string,
): { readonly value: number; readonly unit: string } | undefined {
  const number = typeof value === "number" ? value : value.trim() === "" ? NaN : Number(value);
  // OCPP 2.0.1, UnitOfMeasureType: the value is to be multiplied by ten to that power
  const scaled = number * 10 ** (unitOfMeasure?.multiplier ?? 0);
  const name = named ?? unitOfMeasure?.unit ?? unnamed;
  const {
    unit,
    per = 1,
    plus = 0,
  } = Object.hasOwn(units, name) ? units[name]! : { unit: name === "" ? "1" : name };
  const inUnit = scaled * per + plus;
  return Math.abs(inUnit) <= magnitudeMax ? { value: rounded(inUnit), unit } : undefined;
}

function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
