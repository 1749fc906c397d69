import { metresBetween } from "../../kernel/place.ts";
import { objectAt } from "../../kernel/json-object.ts";
import type { Point } from "../simulators/roads.ts";
import { numberIn, setting, textIn } from "./actor.ts";
import type { Actor, Command, Heard, Settings } from "./actor.ts";

/** Slower, an ambulance stands. */
const drivingKmh = 1;

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

  /** Of a FleetVehicleStatus. */
  function placeIn(data: Heard["data"]): Point | undefined {
    const { coordinates } = objectAt(data["location"]);
    const [lon, lat] = Array.isArray(coordinates) ? (coordinates as unknown[]) : [];
    return typeof lat === "number" && typeof lon === "number" ? { lat, lon } : undefined;
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
    own: ["transit/vehicles/+/+"],
    hear({ bought, data }) {
      const place = placeIn(data);
      const id = textIn(data, "id");
      if (!place || id === undefined) return [];
      if (bought) {
        const driving = (numberIn(data, "speed") ?? 0) > drivingKmh;
        return meet(id, place, driving);
      }
      buses.set(id, place);
      return [];
    },
    outcome: () => ({ value: gainedSeconds, unit: "s of clear way" }),
  };
}
