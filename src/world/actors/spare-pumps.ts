import { vibrationLimits } from "../simulators/pump.ts";
import { numberIn, setting, textIn, timeIn } from "./actor.ts";
import type { Actor, Command, Settings } from "./actor.ts";

interface Sample {
  readonly hours: number;
  readonly vibration: number;
}

/** Least squares over the samples: when the line reaches `limit`, undefined where it never does. */
export function hoursUntil(samples: readonly Sample[], limit: number): number | undefined {
  const count = samples.length;
  const now = samples.at(-1);
  if (count < 8 || !now) return undefined;
  const meanX = samples.reduce((sum, s) => sum + s.hours, 0) / count;
  const meanY = samples.reduce((sum, s) => sum + s.vibration, 0) / count;
  let covariance = 0;
  let variance = 0;
  for (const { hours, vibration } of samples) {
    covariance += (hours - meanX) * (vibration - meanY);
    variance += (hours - meanX) ** 2;
  }
  if (variance === 0 || covariance <= 0) return undefined;
  const slope = covariance / variance;
  const level = meanY + slope * (now.hours - meanX);
  return Math.max(0, (limit - level) / slope);
}

/**
 * The farm changes to a spare pump before the bearing fails, by the DeviceMeasurements of each.
 * Baseline: it runs until it trips and stands for an unplanned repair. A change counts only once
 * the pump really trips, and only when the farm had switched at least the time a changeover needs
 * before it.
 */
export function sparePumps(settings: Settings): Actor {
  const horizonHours = setting(settings, "horizonHours");
  const changeoverHours = setting(settings, "changeoverHours");
  const unplannedHours = setting(settings, "unplannedHours");
  const pumps = new Map<string, { samples: Sample[]; switchedAt?: number; tripped: boolean }>();
  let avoidedHours = 0;

  function trip(pump: { switchedAt?: number; tripped: boolean }, hours: number): void {
    const early = pump.switchedAt !== undefined && hours - pump.switchedAt >= changeoverHours;
    if (early) avoidedHours += unplannedHours - changeoverHours;
    delete pump.switchedAt;
  }

  return {
    own: [],
    hear({ bought, data }): Command[] {
      const id = textIn(data, "refDevice");
      const at = timeIn(data);
      if (!bought || id === undefined || at === undefined) return [];
      const hours = at / 3_600_000;
      const pump = pumps.get(id) ?? { samples: [], tripped: false };
      pumps.set(id, pump);
      const measured = textIn(data, "controlledProperty");
      if (measured === "Tripped") {
        const tripped = textIn(data, "textValue") === "true";
        if (tripped && !pump.tripped) trip(pump, hours);
        if (tripped !== pump.tripped) pump.samples = [];
        pump.tripped = tripped;
      }
      const vibration = numberIn(data, "numValue");
      if (measured !== "Vibration" || vibration === undefined || pump.tripped) return [];
      pump.samples.push({ hours, vibration });
      if (pump.samples.length > 60) pump.samples.shift();
      if (pump.switchedAt !== undefined || vibration < vibrationLimits.alarm) return [];
      const left = hoursUntil(pump.samples, vibrationLimits.trip);
      if (left === undefined || left > horizonHours) return [];
      pump.switchedAt = hours;
      return [{ topic: "desk/standby", data: { device: id, hoursLeft: Math.round(left) } }];
    },
    outcome: () => ({ value: avoidedHours, unit: "h kept running" }),
  };
}
