import type { Irradiance } from "./sky.ts";
import type { SunPosition } from "./sun.ts";

export interface PvPlant {
  /** Power of the modules at 1,000 W/m² and 25 °C. */
  readonly peakMw: number;
  /** What its inverters can give. */
  readonly inverterMw: number;
  /** Degrees from the level, and towards which bearing it leans. */
  readonly tilt: number;
  readonly facing: number;
}

export interface PvOutput {
  readonly planeOfArray: number;
  readonly cellTemperature: number;
  readonly powerMw: number;
}

/** Loss of power per kelvin above 25 °C, nominal cell temperature, and the inverter's efficiency. */
export const pvModule = { perKelvin: -0.0036, nominalCell: 45, inverter: 0.982 } as const;

const RAD = Math.PI / 180;

/** Light on a tilted plane with an even sky (Liu and Jordan), albedo 0.25 as of desert ground. */
export function planeOfArray(plant: PvPlant, sun: SunPosition, light: Irradiance): number {
  if (sun.altitude <= 0) return 0;
  const cosIncidence =
    Math.sin(sun.altitude * RAD) * Math.cos(plant.tilt * RAD) +
    Math.cos(sun.altitude * RAD) *
      Math.sin(plant.tilt * RAD) *
      Math.cos((sun.azimuth - plant.facing) * RAD);
  const seesSky = (1 + Math.cos(plant.tilt * RAD)) / 2;
  const seesGround = (1 - Math.cos(plant.tilt * RAD)) / 2;
  return (
    light.beam * Math.max(0, cosIncidence) +
    light.diffuse * seesSky +
    light.global * 0.25 * seesGround
  );
}

export function pvOutput(plant: PvPlant, poa: number, airTemperature: number): PvOutput {
  const cell = airTemperature + ((pvModule.nominalCell - 20) / 800) * poa;
  const direct = plant.peakMw * (poa / 1000) * (1 + pvModule.perKelvin * (cell - 25));
  const powerMw = Math.min(plant.inverterMw, Math.max(0, direct * pvModule.inverter));
  return { planeOfArray: poa, cellTemperature: cell, powerMw };
}
