import type { TransitConfig } from "../config.ts";
import { legOf, planCharge, startBus, stepBus } from "../simulators/bus.ts";
import type { BusLine } from "../simulators/bus.ts";
import type { Random } from "../random.ts";
import { thisMachine, watchMachine } from "../simulators/machine.ts";
import type { Roads, Segment } from "../simulators/roads.ts";
import { observer, round, sinceLast, stamper } from "./device.ts";
import type { Device, Emission, Surroundings } from "./device.ts";
import { type RunningBus, vehicleLocation } from "./vehicle-location.ts";

/** What the buses measured of one street in the last minutes. */
interface Measured {
  readonly segment: Segment;
  kmh: number;
  buses: number;
  fresh: boolean;
}

type Measurements = Map<string, Measured>;

/**
 * Buses on their lines, the system that knows where they all are, a traffic centre that puts their
 * speeds together, and your machine.
 */
export function transitDevices(config: TransitConfig, around: Surroundings): Device[] {
  const measured: Measurements = new Map();
  const running: RunningBus[] = [];
  const buses: Device[] = [];
  for (const { line, stops, buses: count } of config.lines) {
    for (let n = 1; n <= count; n++) {
      const name = `bus-${line}${n}`;
      const share = n / count - 0.01;
      const random = around.random(name);
      const road = lineOf(around.roads, stops);
      const state = startBus(road, share, 0.6 + 0.25 * random());
      const one: RunningBus = { name, route: line, line: road, state, trip: 1 };
      running.push(one);
      buses.push(bus(one, random, around, measured));
    }
  }
  const others = [vehicleLocation(running, around), trafficCentre(around, measured)];
  return [...buses, ...others, machine(around)];
}

function lineOf(roads: Roads, stops: readonly string[]): BusLine {
  const out: Segment[] = [];
  const back: Segment[] = [];
  for (let i = 1; i < stops.length; i++) {
    out.push(roads.segments.get(`${stops[i - 1]}-${stops[i]}`) as Segment);
    back.unshift(roads.segments.get(`${stops[i]}-${stops[i - 1]}`) as Segment);
  }
  return { out, back };
}

function bus(
  one: RunningBus,
  random: Random,
  around: Surroundings,
  measured: Measurements,
): Device {
  const { name, route, line } = one;
  const elapsed = sinceLast(around.traffic, 60);
  const battery = stamper(around.clock, around.traffic);
  let heldUntil = 0;
  let ticks = 0;

  function step(seconds: number, held: boolean): void {
    const { direction } = one.state;
    one.state = stepBus(one.state, line, seconds, around.flow, random, held);
    if (one.state.direction !== direction) one.trip += 1;
    if (one.state.dwell > 0 || held) return;
    measure(measured, legOf(line, one.state), one.state.speed, around);
  }

  function tick(): Emission[] {
    const seconds = elapsed();
    const held = around.traffic.now() < heldUntil;
    for (let left = seconds; left > 0; left -= 0.5) step(Math.min(0.5, left), held);
    return ticks++ % 2 === 0 ? [{ topic: `bus/${name}/charge`, data: chargeNow() }] : [];
  }

  function chargeNow(): Emission["data"] {
    const { state } = one;
    const plan = planCharge(state, line, around.flow);
    return {
      ...battery(),
      bus: name,
      charge: round(state.charge, 4),
      chargingKw: state.chargingKw,
      nextChargeInSeconds: round(plan.inSeconds, 0),
      nextChargeSeconds: round(plan.forSeconds, 0),
      // what an agreement's fields do not name stays
      passengers: state.passengers,
    };
  }

  return {
    name,
    title: `Bus ${name.slice(4)} on line ${route}`,
    kind: "bus",
    publish: [`bus/${name}/#`],
    everyMs: 500,
    tick,
    obeys: {
      filter: `desk/bus/${name}`,
      command: ({ holdSeconds }) => {
        if (typeof holdSeconds === "number") heldUntil = around.traffic.now() + holdSeconds * 1000;
      },
    },
  };
}

/** A street's speed follows what its buses drive at, with a memory of about two minutes. */
function measure(all: Measurements, segment: Segment, speed: number, around: Surroundings): void {
  const entry = all.get(segment.id) ?? {
    segment,
    kmh: Math.max(speed * 3.6, around.flow(segment) * 0.8),
    buses: 0,
    fresh: true,
  };
  // Only a bus at cruising speed tells about the street; the rest is its own stopping.
  const cruising = speed * 3.6 > 0.6 * around.flow(segment);
  if (cruising) entry.kmh += (speed * 3.6 - entry.kmh) * 0.02;
  entry.buses += cruising ? 1 : 0;
  entry.fresh = true;
  all.set(segment.id, entry);
}

function trafficCentre(around: Surroundings, measured: Measurements): Device {
  const observed = observer(around.clock, around.traffic);
  return {
    name: "traffic-centre",
    title: "Traffic centre",
    kind: "traffic centre",
    place: { lat: 51.9225, lon: 4.4792, name: "Rotterdam" },
    publish: ["street/#"],
    everyMs: 500,
    tick() {
      const emissions: Emission[] = [];
      for (const [id, entry] of measured) {
        if (!entry.fresh) continue;
        entry.fresh = false;
        const data = {
          ...observed("TrafficFlowObserved", id),
          averageVehicleSpeed: round(entry.kmh, 1),
        };
        emissions.push({ topic: `street/${id}/speed`, data });
      }
      return emissions;
    },
  };
}

function machine(around: Surroundings): Device {
  const read = watchMachine(thisMachine, () => around.clock.monotonic());
  const observed = observer(around.clock, { ...around.sun, now: () => around.clock.now() });
  return {
    name: "this-machine",
    title: "This machine",
    kind: "computer",
    publish: ["this-machine/#"],
    everyMs: 1000,
    tick() {
      const { load, memoryUsed, memoryTotal, received, sent } = read();
      const values = {
        load: round(load, 3),
        memoryUsed: round(memoryUsed / memoryTotal, 3),
        ...(received !== undefined && { receivedBytesPerSecond: round(received, 0) }),
        ...(sent !== undefined && { sentBytesPerSecond: round(sent, 0) }),
      };
      return Object.entries(values).map(([controlledProperty, numValue]) => ({
        topic: `this-machine/${controlledProperty}`,
        data: {
          ...observed("DeviceMeasurement", `this-machine:${controlledProperty}`),
          ...{ refDevice: "this-machine", controlledProperty, numValue },
        },
      }));
    },
  };
}
