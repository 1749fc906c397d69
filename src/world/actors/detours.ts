import { emergencyKmh } from "../simulators/ambulance.ts";
import { quickestWay, secondsOn } from "../simulators/roads.ts";
import type { Roads, Segment } from "../simulators/roads.ts";
import { numberIn, textIn } from "./actor.ts";
import type { Actor, Command } from "./actor.ts";

/**
 * Ambulances route round congestion. Baseline: the quickest way on empty roads, which is what a
 * map without traffic gives. Both ways are timed with the speeds the buses measured, a
 * TrafficFlowObserved for each street.
 */
export function detours(roads: Roads): Actor {
  const measured = new Map<string, number>();
  let savedSeconds = 0;

  const kmhNow = (segment: Segment): number =>
    emergencyKmh(measured.get(segment.id) ?? segment.freeKmh);

  function secondsFor(ids: readonly string[]): number {
    let seconds = 0;
    for (const id of ids) {
      const segment = roads.segments.get(id);
      if (segment) seconds += secondsOn(segment, kmhNow(segment));
    }
    return seconds;
  }

  function answer(ambulance: string, from: string, to: string): Command[] {
    const usual = quickestWay(roads, from, to, (segment) => emergencyKmh(segment.freeKmh));
    const best = quickestWay(roads, from, to, kmhNow);
    if (!usual || !best || best.segments.length === 0) return [];
    savedSeconds += Math.max(0, secondsFor(usual.segments) - best.seconds);
    return [{ topic: `desk/ambulance/${ambulance}`, data: { from, to, route: best.segments } }];
  }

  return {
    own: ["ambulance/+/call"],
    hear({ bought, data }) {
      if (bought) {
        const segment = textIn(data, "id");
        const kmh = numberIn(data, "averageVehicleSpeed");
        if (segment !== undefined && kmh !== undefined && kmh > 0) measured.set(segment, kmh);
        return [];
      }
      const ambulance = textIn(data, "ambulance");
      const from = textIn(data, "from");
      const to = textIn(data, "to");
      if (ambulance === undefined || from === undefined || to === undefined) return [];
      return answer(ambulance, from, to);
    },
    outcome: () => ({ value: savedSeconds / 60, unit: "min saved" }),
  };
}
