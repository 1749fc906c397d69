import { clamp, wander } from "../random.ts";
import type { Random } from "../random.ts";

/** A power system that takes solar first, then wind and water, and burns gas and coal for the rest. */
export interface GridState {
  /** Wandering of wind and of load around their usual course. */
  readonly windMood: number;
  readonly loadMood: number;
}

export interface GridSpec {
  /** The highest load of a usual day, MW. */
  readonly peakMw: number;
  readonly windMw: number;
  readonly hydroMw: number;
  readonly gasMw: number;
  /** Coal that runs always. */
  readonly coalFloorMw: number;
}

export interface Dispatch {
  readonly loadMw: number;
  readonly solarMw: number;
  readonly windMw: number;
  readonly hydroMw: number;
  readonly gasMw: number;
  readonly coalMw: number;
  /** Solar that nobody could take. */
  readonly curtailedMw: number;
  /** Share of the load that the sun covers, 0–1. */
  readonly solarShare: number;
  /** g CO₂-equivalent per kWh, whole life. */
  readonly carbonIntensity: number;
}

/** Medians over the whole life in g/kWh: IPCC AR5 WGIII, annex III, table A.III.2. */
export const lifeCycle = { solar: 48, wind: 11, hydro: 24, gas: 490, coal: 820 } as const;

export function stepGrid(state: GridState, dt: number, random: Random): GridState {
  return {
    windMood: wander(state.windMood, dt, 5 * 3600, 1, random),
    loadMood: wander(state.loadMood, dt, 2 * 3600, 1, random),
  };
}

/** Load through a day as a share of its peak: a valley at four, an evening peak at nine. */
export function loadShape(hour: number): number {
  const bell = (centre: number, width: number): number => {
    const away = Math.min(Math.abs(hour - centre), 24 - Math.abs(hour - centre));
    return Math.exp(-((away / width) ** 2) / 2);
  };
  return clamp(0.66 + 0.18 * bell(12, 3.2) + 0.32 * bell(21, 2.2) - 0.06 * bell(4, 2.5), 0, 1);
}

export function dispatch(
  spec: GridSpec,
  state: GridState,
  hour: number,
  availableSolarMw: number,
): Dispatch {
  const loadMw = spec.peakMw * loadShape(hour) * (1 + 0.015 * state.loadMood);
  let open = loadMw - spec.coalFloorMw;
  const take = (availableMw: number): number => {
    const taken = clamp(availableMw, 0, open);
    open -= taken;
    return taken;
  };
  const solarMw = take(availableSolarMw);
  const windMw = take(spec.windMw * clamp(0.34 + 0.16 * state.windMood, 0.02, 0.95));
  const hydroMw = take(spec.hydroMw * 0.8);
  const gasMw = take(spec.gasMw);
  const coalMw = spec.coalFloorMw + open;
  const grams =
    solarMw * lifeCycle.solar +
    windMw * lifeCycle.wind +
    hydroMw * lifeCycle.hydro +
    gasMw * lifeCycle.gas +
    coalMw * lifeCycle.coal;
  return {
    loadMw,
    solarMw,
    windMw,
    hydroMw,
    gasMw,
    coalMw,
    curtailedMw: Math.max(0, availableSolarMw - solarMw),
    solarShare: solarMw / loadMw,
    carbonIntensity: grams / loadMw,
  };
}
