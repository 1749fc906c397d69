import { metresBetween } from "../../kernel/place.ts";
import type { Point } from "../simulators/roads.ts";
import { numberIn, setting, textIn } from "./actor.ts";
import type { Actor, Command, Heard, Settings } from "./actor.ts";

/**
 * Buses give way to ambulances. Baseline: an ambulance loses `secondsPerBus` behind each bus it
 * meets. A meeting is counted once, and again only after the two have parted.
 */
export function giveWay(settings: Settings): Actor {
  const near = setting(settings, "nearMetres");
  const secondsPerBus = setting(settings, "secondsPerBus");
  const buses = new Map<string, Point>();
  const meetings = new Set<string>();
  let gainedSeconds = 0;

  function placeIn(data: Heard["data"]): Point | undefined {
    const lat = numberIn(data, "lat");
    const lon = numberIn(data, "lon");
    return lat === undefined || lon === undefined ? undefined : { lat, lon };
  }

  function meet(ambulance: string, place: Point, driving: boolean): Command[] {
    const commands: Command[] = [];
    for (const [bus, at] of buses) {
      const metres = metresBetween(place, at);
      const meeting = `${ambulance} ${bus}`;
      if (metres > 1.5 * near || !driving) meetings.delete(meeting);
      if (metres > near || !driving || meetings.has(meeting)) continue;
      meetings.add(meeting);
      gainedSeconds += secondsPerBus;
      commands.push({ topic: `desk/bus/${bus}`, data: { holdSeconds: 15, for: ambulance } });
    }
    return commands;
  }

  return {
    own: ["bus/+/position"],
    hear({ bought, data }) {
      const place = placeIn(data);
      if (!place) return [];
      if (bought) {
        const ambulance = textIn(data, "ambulance");
        return ambulance === undefined ? [] : meet(ambulance, place, data["driving"] === true);
      }
      const bus = textIn(data, "bus");
      if (bus !== undefined) buses.set(bus, place);
      return [];
    },
    outcome: () => ({ value: gainedSeconds, unit: "s of clear way" }),
  };
}
