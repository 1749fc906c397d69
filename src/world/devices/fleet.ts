import type { NodeConfig } from "../config.ts";
import type { Device, Surroundings } from "./device.ts";
import { factoryDevices } from "./factory.ts";
import { farmDevices } from "./farm.ts";
import { hospitalDevices } from "./hospital.ts";
import { solarGridDevices } from "./solar-grid.ts";
import { transitDevices } from "./transit.ts";

/** All devices of one node. */
export function devicesOf({ devices }: NodeConfig, around: Surroundings): Device[] {
  switch (devices.kind) {
    case "transit":
      return transitDevices(devices, around);
    case "solar-grid":
      return solarGridDevices(devices, around);
    case "farm":
      return farmDevices(devices, around);
    case "hospital":
      return hospitalDevices(devices, around);
    case "factory":
      return factoryDevices(devices, around);
  }
}
