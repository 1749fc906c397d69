import { clamp } from "../random.ts";
import type { Random } from "../random.ts";
import { pointAlong, secondsOn } from "./roads.ts";
import type { Segment } from "./roads.ts";

/** A battery bus that shuttles along its line, stopping at every junction. SI units inside. */
export interface BusState {
  /** Index into the line's segments of the present direction. */
  readonly leg: number;
  readonly direction: "out" | "back";
  /** Metres from the start of the leg. */
  readonly along: number;
  /** m/s */
  readonly speed: number;
  /** m/s² over the last step. */
  readonly acceleration: number;
  /** Seconds it still stands at the stop; 0 while it drives. */
  readonly dwell: number;
  readonly passengers: number;
  /** State of charge, 0–1. */
  readonly charge: number;
  readonly chargingKw: number;
  /** Seconds behind the timetable, negative when early. */
  readonly delay: number;
}

export interface BusLine {
  readonly out: readonly Segment[];
  readonly back: readonly Segment[];
}

/** A 12 m battery bus: limits of comfort for standing passengers, energy as fleets report it. */
export const busLimits = {
  accelerate: 1.2,
  brake: 1.1,
  passengersMax: 80,
  batteryKwh: 320,
  kwhPerKm: 1.25,
  auxiliaryKw: 6,
  chargerKw: 300,
  /** Charges at the end of the line below this, and up to `chargeTo`. */
  chargeBelow: 0.7,
  chargeTo: 0.85,
  /** The timetable plans with this share of the empty road's speed and this long at a stop. */
  plannedShare: 0.62,
  plannedDwell: 25,
} as const;

export function startBus(line: BusLine, share: number, charge: number): BusState {
  const leg = Math.floor(share * line.out.length) % line.out.length;
  const moving = { speed: 0, acceleration: 0, dwell: 0, chargingKw: 0, delay: 0 };
  return { leg, direction: "out", along: 0, passengers: 12, charge, ...moving };
}

export function legOf(line: BusLine, state: BusState): Segment {
  const legs = state.direction === "out" ? line.out : line.back;
  return legs[state.leg] as Segment;
}

/** One step of `dt` simulated seconds (≤ 1 s keeps the limits true). `held` keeps it standing. */
export function stepBus(
  state: BusState,
  line: BusLine,
  dt: number,
  flowKmh: (segment: Segment) => number,
  random: Random,
  held = false,
): BusState {
  const used = (busLimits.auxiliaryKw * dt) / 3600;
  if (state.dwell > 0) return stand(state, dt, used);
  const leg = legOf(line, state);
  const left = leg.metres - state.along;
  // The speed from which it can still stop at the next stop: v² = 2·b·d.
  const braking = Math.sqrt(2 * busLimits.brake * Math.max(0, left));
  const target = held ? 0 : Math.min(flowKmh(leg) / 3.6, braking);
  const change = clamp(
    target - state.speed,
    -busLimits.brake * 1.3 * dt,
    busLimits.accelerate * dt,
  );
  const speed = Math.max(0, state.speed + change);
  const moved = ((state.speed + speed) / 2) * dt;
  const planned = moved === 0 ? 0 : moved / ((leg.freeKmh / 3.6) * busLimits.plannedShare);
  const next: BusState = {
    ...state,
    speed,
    acceleration: (speed - state.speed) / dt,
    along: state.along + moved,
    delay: state.delay + dt - planned,
    charge: drain(state.charge, (moved / 1000) * busLimits.kwhPerKm + used),
  };
  return left - moved < 0.6 || (left < 3 && speed < 0.6) ? arrive(next, line, random) : next;
}

function stand(state: BusState, dt: number, used: number): BusState {
  const dwell = Math.max(0, state.dwell - dt);
  const gained = (state.chargingKw * dt) / 3600 / busLimits.batteryKwh;
  const charge = clamp(drain(state.charge, used) + gained, 0, 1);
  return {
    ...state,
    dwell,
    charge,
    chargingKw: dwell === 0 ? 0 : state.chargingKw,
    acceleration: 0,
    delay: state.delay + dt,
  };
}

