import type { HospitalConfig } from "../config.ts";
import { emergencyKmh, placeOfAmbulance, stepAmbulance } from "../simulators/ambulance.ts";
import type { AmbulanceState } from "../simulators/ambulance.ts";
import { quickestWay } from "../simulators/roads.ts";
import { bedsideMonitor } from "./bedside-monitor.ts";
import { sinceLast, stamper } from "./device.ts";
import type { Device, Emission, Surroundings } from "./device.ts";
import { positionSentence } from "./position-sentence.ts";

/** Bedside monitors, and the ambulances of the group's clinic in Rotterdam. */
export function hospitalDevices(config: HospitalConfig, around: Surroundings): Device[] {
  return [
    ...config.beds.map((bed) => bedsideMonitor(bed, around)),
    ...config.ambulances.map(({ name, at }) => ambulance(name, at, around)),
  ];
}

/** Simulated seconds it waits for the desk's route before it drives the usual one. */
const PATIENCE_SECONDS = 40;

/** Its tracker tells where it is in NMEA 0183; whom it carries, and why, no tracker knows. */
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
    const metresASecond = state.phase === "driving" ? state.speed : 0;
    const sentence = positionSentence({
      ...{ at: around.traffic.now(), lat, lon, metresASecond, bearing },
    });
    emissions.push({
      topic: `nmea/${name}`,
      data: Buffer.from(`${sentence}\r\n`),
      becomes: [`ambulances/receivers/${name}`],
    });
    return emissions;
  }

  return {
    name,
    title: `Ambulance ${name.slice("ambulance-".length)}`,
    kind: "ambulance",
    publish: [`ambulance/${name}/#`, `nmea/${name}`],
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
