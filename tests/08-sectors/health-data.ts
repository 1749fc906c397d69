import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Observation as Observation4 } from "fhir/r4.js";
import type { Bundle as Bundle5, Observation as Observation5 } from "fhir/r5.js";
import { absent } from "../07-federate/recorded.ts";

const folder = "healthcare/icu-vitals-mimic";
const path = fileURLToPath(new URL(`../../../shared/data/${folder}/`, import.meta.url));

export const skip = absent(folder);

/** One minute of one monitor; a cell that is empty is undefined. */
export interface Minute {
  readonly time: string;
  readonly cells: Readonly<Record<string, number | undefined>>;
}

export function minutesOf(record: "s00001" | "s25047"): Minute[] {
  const text = readFileSync(`${path}${record}_vitals_1min.csv`, "utf8");
  const [head = "", ...rows] = text.trim().split(/\r?\n/);
  const names = head.split(",");
  return rows.map((row) => {
    const [, time = "", ...cells] = row.split(",");
    const numbers = cells.map((cell, i): [string, number | undefined] => [
      names[i + 2]!,
      cell === "" ? undefined : Number(cell),
    ]);
    return { time, cells: Object.fromEntries(numbers) };
  });
}

const loinc = (code: string) => ({ coding: [{ system: "http://loinc.org", code }] });
const quantity = (value: number, code: string) => {
  return { value, unit: code, system: "http://unitsofmeasure.org", code };
};
const plainSigns = [
  ["HR_bpm", "8867-4", "/min"],
  ["PULSE_bpm", "8889-8", "/min"],
  ["RESP_pm", "9279-1", "/min"],
  ["SpO2_pct", "59408-5", "%"],
] as const;

/** As a bedside's gateway would write it, R4 or R5: the types are HL7's own. */
export function observationsOf({ time, cells }: Minute, patient: string): Observation5[] {
  const about = {
    resourceType: "Observation",
    status: "final",
    subject: { reference: patient, display: "Somebody's name" },
    effectiveDateTime: time,
  } as const;
  const plain = plainSigns.flatMap(([column, code, unit]): (Observation4 & Observation5)[] => {
    const value = cells[column];
    if (value === undefined) return [];
    return [{ ...about, code: loinc(code), valueQuantity: quantity(value, unit) }];
  });
  const pressures = (["NBP", "ABP"] as const).flatMap((way): (Observation4 & Observation5)[] => {
    const codes = way === "NBP" ? ["8480-6", "8462-4"] : ["76215-3", "76213-8"];
    const component = ["Sys", "Dias"].flatMap((part, i) => {
      const value = cells[`${way}${part}_mmHg`];
      if (value === undefined) return [];
      return [{ code: loinc(codes[i]!), valueQuantity: quantity(value, "mm[Hg]") }];
    });
    return component.length === 0 ? [] : [{ ...about, code: loinc("85354-9"), component }];
  });
  return [...plain, ...pressures];
}

export function bundleOf(observations: readonly Observation5[]): Bundle5 {
  return {
    resourceType: "Bundle",
    type: "searchset",
    entry: observations.map((resource) => ({ resource })),
  };
}

export interface Expected {
  readonly score: number;
  readonly missing: readonly string[];
}

/** Points by the report's chart, written as it is read: from the worst to the normal. */
const points: Readonly<Record<string, (value: number) => number>> = {
  pulse: (v) => (v >= 131 || v <= 40 ? 3 : v >= 111 ? 2 : v >= 91 || v <= 50 ? 1 : 0),
  respiration: (v) => (v >= 25 || v <= 8 ? 3 : v >= 21 ? 2 : v <= 11 ? 1 : 0),
  oxygenSaturation: (v) => (v <= 91 ? 3 : v <= 93 ? 2 : v <= 95 ? 1 : 0),
  systolicPressure: (v) => (v <= 90 || v >= 220 ? 3 : v <= 100 ? 2 : v <= 110 ? 1 : 0),
};

const columns: Readonly<Record<string, readonly string[]>> = {
  pulse: ["HR_bpm", "PULSE_bpm"],
  respiration: ["RESP_pm"],
  oxygenSaturation: ["SpO2_pct"],
  systolicPressure: ["NBPSys_mmHg", "ABPSys_mmHg"],
};

/** The score at the last of the minutes, from the recorded cells alone. */
export function expectedAt(minutes: readonly Minute[]): Expected {
  const end = Date.parse(minutes.at(-1)!.time);
  const fresh = minutes.filter(({ time }) => end - Date.parse(time) < 900_000);
  const missing = ["supplementalOxygen", "consciousness", "temperature"];
  let score = 0;
  for (const [sign, ways] of Object.entries(columns)) {
    const latest = ways.map((way) => fresh.findLast(({ cells }) => (cells[way] ?? 0) >= 1));
    const way = latest.findIndex((minute) => minute !== undefined);
    if (way === -1) missing.push(sign);
    else score += points[sign]!(Math.round(latest[way]!.cells[ways[way]!]!));
  }
  return { score, missing: missing.toSorted() };
}
