import { clamp, gaussian } from "../random.ts";
import type { Random } from "../random.ts";

/** A centrifugal pump on an induction motor with a frequency converter. */
export interface PumpSpec {
  /** Rated speed, 1/min, and the curve there: head in m = shutoff − curve · flow² (m³/h). */
  readonly rpm: number;
  readonly shutoff: number;
  readonly curve: number;
  /** Flow of best efficiency at rated speed, m³/h, and that efficiency. */
  readonly bestFlow: number;
  readonly bestEfficiency: number;
  /** The pipe: head = lift + friction · flow². */
  readonly lift: number;
  readonly friction: number;
  readonly motorKw: number;
}

export interface PumpPoint {
  readonly flow: number;
  readonly head: number;
  readonly efficiency: number;
  /** Power at the shaft and from the mains, kW. */
  readonly shaftKw: number;
  readonly electricKw: number;
}

const GRAVITY = 9.80665;
const WATER = 998.2;

/** Where pump and pipe meet at a share of rated speed. By affinity flow ~ n, head ~ n². */
export function operatingPoint(spec: PumpSpec, speed: number): PumpPoint {
  const surplus = spec.shutoff * speed ** 2 - spec.lift;
  if (speed <= 0 || surplus <= 0) {
    return { flow: 0, head: spec.lift, efficiency: 0, shaftKw: 0, electricKw: 0 };
  }
  const flow = Math.sqrt(surplus / (spec.curve + spec.friction));
  const head = spec.lift + spec.friction * flow ** 2;
  const share = flow / (spec.bestFlow * speed);
  const efficiency = Math.max(0.05, spec.bestEfficiency * (1 - (1 - share) ** 2 * 0.85));
  const shaftKw = (WATER * GRAVITY * (flow / 3600) * head) / efficiency / 1000;
  return { flow, head, efficiency, shaftKw, electricKw: shaftKw / motorEfficiency(spec, shaftKw) };
}

/** An IE3 motor: flat near full load, falling off below a quarter of it. */
export function motorEfficiency(spec: PumpSpec, shaftKw: number): number {
  const load = clamp(shaftKw / spec.motorKw, 0.02, 1.3);
  return (0.93 * load) / (load + 0.028 + 0.02 * load ** 2);
}

/** A bearing's life: 0 new, 1 at the end. Load and speed shorten it (ISO 281: cubed load). */
export interface BearingState {
  readonly wear: number;
  readonly tripped: boolean;
  /** Hours until the overhaul after a trip is done. */
  readonly repair: number;
}

/** ISO 20816-3, group 2 on stiff ground: above 4.5 mm/s restricted, above 7.1 mm/s damaging. */
export const vibrationLimits = { alarm: 4.5, trip: 7.1 } as const;

export function stepBearing(
  bearing: BearingState,
  point: PumpPoint,
  spec: PumpSpec,
  speed: number,
  hours: number,
  lifeHours: number,
  overhaulHours: number,
): BearingState {
  if (bearing.tripped) {
    const repair = bearing.repair - hours;
    return repair <= 0 ? { wear: 0.02, tripped: false, repair: 0 } : { ...bearing, repair };
  }
  const load = Math.max(0.3, point.shaftKw / spec.motorKw);
  const wear = bearing.wear + (hours / lifeHours) * load ** 3;
  const tripped = steadyVibration(wear, point, spec, speed) >= vibrationLimits.trip;
  return { wear, tripped, repair: tripped ? overhaulHours : 0 };
}

/** mm/s RMS without the sensor's noise: grows off the best point, with speed² and with wear. */
export function steadyVibration(
  wear: number,
  point: PumpPoint,
  spec: PumpSpec,
  speed: number,
): number {
  const off = point.flow === 0 ? 0 : point.flow / (spec.bestFlow * Math.max(speed, 0.1)) - 1;
  return (1.1 + 1.6 * off ** 2 + 5.6 * wear ** 3) * speed ** 2;
}

export function measuredVibration(
  wear: number,
  point: PumpPoint,
  spec: PumpSpec,
  speed: number,
  random: Random,
): number {
  return Math.max(0.05, steadyVibration(wear, point, spec, speed) * (1 + 0.03 * gaussian(random)));
}
