import { consciousnessCodes, loincSystem, snomedSystem } from "../../wire/fhir/codes.ts";
import { codesOf, type Measured, type Observation } from "../../wire/fhir/observation.ts";
import type { VitalSign, VitalSigns } from "./news2.ts";

/** A number that was measured, in the unit its model has. */
export interface Reading {
  readonly loinc: string;
  readonly value: number;
}

export interface VitalModel {
  readonly title: string;
  /** UCUM. */
  readonly unit: string;
  /** Other codes of the unit, and what makes it this one. */
  readonly units: Readonly<Record<string, (value: number) => number>>;
  /** What is outside is no living person's, or not measured at all. */
  readonly minimum: number;
  readonly maximum: number;
}

const same = (value: number): number => value;
const rate = { "/min": same, "1/min": same };
const pulse = {
  ...{ unit: "/min", units: { ...rate, "{beats}/min": same, "{beat}/min": same } },
  ...{ minimum: 1, maximum: 350 },
};
const saturation = { unit: "%", units: { "%": same }, minimum: 1, maximum: 100 };
const pressure = {
  ...{ unit: "mm[Hg]", units: { "mm[Hg]": same, kPa: (value: number) => value * 7.50062 } },
  ...{ minimum: 1, maximum: 350 },
};

/** By LOINC code: what a bedside measures, and each of its ways. */
export const vitalModels: Readonly<Record<string, VitalModel>> = {
  "8867-4": { title: "Heart rate", ...pulse },
  "8889-8": { title: "Heart rate by pulse oximetry", ...pulse },
  "9279-1": {
    ...{ title: "Respiratory rate", unit: "/min", units: { ...rate, "{breaths}/min": same } },
    ...{ minimum: 1, maximum: 120 },
  },
  "59408-5": { title: "Oxygen saturation by pulse oximetry", ...saturation },
  "2708-6": { title: "Oxygen saturation in arterial blood", ...saturation },
  "8480-6": { title: "Systolic blood pressure", ...pressure },
  "8462-4": { title: "Diastolic blood pressure", ...pressure },
  "8478-0": { title: "Mean blood pressure", ...pressure },
  "76215-3": { title: "Invasive systolic blood pressure", ...pressure },
  "76213-8": { title: "Invasive diastolic blood pressure", ...pressure },
  "76214-6": { title: "Invasive mean blood pressure", ...pressure },
  "8310-5": {
    ...{ title: "Body temperature", unit: "Cel", minimum: 20, maximum: 46 },
    units: { Cel: same, "[degF]": (value) => ((value - 32) * 5) / 9, K: (value) => value - 273.15 },
  },
  "3151-8": {
    ...{ title: "Inhaled oxygen flow rate", unit: "L/min", minimum: 0, maximum: 100 },
    units: { "L/min": same, "mL/min": (value) => value / 1000 },
  },
  "3150-0": {
    ...{ title: "Inhaled oxygen concentration", unit: "%", units: { "%": same } },
    ...{ minimum: 20, maximum: 100 },
  },
};

/** Level of consciousness; panels, whose components are measured. */
const consciousnessCode = "80288-4";
const panels = new Set(["85354-9", "85353-1"]);

export function isKnownLoinc(code: string): boolean {
  return code in vitalModels || code === consciousnessCode || panels.has(code);
}

/** For each sign the codes that tell it, the one to be preferred first. */
const codesOfSign: Readonly<Record<Exclude<VitalSign, "consciousness">, readonly string[]>> = {
  respiration: ["9279-1"],
  oxygenSaturation: ["59408-5", "2708-6"],
  supplementalOxygen: ["3151-8", "3150-0"],
  systolicPressure: ["8480-6", "76215-3"],
  pulse: ["8867-4", "8889-8"],
  temperature: ["8310-5"],
};
/** Per cent; the air has 20.9. */
const airOxygen = 21;

/** What an Observation and its components measured; a code is told when its number cannot be. */
export function readingsOf(observation: Observation): {
  readonly readings: readonly Reading[];
  readonly impossible: readonly string[];
} {
  const readings: Reading[] = [];
  const impossible: string[] = [];
  for (const part of [observation, ...(observation.component ?? [])]) {
    const loinc = codesOf(part.code, loincSystem).find((code) => code in vitalModels);
    if (loinc === undefined || part.valueQuantity === undefined) continue;
    const value = numberOf(part, vitalModels[loinc]!);
    if (value === undefined) impossible.push(loinc);
    else readings.push({ loinc, value });
  }
  return { readings, impossible };
}

/** A comparator says that the number is a bound, and not what was measured. */
function numberOf({ valueQuantity }: Measured, model: VitalModel): number | undefined {
  const { value, code, comparator } = valueQuantity!;
  const convert = model.units[code ?? ""];
  if (value === undefined || convert === undefined || comparator !== undefined) return undefined;
  const converted = convert(value);
  // a sensor that is not connected says 0
  return converted >= model.minimum && converted <= model.maximum ? converted : undefined;
}

/** As ACVPU has it, in SNOMED CT's codes. */
export function consciousnessOf(observation: Observation): VitalSigns["consciousness"] {
  if (!codesOf(observation.code, loincSystem).includes(consciousnessCode)) return undefined;
  const [code] = codesOf(observation.valueCodeableConcept, snomedSystem);
  return consciousnessCodes[code as keyof typeof consciousnessCodes];
}

/** The score's signs, of the values that are known by their codes. */
export function signsOf(
  values: ReadonlyMap<string, number>,
  consciousness: VitalSigns["consciousness"],
): VitalSigns {
  const known = (sign: keyof typeof codesOfSign): number | undefined => {
    const code = codesOfSign[sign].find((one) => values.has(one));
    return code === undefined ? undefined : values.get(code);
  };
  const flow = values.get("3151-8");
  const concentration = values.get("3150-0");
  const isGiven =
    flow === undefined && concentration === undefined
      ? undefined
      : (flow ?? 0) > 0 || (concentration ?? 0) > airOxygen;
  const signs = {
    respiration: known("respiration"),
    oxygenSaturation: known("oxygenSaturation"),
    supplementalOxygen: isGiven,
    systolicPressure: known("systolicPressure"),
    pulse: known("pulse"),
    temperature: known("temperature"),
    consciousness,
  };
  const entries = Object.entries(signs).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}
