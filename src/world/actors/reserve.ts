import { numberIn, setting, textIn } from "./actor.ts";
import type { Actor, Settings } from "./actor.ts";

/**
 * The grid plans with your computer's real load. Baseline: its nameplate, day and night. The
 * draw is an estimate, idle power and a part that grows with the load; the reading is real.
 */
export function reserve(settings: Settings): Actor {
  const nameplate = setting(settings, "nameplateWatts");
  const idle = setting(settings, "idleWatts");
  let count = 0;
  let watts = 0;
  return {
    own: [],
    hear({ bought, data }) {
      const load = numberIn(data, "numValue");
      const measured = textIn(data, "controlledProperty");
      if (!bought || measured !== "load" || load === undefined) return [];
      count += 1;
      watts += idle + (nameplate - idle) * load;
      return [];
    },
    outcome: () => ({
      value: count === 0 ? 0 : nameplate - watts / count,
      unit: "W freed",
    }),
  };
}
