import { pointAlong } from "./roads.ts";
import type { Point, Roads, Segment } from "./roads.ts";

/** An ambulance waits for a call, drives a route and stays at its end for a while. */
export type AmbulanceState =
  | { readonly phase: "free"; readonly at: string; readonly secondsLeft: number }
  | { readonly phase: "called"; readonly at: string; readonly to: string; readonly waited: number }
  | {
      readonly phase: "driving";
      readonly route: readonly string[];
      readonly leg: number;
      readonly along: number;
      readonly speed: number;
      readonly driven: number;
    };

/** With blue light it passes what stands: half as fast again as traffic, at most 70 km/h. */
export function emergencyKmh(flowKmh: number): number {
  return Math.min(70, 1.5 * flowKmh);
}

export function stepAmbulance(
  state: AmbulanceState,
  roads: Roads,
  dt: number,
  flowKmh: (segment: Segment) => number,
): AmbulanceState {
  if (state.phase === "free") {
    return { ...state, secondsLeft: Math.max(0, state.secondsLeft - dt) };
  }
  if (state.phase === "called") return { ...state, waited: state.waited + dt };
  let { leg, along, speed } = state;
  let left = dt;
  while (left > 0) {
    const segment = roads.segments.get(state.route[leg] ?? "");
    if (!segment) {
      return { phase: "free", at: endOf(state.route, roads), secondsLeft: 240 };
    }
    // It gains 2 m/s² at most; slowing down for traffic is as quick as it must be.
    speed = Math.min(emergencyKmh(flowKmh(segment)) / 3.6, speed + 2 * left);
    const here = Math.min(left, (segment.metres - along) / Math.max(speed, 0.5));
    along += speed * here;
    left -= Math.max(here, 0.01);
    if (along >= segment.metres - 0.5) {
      leg += 1;
      along = 0;
    }
  }
  return { ...state, leg, along, speed, driven: state.driven + dt };
}

function endOf(route: readonly string[], roads: Roads): string {
  const last = roads.segments.get(route.at(-1) ?? "");
  if (!last) throw new RangeError("a route has at least one segment of the network");
  return last.to;
}

export function placeOfAmbulance(
  state: AmbulanceState,
  roads: Roads,
): Point & { readonly bearing: number } {
  if (state.phase === "driving") {
    const segment = roads.segments.get(state.route[state.leg] ?? state.route.at(-1) ?? "");
    if (segment) return pointAlong(segment.points, state.along);
  }
  const at = state.phase === "driving" ? endOf(state.route, roads) : state.at;
  return { ...(roads.junctions.get(at) as Point), bearing: 0 };
}
