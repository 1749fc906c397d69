import type { TransitConfig } from "../config.ts";
import { legOf, placeOfBus, planCharge, startBus, stepBus } from "../simulators/bus.ts";
import type { BusLine, BusState } from "../simulators/bus.ts";
import { thisMachine, watchMachine } from "../simulators/machine.ts";
import type { Roads, Segment } from "../simulators/roads.ts";
import { round, sinceLast, stamper } from "./device.ts";
import type { Device, Emission, Surroundings } from "./device.ts";

/** What the buses measured of one street in the last minutes. */
interface Measured {
  readonly segment: Segment;
  kmh: number;
  buses: number;
  fresh: boolean;
}

type Measurements = Map<string, Measured>;

/** Buses on their lines, a traffic centre that puts their speeds together, and your machine. */
export function transitDevices(config: TransitConfig, around: Surroundings): Device[] {
  const measured: Measurements = new Map();
  const buses: Device[] = [];
  for (const { line, stops, buses: count } of config.lines) {
    for (let n = 1; n <= count; n++) {
      const name = `bus-${line}${n}`;
      buses.push(bus(name, line, lineOf(around.roads, stops), n / count - 0.01, around, measured));
    }
  }
  return [...buses, trafficCentre(around, measured), machine(around)];
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
  name: string,
  lineName: string,
  line: BusLine,
  share: number,
  around: Surroundings,
  measured: Measurements,
): Device {
  const random = around.random(name);
  const elapsed = sinceLast(around.traffic, 60);
  const position = stamper(around.clock, around.traffic);
  const battery = stamper(around.clock, around.traffic);
  let state: BusState = startBus(line, share, 0.6 + 0.25 * random());
  let heldUntil = 0;
  let ticks = 0;

  function tick(): Emission[] {
    const seconds = elapsed();
    const held = around.traffic.now() < heldUntil;
    for (let left = seconds; left > 0; left -= 0.5) {
      state = stepBus(state, line, Math.min(0.5, left), around.flow, random, held);
      if (state.dwell === 0 && !held) measure(measured, legOf(line, state), state.speed, around);
    }
    const { lat, lon, bearing } = placeOfBus(state, line);
    const where = {
      ...position(),
      bus: name,
      line: lineName,
      lat: round(lat, 6),
      lon: round(lon, 6),
      bearing: round(bearing, 0),
      speedKmh: round(state.speed * 3.6, 1),
      delaySeconds: round(state.delay, 0),
      passengers: state.passengers,
    };
    const emissions: Emission[] = [{ topic: `bus/${name}/position`, data: where }];
    if (ticks++ % 2 === 0) emissions.push({ topic: `bus/${name}/charge`, data: chargeNow(where) });
    return emissions;
  }

  function chargeNow(where: { lat: number; lon: number }): Emission["data"] {
    const plan = planCharge(state, line, around.flow);
    return {
      ...battery(),
      bus: name,
      charge: round(state.charge, 4),
      chargingKw: state.chargingKw,
      nextChargeInSeconds: round(plan.inSeconds, 0),
      nextChargeSeconds: round(plan.forSeconds, 0),
      lat: where.lat,
      lon: where.lon,
      passengers: state.passengers,
    };
  }

  return {
    name,
    title: `Bus ${name.slice(4)} on line ${lineName}`,
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
  const stamp = stamper(around.clock, around.traffic);
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
        const { freeKmh } = entry.segment;
        const data = { ...stamp(), segment: id, kmh: round(entry.kmh, 1), freeKmh };
        emissions.push({ topic: `street/${id}/speed`, data });
      }
      return emissions;
    },
  };
}

function machine(around: Surroundings): Device {
  const read = watchMachine(thisMachine, () => around.clock.monotonic());
  const stamp = stamper(around.clock);
  return {
    name: "this-machine",
    title: "This machine",
    kind: "computer",
    publish: ["this-machine/#"],
    everyMs: 1000,
    tick() {
      const { load, memoryUsed, memoryTotal, received, sent } = read();
      const data = {
        ...stamp(),
        load: round(load, 3),
        memoryUsedMB: round(memoryUsed / 1e6, 0),
        memoryTotalMB: round(memoryTotal / 1e6, 0),
        ...(received !== undefined && { receivedBytesPerSecond: round(received, 0) }),
        ...(sent !== undefined && { sentBytesPerSecond: round(sent, 0) }),
      };
      return [{ topic: "this-machine/load", data }];
    },
  };
}
