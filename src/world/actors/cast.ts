import { ComityError } from "../../kernel/errors.ts";
import type { Roads } from "../simulators/roads.ts";
import type { Actor, Settings } from "./actor.ts";
import { carbonFollowing } from "./carbon-following.ts";
import { detours } from "./detours.ts";
import { chargeForecast, demandForecast } from "./forecasting.ts";
import { freshBatteries } from "./fresh-batteries.ts";
import { giveWay } from "./give-way.ts";
import { reserve } from "./reserve.ts";
import { sparePumps } from "./spare-pumps.ts";
import { sunPumping } from "./sun-pumping.ts";

/** Who can act in a world, by the name its YAML uses. */
export function createActor(name: string, settings: Settings, roads: Roads): Actor {
  switch (name) {
    case "sun-pumping":
      return sunPumping(settings);
    case "detours":
      return detours(roads);
    case "carbon-following":
      return carbonFollowing(settings);
    case "charge-forecast":
      return chargeForecast(settings);
    case "demand-forecast":
      return demandForecast();
    case "spare-pumps":
      return sparePumps(settings);
    case "give-way":
      return giveWay(settings);
    case "fresh-batteries":
      return freshBatteries(settings);
    case "reserve":
      return reserve(settings);
    default:
      throw new ComityError("CONFIG_INVALID", { problem: `no actor is called "${name}"` });
  }
}
