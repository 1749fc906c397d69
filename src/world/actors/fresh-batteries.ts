import { objectAt } from "../../kernel/json-object.ts";
import { numberIn, setting, textIn, timeIn } from "./actor.ts";
import type { Actor, Settings } from "./actor.ts";

/**
 * The maker sends a battery before a monitor runs low; it sees the battery, as an Observation of a
 * monitor under a pseudonym, and never the patient. Baseline: the monitor's own alarm at
 * `lowPercent`, which gives no warning at all. The hours of warning count once that alarm would
 * have rung.
 */
export function freshBatteries(settings: Settings): Actor {
  const lowPercent = setting(settings, "lowPercent");
  const leadHours = setting(settings, "leadHours");
  interface Monitor {
    readonly since: number;
    readonly percent: number;
    sentAt?: number;
    low: boolean;
  }
  const monitors = new Map<string, Monitor>();
  let warnedHours = 0;

  return {
    own: [],
    hear({ bought, data }) {
      const id = textIn(objectAt(data["subject"]), "reference");
      const at = timeIn(data);
      const percent = numberIn(objectAt(data["valueQuantity"]), "value");
      if (!bought || id === undefined || at === undefined || percent === undefined) return [];
      const known = monitors.get(id);
      const hours = at / 3_600_000;
      // A charge that rises is a fresh battery: its line starts anew.
      if (!known || percent > known.percent + 5) {
        monitors.set(id, { since: hours, percent, low: percent <= lowPercent });
        return [];
      }
      if (!known.low && percent <= lowPercent) {
        known.low = true;
        if (known.sentAt !== undefined) warnedHours += hours - known.sentAt;
      }
      const used = known.percent - percent;
      if (known.low || known.sentAt !== undefined || used < 0.5) return [];
      const left = ((percent - lowPercent) / used) * (hours - known.since);
      if (left > leadHours) return [];
      known.sentAt = hours;
      return [
        { topic: "desk/parcel", data: { monitor: id, hoursLeft: Math.round(left * 10) / 10 } },
      ];
    },
    outcome: () => ({ value: warnedHours, unit: "h of warning" }),
  };
}
