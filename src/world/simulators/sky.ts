import { clamp, wander } from "../random.ts";
import type { Random } from "../random.ts";
import type { SunPosition } from "./sun.ts";

/** Light under a sky with clouds. Irradiance in W/m². */
export interface Sky {
  /** Cloud cover, 0–1. */
  readonly cover: number;
  /** The wandering that drives the cover. */
  readonly mood: number;
}

export interface Irradiance {
  readonly global: number;
  readonly beam: number;
  readonly diffuse: number;
}

export const solarConstant = 1361;

/** `typical` is the cover of an average day; weather forgets itself over about three hours. */
export function stepSky(sky: Sky, dt: number, typical: number, random: Random): Sky {
  const mood = wander(sky.mood, dt, 3 * 3600, 1, random);
  return { mood, cover: clamp(typical + 0.22 * mood, 0, 1) };
}

/** Haurwitz (1945) for a clear sky, W/m² on the level. */
export function clearSky(sun: SunPosition): number {
  const cosZenith = Math.sin((sun.altitude * Math.PI) / 180);
  if (cosZenith <= 0.01) return 0;
  return 1098 * cosZenith * Math.exp(-0.057 / cosZenith);
}

/** Kasten and Czeplak (1980) for clouds, Erbs (1982) for the part that comes from all sides. */
export function irradiance(sun: SunPosition, sky: Sky): Irradiance {
  const global = clearSky(sun) * (1 - 0.75 * sky.cover ** 3.4);
  const cosZenith = Math.sin((sun.altitude * Math.PI) / 180);
  if (global <= 0) return { global: 0, beam: 0, diffuse: 0 };
  const clearness = Math.min(1, global / (solarConstant * sun.distance * cosZenith));
  const diffuse = global * diffuseShare(clearness);
  return { global, diffuse, beam: (global - diffuse) / Math.max(cosZenith, 0.05) };
}

function diffuseShare(kt: number): number {
  if (kt <= 0.22) return 1 - 0.09 * kt;
  if (kt <= 0.8) {
    return 0.9511 - 0.1604 * kt + 4.388 * kt ** 2 - 16.638 * kt ** 3 + 12.336 * kt ** 4;
  }
  return 0.165;
}

/** Air temperature through a day, °C: coldest near sunrise, warmest at about 14:30 by the sun. */
export function airTemperature(hour: number, mean: number, swing: number): number {
  return mean + (swing / 2) * Math.cos(((hour - 14.5) * Math.PI) / 12);
}