/** At a stop people change; at the end of the line it turns, waits out its lead and charges. */
function arrive(state: BusState, line: BusLine, random: Random): BusState {
  const legs = state.direction === "out" ? line.out : line.back;
  const last = state.leg === legs.length - 1;
  const off = last ? state.passengers : Math.round(state.passengers * random() * 0.5);
  const on = Math.min(busLimits.passengersMax - state.passengers + off, Math.round(random() * 14));
  // Doors 6 s, then about 1.7 s for everybody who gets on and 1.1 s for those who get off.
  const stop = 6 + on * 1.7 + off * 1.1;
  const charges = last && state.charge < busLimits.chargeBelow;
  const missing = (busLimits.chargeTo - state.charge) * busLimits.batteryKwh;
  const charging = charges ? (missing / busLimits.chargerKw) * 3600 : 0;
  return {
    ...state,
    leg: last ? 0 : state.leg + 1,
    direction: last ? (state.direction === "out" ? "back" : "out") : state.direction,
    along: 0,
    speed: 0,
    dwell: Math.max(stop, charging),
    chargingKw: charges ? busLimits.chargerKw : 0,
    passengers: state.passengers - off + on,
    // The timetable's stop and, at the end of the line, its slack are taken out again.
    delay: last ? Math.min(state.delay, 0) : state.delay - busLimits.plannedDwell,
  };
}

function drain(charge: number, kwh: number): number {
  return Math.max(0, charge - kwh / busLimits.batteryKwh);
}

/** A stop ahead on this trip, and when it will be there by today's speeds (simulated seconds). */
export interface Arrival {
  readonly stop: string;
  /** From 1, in the present direction. */
  readonly sequence: number;
  readonly inSeconds: number;
}

export function predictArrivals(
  state: BusState,
  line: BusLine,
  flowKmh: (segment: Segment) => number,
): readonly Arrival[] {
  const legs = (state.direction === "out" ? line.out : line.back).slice(state.leg);
  let inSeconds = state.dwell;
  return legs.map((leg, index) => {
    const share = index === 0 ? (leg.metres - state.along) / leg.metres : 1;
    // Speeding up, braking and the stop itself cost about 30 s.
    inSeconds += secondsOn(leg, flowKmh(leg)) * share + (index === 0 ? 10 : 30);
    return { stop: leg.to, sequence: state.leg + index + 1, inSeconds };
  });
}

/** When it will next charge and for how long (simulated seconds), by today's speeds. */
export function planCharge(
  state: BusState,
  line: BusLine,
  flowKmh: (segment: Segment) => number,
): { readonly inSeconds: number; readonly forSeconds: number } {
  if (state.chargingKw > 0) return { inSeconds: 0, forSeconds: state.dwell };
  const legs = (state.direction === "out" ? line.out : line.back).slice(state.leg);
  const seconds = predictArrivals(state, line, flowKmh).at(-1)?.inSeconds ?? 0;
  const metres = legs.reduce((sum, leg) => sum + leg.metres, -state.along);
  const used = (metres / 1000) * busLimits.kwhPerKm + (seconds / 3600) * busLimits.auxiliaryKw;
  const charge = drain(state.charge, used);
  if (charge >= busLimits.chargeBelow) return { inSeconds: seconds, forSeconds: 0 };
  const kwh = (busLimits.chargeTo - charge) * busLimits.batteryKwh;
  return { inSeconds: seconds, forSeconds: (kwh / busLimits.chargerKw) * 3600 };
}

export function placeOfBus(state: BusState, line: BusLine): ReturnType<typeof pointAlong> {
  return pointAlong(legOf(line, state).points, state.along);
}
