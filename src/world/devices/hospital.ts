import type { HospitalConfig } from "../config.ts";
import { solarHour } from "../sim-clock.ts";
import { emergencyKmh, placeOfAmbulance, stepAmbulance } from "../simulators/ambulance.ts";
import type { AmbulanceState } from "../simulators/ambulance.ts";
import { quickestWay } from "../simulators/roads.ts";
import { nextBeat, startVitals } from "../simulators/vitals.ts";
import type { Beat } from "../simulators/vitals.ts";
import { round, sinceLast, stamper } from "./device.ts";
import type { Device, Emission, Surroundings } from "./device.ts";

type BedConfig = HospitalConfig["beds"][number];

/** Bedside monitors, and the ambulances of the group's clinic in Rotterdam. */
export function hospitalDevices(config: HospitalConfig, around: Surroundings): Device[] {
  return [
    ...config.beds.map((bed) => monitor(bed, around)),
    ...config.ambulances.map(({ name, at }) => ambulance(name, at, around)),
  ];
}

/** Sapporo's longitude, for the patients' inner clock. */
const LON = 141.35;

function monitor(bed: BedConfig, around: Surroundings): Device {
  const random = around.random(bed.name);
  const vitalsStamp = stamper(around.clock);
  const monitorStamp = stamper(around.clock, around.sun);
  const elapsed = sinceLast(around.sun, 3600);
  const began = around.clock.monotonic();
  let state = startVitals(bed, random);
  let battery = bed.battery;
  let signal = 0.95;
  let ticks = 0;

  function health(beat: Beat | undefined): Emission {
    battery -= (elapsed() / 3600 / bed.batteryHours) * 100;
    if (battery <= 3) battery = 100; // a nurse has put a fresh one in
    signal = Math.min(1, Math.max(0.5, signal + 0.02 * (random() - 0.48)));
    const data = {
      ...monitorStamp(),
      monitor: bed.name,
      batteryPercent: round(battery),
      signalQuality: round(signal),
      // The two below never leave the hospital: the agreement's fields do not name them.
      heartRate: beat && round(beat.heartRate, 0),
      saturation: beat && round(beat.saturation, 0),
    };
    return { topic: `bed/${bed.name}/monitor`, data };
  }

  return {
    name: bed.name,
    title: `Monitor of ${bed.name.replace("-", " ")}`,
    kind: "patient monitor",
    publish: [`bed/${bed.name}/#`],
    everyMs: 250,
    /** Every heart beat is a message, in real time; every fourth tick the monitor's own state. */
    tick() {
      const emissions: Emission[] = [];
      const now = (around.clock.monotonic() - began) / 1000;
      const hour = solarHour(around.sun.now(), LON);
      let last: Beat | undefined;
      if (now - state.at > 5) state = { ...state, at: now }; // a paused machine owes no beats
      while (state.at < now) {
        const next = nextBeat(state, bed, hour, random);
        state = next.state;
        last = next.beat;
        emissions.push({
          topic: `bed/${bed.name}/vitals`,
          data: { ...vitalsStamp(), bed: bed.name, ...rounded(next.beat) },
        });
      }
      if (ticks++ % 2 === 0) emissions.push(health(last));
      return emissions;
    },
  };
}

function rounded(beat: Beat): Record<string, number> {
  return {
    intervalMs: round(beat.interval * 1000, 0),
    heartRate: round(beat.heartRate, 1),
    breathRate: round(beat.breathRate, 1),
    saturation: round(beat.saturation, 1),
    systolic: round(beat.systolic, 0),
    diastolic: round(beat.diastolic, 0),
    temperature: round(beat.temperature, 2),
  };
}

/** Simulated seconds it waits for the desk's route before it drives the usual one. */
const PATIENCE_SECONDS = 40;

function ambulance(name: string, at: string, around: Surroundings): Device {
  const random = around.random(name);
  const stamp = stamper(around.clock, around.traffic);
  const elapsed = sinceLast(around.traffic, 60);
  const junctions = [...around.roads.junctions.keys()];
  let state: AmbulanceState = { phase: "free", at, secondsLeft: 20 + 120 * random() };

  function destination(from: string): string {
    let to = from;
    while (to === from) to = junctions[Math.floor(random() * junctions.length)] as string;
    return to;
  }

  function drive(route: readonly string[]): void {
    state = { phase: "driving", route, leg: 0, along: 0, speed: 0, driven: 0 };
  }

  function usualWay(from: string, to: string): readonly string[] {
    const way = quickestWay(around.roads, from, to, (s) => emergencyKmh(s.freeKmh));
    return way?.segments ?? [];
  }

  function tick(): Emission[] {
    const emissions: Emission[] = [];
    state = stepAmbulance(state, around.roads, elapsed(), around.flow);
    if (state.phase === "free" && state.secondsLeft === 0) {
      const { at: from } = state;
      const to = destination(from);
      state = { phase: "called", at: from, to, waited: 0 };
      const data = { ...stamp(), ambulance: name, from, to, urgency: 1 + Math.floor(3 * random()) };
      emissions.push({ topic: `ambulance/${name}/call`, data });
    }
    if (state.phase === "called" && state.waited > PATIENCE_SECONDS) {
      drive(usualWay(state.at, state.to));
    }
    const { lat, lon, bearing } = placeOfAmbulance(state, around.roads);
    const driving = state.phase === "driving";
    const data = {
      ...stamp(),
      ambulance: name,
      lat: round(lat, 6),
      lon: round(lon, 6),
      bearing: round(bearing, 0),
      speedKmh: state.phase === "driving" ? round(state.speed * 3.6, 1) : 0,
      driving,
      patientOnBoard: driving && state.phase === "driving" && state.driven > 120,
    };
    emissions.push({ topic: `ambulance/${name}/position`, data });
    return emissions;
  }

  return {
    name,
    title: `Ambulance ${name.slice("ambulance-".length)}`,
    kind: "ambulance",
    publish: [`ambulance/${name}/#`],
    everyMs: 500,
    tick,
    obeys: {
      filter: `desk/ambulance/${name}`,
      command: ({ from, to, route }) => {
        const meant = state.phase === "called" && state.at === from && state.to === to;
        if (meant && Array.isArray(route) && knows(around, route)) drive(route);
      },
    },
  };
}

function knows(around: Surroundings, route: readonly unknown[]): route is string[] {
  const { segments } = around.roads;
  return route.every((id) => typeof id === "string" && segments.has(id));
}
