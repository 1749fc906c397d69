import { clamp } from "../random.ts";
import { hoursSince, numberIn, setting, timeIn } from "./actor.ts";
import type { Actor, Settings } from "./actor.ts";

/**
 * The factory follows the grid's carbon intensity: it works ahead in clean hours and waits in
 * dirty ones. Baseline: the same work at an even load. Work that is still owed (or done ahead)
 * is charged at the mean intensity heard so far, so that merely putting off counts for nothing.
 */
export function carbonFollowing(settings: Settings): Actor {
  const baseKw = setting(settings, "baseKw");
  const flexible = setting(settings, "flexibleShare");
  const backlogHours = setting(settings, "backlogHours");
  let last: { at: number; grams: number; kw: number } | undefined;
  let hoursHeard = 0;
  let gramHours = 0;
  let owedKwh = 0;
  let avoidedKg = 0;

  const mean = (now: number): number => (hoursHeard === 0 ? now : gramHours / hoursHeard);

  /** More below the mean, less above it; full swing at a quarter away from it. */
  function loadFor(grams: number): number {
    const wish = clamp((1 - grams / mean(grams)) * 4, -1, 1);
    const limit = baseKw * backlogHours;
    if ((wish < 0 && owedKwh >= limit) || (wish > 0 && owedKwh <= -limit)) return baseKw;
    return baseKw * (1 + flexible * wish);
  }

  return {
    own: [],
    hear({ bought, data }) {
      const at = timeIn(data);
      const grams = numberIn(data, "carbonIntensity");
      if (!bought || at === undefined || grams === undefined) return [];
      if (last) {
        const hours = hoursSince(last.at, at);
        const less = (baseKw - last.kw) * hours;
        owedKwh += less;
        avoidedKg += (less * last.grams) / 1000;
        hoursHeard += hours;
        gramHours += last.grams * hours;
      }
      const kw = loadFor(grams);
      const changed = last === undefined || Math.abs(kw - last.kw) > baseKw * 0.01;
      last = { at, grams, kw };
      return changed ? [{ topic: "desk/load", data: { kw: Math.round(kw) } }] : [];
    },
    outcome() {
      const owedKg = last ? (owedKwh * mean(last.grams)) / 1000 : 0;
      return { value: avoidedKg - owedKg, unit: "kg CO₂ saved" };
    },
  };
}
