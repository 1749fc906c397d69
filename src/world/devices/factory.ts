import type { FactoryConfig } from "../config.ts";
import { wander } from "../random.ts";
import { measuredVibration, operatingPoint, stepBearing } from "../simulators/pump.ts";
import type { BearingState } from "../simulators/pump.ts";
import { observer, round, sinceLast } from "./device.ts";
import type { Device, Surroundings } from "./device.ts";
import { type EdgeDevice, edgeNode } from "./edge-node.ts";

type PumpConfig = FactoryConfig["pumps"][number];

/** The pumps it rents out, behind an edge node at the farm, and the meter of its works. */
export function factoryDevices(config: FactoryConfig, around: Surroundings): Device[] {
  const pumps = edgeNode({
    name: "edge-mwea",
    title: "Edge node of the rental pumps",
    ...{ group: "mwea", node: "rental", readBelow: "machines" },
    everyMs: 250,
    clock: around.sun,
    devices: config.pumps.map((pump) => rentalPump(pump, config, around)),
  });
  return [pumps, meter(config, around)];
}

function rentalPump(pump: PumpConfig, config: FactoryConfig, around: Surroundings): EdgeDevice {
  const random = around.random(pump.name);
  const elapsed = sinceLast(around.sun, 3600);
  let bearing: BearingState = { wear: pump.wear, tripped: false, repair: 0 };
  return {
    name: pump.name,
    read() {
      const running = operatingPoint(config.pump, pump.speed);
      const { lifeHours, overhaulHours } = config;
      const hours = elapsed() / 3600;
      bearing = stepBearing(
        bearing,
        running,
        config.pump,
        pump.speed,
        hours,
        lifeHours,
        overhaulHours,
      );
      const speed = bearing.tripped ? 0 : pump.speed;
      const point = operatingPoint(config.pump, speed);
      return {
        Tripped: bearing.tripped,
        Speed: round(config.pump.rpm * speed, 0),
        Flow: round(point.flow, 1),
        Head: round(point.head, 1),
        Power: round(point.electricKw),
        Vibration: round(measuredVibration(bearing.wear, point, config.pump, speed, random)),
      };
    },
  };
}

function meter(config: FactoryConfig, around: Surroundings): Device {
  const random = around.random("meter");
  const observed = observer(around.clock, around.sun);
  const elapsed = sinceLast(around.sun, 3600);
  let wished = config.baseKw;
  let noise = 0;
  return {
    name: "works-meter",
    title: "Meter of the works",
    kind: "energy meter",
    publish: ["works/#"],
    everyMs: 500,
    tick() {
      noise = wander(noise, elapsed(), 1800, 0.02, random);
      const data = {
        ...observed("ThreePhaseAcMeasurement", "works"),
        totalActivePower: round(1000 * wished * (1 + noise), 0),
      };
      return [{ topic: "works/load", data }];
    },
    obeys: {
      filter: "desk/load",
      command: ({ kw }) => {
        if (typeof kw === "number" && kw >= 0) wished = kw;
      },
    },
  };
}
