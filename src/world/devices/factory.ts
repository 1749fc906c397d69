import type { FactoryConfig } from "../config.ts";
import { wander } from "../random.ts";
import { measuredVibration, operatingPoint, stepBearing } from "../simulators/pump.ts";
import type { BearingState } from "../simulators/pump.ts";
import { round, sinceLast, stamper } from "./device.ts";
import type { Device, Surroundings } from "./device.ts";

type PumpConfig = FactoryConfig["pumps"][number];

/** The pumps it rents out, with sensors of its own on them, and the meter of its works. */
export function factoryDevices(config: FactoryConfig, around: Surroundings): Device[] {
  return [...config.pumps.map((pump) => rentalPump(pump, config, around)), meter(config, around)];
}

function rentalPump(pump: PumpConfig, config: FactoryConfig, around: Surroundings): Device {
  const random = around.random(pump.name);
  const stamp = stamper(around.clock, around.sun);
  const elapsed = sinceLast(around.sun, 3600);
  let bearing: BearingState = { wear: pump.wear, tripped: false, repair: 0 };
  return {
    name: pump.name,
    title: pump.title,
    kind: "pump",
    publish: [`pump/${pump.name}/#`],
    everyMs: 200,
    tick() {
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
      const data = {
        ...stamp(),
        pump: pump.name,
        rpm: round(config.pump.rpm * speed, 0),
        flow: round(point.flow, 1),
        head: round(point.head, 1),
        efficiency: round(point.efficiency, 3),
        kw: round(point.electricKw),
        vibration: round(measuredVibration(bearing.wear, point, config.pump, speed, random)),
        tripped: bearing.tripped,
      };
      return [{ topic: `pump/${pump.name}/condition`, data }];
    },
  };
}

function meter(config: FactoryConfig, around: Surroundings): Device {
  const random = around.random("meter");
  const stamp = stamper(around.clock, around.sun);
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
      const data = { ...stamp(), kw: round(wished * (1 + noise), 1), wishedKw: round(wished, 1) };
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
