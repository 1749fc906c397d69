import { numberIn, setting, textIn, timeIn } from "./actor.ts";
import type { Actor, Settings } from "./actor.ts";

/** Scores a forecast against the flat one: the mean of what was seen until it was made. */
export interface Score {
  /** Now `actual` is true, and `predicted` is foreseen for `lead` milliseconds later. */
  step(at: number, actual: number, predicted: number, lead: number): void;
  /** Mean absolute error of the flat forecast less that of the informed one. */
  errorRemoved(): number;
}

export function forecastScore(): Score {
  const waiting: { due: number; informed: number; flat: number }[] = [];
  let seen = 0;
  let sum = 0;
  let scored = 0;
  let removed = 0;
  return {
    step(at, actual, predicted, lead) {
      while (waiting[0] && waiting[0].due <= at) {
        const { informed, flat } = waiting.shift() as (typeof waiting)[number];
        scored += 1;
        removed += Math.abs(actual - flat) - Math.abs(actual - informed);
      }
      seen += 1;
      sum += actual;
      waiting.push({ due: at + lead, informed: predicted, flat: sum / seen });
    },
    errorRemoved: () => (scored === 0 ? 0 : removed / scored),
  };
}

interface Announced {
  readonly at: number;
  readonly chargingKw: number;
  readonly inSeconds: number;
  readonly forSeconds: number;
}

/**
 * The grid foresees when buses charge. Baseline: a flat forecast at the mean load seen so far.
 * Informed: every bus announces when its next charging begins and how long it takes.
 */
export function chargeForecast(settings: Settings): Actor {
  const lead = setting(settings, "leadSeconds") * 1000;
  const ratedKw = setting(settings, "chargerKw");
  const buses = new Map<string, Announced>();
  const score = forecastScore();
  let scoredAt = 0;

  function foresee(time: number): number {
    let kw = 0;
    for (const { at, inSeconds, forSeconds } of buses.values()) {
      const start = at + inSeconds * 1000;
      if (time >= start && time < start + forSeconds * 1000) kw += ratedKw;
    }
    return kw;
  }

  return {
    own: [],
    hear({ bought, data }) {
      const bus = textIn(data, "bus");
      const at = timeIn(data);
      if (!bought || bus === undefined || at === undefined) return [];
      buses.set(bus, {
        at,
        chargingKw: numberIn(data, "chargingKw") ?? 0,
        inSeconds: numberIn(data, "nextChargeInSeconds") ?? 0,
        forSeconds: numberIn(data, "nextChargeSeconds") ?? 0,
      });
      if (at < scoredAt + 10_000) return [];
      scoredAt = at;
      const actual = [...buses.values()].reduce((sum, { chargingKw }) => sum + chargingKw, 0);
      score.step(at, actual, foresee(at + lead), lead);
      return [];
    },
    outcome: () => ({ value: score.errorRemoved(), unit: "kW less error" }),
  };
}

/**
 * The grid foresees the farm's pumps. Baseline as above; informed: the farm announces what it
 * plans to draw after `leadSeconds`; both in the words of a ThreePhaseAcMeasurement.
 */
export function demandForecast(): Actor {
  const score = forecastScore();
  return {
    own: [],
    hear({ bought, data }) {
      const at = timeIn(data);
      const watts = numberIn(data, "totalActivePower");
      const planned = numberIn(data, "plannedActivePower");
      const lead = numberIn(data, "leadSeconds");
      if (!bought || at === undefined || watts === undefined) return [];
      if (planned !== undefined && lead !== undefined) {
        score.step(at, watts / 1000, planned / 1000, lead * 1000);
      }
      return [];
    },
    outcome: () => ({ value: score.errorRemoved(), unit: "kW less error" }),
  };
}
