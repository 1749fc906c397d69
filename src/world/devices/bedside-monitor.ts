import { loincSystem, deviceCodeSystem, ucumSystem } from "../../wire/fhir/codes.ts";
import type { HospitalConfig } from "../config.ts";
import { solarHour } from "../sim-clock.ts";
import { nextBeat, startVitals } from "../simulators/vitals.ts";
import type { Beat } from "../simulators/vitals.ts";
import { round, sinceLast } from "./device.ts";
import type { Device, Emission, Surroundings } from "./device.ts";

type BedConfig = HospitalConfig["beds"][number];

/** Sapporo's longitude, for the patients' inner clock. */
const LON = 141.35;

/** What a monitor measures, by LOINC code and UCUM unit. */
const rates = {
  "8867-4": ["/min", (beat: Beat) => beat.heartRate],
  "9279-1": ["/min", (beat: Beat) => beat.breathRate],
  "59408-5": ["%", (beat: Beat) => beat.saturation],
  "8310-5": ["Cel", (beat: Beat) => beat.temperature],
} as const;
const pressures = {
  "8480-6": ["mm[Hg]", (beat: Beat) => beat.systolic],
  "8462-4": ["mm[Hg]", (beat: Beat) => beat.diastolic],
} as const;
const pressurePanel = "85354-9";
/** MDC_ATTR_VAL_BATT_CHARGE of ISO/IEEE 11073-10101. */
const batteryCharge = "67996";

/**
 * Speaks FHIR R5: every two seconds a Bundle of what it measured of the patient, in real time, and
 * every half a second the charge of its own battery, which lasts hours of simulated time.
 */
export function bedsideMonitor(bed: BedConfig, around: Surroundings): Device {
  const random = around.random(bed.name);
  const elapsed = sinceLast(around.sun, 3600);
  const began = around.clock.monotonic();
  const patient = { reference: `Patient/${bed.name}`, display: `The patient in ${bed.name}` };
  const monitor = { reference: `Device/${bed.name}`, display: `The monitor at ${bed.name}` };
  let state = startVitals(bed, random);
  let beat: Beat | undefined;
  let battery = bed.battery;
  let ticks = 0;

  function charge(): Emission {
    battery -= (elapsed() / 3600 / bed.batteryHours) * 100;
    if (battery <= 3) battery = 100; // a nurse has put a fresh one in
    const data = {
      ...observation(deviceCodeSystem, batteryCharge, around.sun.now()),
      subject: monitor,
      valueQuantity: quantity(battery, "%", 2),
      note: [{ text: `Ask for the nurse of ${bed.name}` }],
    };
    return { topic: `monitor/${bed.name}/battery`, data, becomes: ["monitors/+/other"] };
  }

  function vitals(of: Beat): Emission {
    const now = around.clock.now();
    const measured = (loinc: string): Record<string, unknown> => ({
      ...observation(loincSystem, loinc, now),
      subject: patient,
      device: monitor,
    });
    const single = Object.entries(rates).map(([loinc, [unit, value]]) => ({
      ...measured(loinc),
      valueQuantity: quantity(value(of), unit, 1),
    }));
    const component = Object.entries(pressures).map(([loinc, [unit, value]]) => ({
      ...coded(loincSystem, loinc),
      valueQuantity: quantity(value(of), unit, 0),
    }));
    const resources = [...single, { ...measured(pressurePanel), component }];
    return {
      topic: `monitor/${bed.name}/vitals`,
      data: {
        ...{ resourceType: "Bundle", type: "collection" },
        entry: resources.map((resource) => ({ resource })),
      },
      becomes: [...Object.keys(rates), pressurePanel].map((loinc) => `ward/3a/+/${loinc}`),
    };
  }

  return {
    name: bed.name,
    title: `Monitor of ${bed.name.replace("-", " ")}`,
    kind: "patient monitor",
    publish: [`monitor/${bed.name}/#`],
    everyMs: 500,
    tick() {
      const now = (around.clock.monotonic() - began) / 1000;
      const hour = solarHour(around.sun.now(), LON);
      if (now - state.at > 5) state = { ...state, at: now }; // a paused machine owes no beats
      while (state.at < now) ({ state, beat } = nextBeat(state, bed, hour, random));
      const isDue = ticks++ % 4 === 0 && beat !== undefined;
      return isDue ? [vitals(beat as Beat), charge()] : [charge()];
    },
  };
}

function coded(system: string, code: string): Record<string, unknown> {
  return { code: { coding: [{ system, code }] } };
}

function observation(system: string, code: string, at: number): Record<string, unknown> {
  return {
    ...{ resourceType: "Observation", status: "final", ...coded(system, code) },
    effectiveDateTime: new Date(at).toISOString(),
  };
}

function quantity(value: number, code: string, decimals: number): Record<string, unknown> {
  return { value: round(value, decimals), system: ucumSystem, code };
}
