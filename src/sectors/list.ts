import { agriculture } from "./agriculture/manifest.ts";
import { airQuality } from "./air-quality/manifest.ts";
import { energy } from "./energy/manifest.ts";
import { health } from "./health/manifest.ts";
import { industry } from "./industry/manifest.ts";
import type { Sector } from "./sector.ts";
import { transport } from "./transport/manifest.ts";

/** The sectors there are: a new one is a folder here and a line in this list. */
export const sectors: readonly Sector[] = [
  transport,
  agriculture,
  health,
  energy,
  industry,
  airQuality,
];
