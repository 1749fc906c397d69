import { clearSky, type Mounting, onPanel, sunPosition } from "./sun.ts";

/** Power at a time, milliseconds since the Unix epoch; watts. */
export interface PowerReading {
  readonly at: number;
  readonly power: number;
}

/** Learns from what was measured, in the order of time, and says what will be. */
export interface ForecastModel {
  observe(reading: PowerReading): void;
  /** Watts; undefined while it knows too little. */
  predict(at: number): number | undefined;
}

export interface Plant {
  readonly latitude: number;
  readonly longitude: number;
  readonly mounting: Mounting;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;

/** W/m² on the panel below which a ratio would tell the morning's haze and shadows, not the sky. */
const sunlitMin = 50;
const standardIrradiance = 1000;

/**
 * Photovoltaics: the sun's path is known, the sky stays as it was for the last hour (persistence
 * of the clear-sky index), and becomes what it usually is the further ahead one looks. The plant's
 * size is learnt from its best hours.
 */
export class SolarForecast implements ForecastModel {
  readonly #plant: Plant;
  /** Of the last hour, sunlit. */
  #recent: { readonly at: number; readonly measured: number; readonly clear: number }[] = [];
  /** The best of each day: what it gave for each W/m² of a clear sky. */
  readonly #best = new Map<number, number>();
  /** What it usually gives for each W/m² of a clear sky, the last weeks counting most. */
  #usual: number | undefined;

  constructor(plant: Plant) {
    this.#plant = plant;
  }

  observe({ at, power }: PowerReading): void {
    const clear = this.clearSkyIrradiance(at);
    this.#recent = this.#recent.filter((one) => one.at > at - hourMs);
    if (clear < sunlitMin) return;
    const measured = Math.max(0, power);
    this.#recent.push({ at, measured, clear });
    const yieldNow = measured / clear;
    this.#usual ??= yieldNow;
    this.#usual += ((yieldNow - this.#usual) * clear) / usualWeight;
    if (clear < standardIrradiance / 2) return;
    const day = Math.floor(at / dayMs);
    this.#best.set(day, Math.max(this.#best.get(day) ?? 0, measured / clear));
    if (this.#best.size > daysKept) this.#best.delete(Math.min(...this.#best.keys()));
  }

  predict(at: number): number | undefined {
    const clear = this.clearSkyIrradiance(at);
    if (clear <= 0) return 0;
    const usual = this.#usual;
    const [last] = this.#recent.slice(-1);
    if (usual === undefined) return undefined;
    if (last === undefined) return usual * clear;
    const off = this.#yieldNow() - usual;
    return clear * (usual + off * Math.exp(-Math.max(0, at - last.at) / skyMs));
  }

  /** What the plant would give under a clear sky; undefined before its first sunny hour. */
  clearSkyPower(at: number): number | undefined {
    const best = this.#bestYield();
    return best === undefined ? undefined : best * this.clearSkyIrradiance(at);
  }

  /** W/m² on the panel. */
  clearSkyIrradiance(at: number): number {
    const { latitude, longitude, mounting } = this.#plant;
    const sun = sunPosition(at, latitude, longitude);
    return onPanel(clearSky(sun, at), sun, mounting);
  }

  /** Watts for each W/m², over the last hour. */
  #yieldNow(): number {
    const clear = this.#recent.reduce((sum, one) => sum + one.clear, 0);
    return this.#recent.reduce((sum, one) => sum + one.measured, 0) / clear;
  }

  /** The middle one of the days' best: an edge of a cloud brightens for minutes. */
  #bestYield(): number | undefined {
    const sorted = [...this.#best.values()].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }
}

const daysKept = 30;
/** How long a sky lasts. */
const skyMs = 6 * hourMs;
/** In W/m² summed over readings: about ten days of quarters of an hour. */
const usualWeight = 200_000;

/**
 * A load: what the same quarter of an hour of the week brought, recent weeks counting more, and
 * what the last hour was above or below that, fading over some hours.
 */
export class LoadForecast implements ForecastModel {
  readonly #usual = new Map<number, number>();
  #deviation: { readonly at: number; readonly power: number } | undefined;

  observe({ at, power }: PowerReading): void {
    const slot = slotOf(at);
    const before = this.#usual.get(slot);
    if (before !== undefined) {
      const off = power - before;
      const carried = this.#deviationAt(at);
      this.#deviation = { at, power: carried + (off - carried) / 2 };
    }
    this.#usual.set(slot, before === undefined ? power : before + (power - before) * weekWeight);
  }

  predict(at: number): number | undefined {
    const usual = this.#usual.get(slotOf(at));
    return usual === undefined ? undefined : usual + this.#deviationAt(at);
  }

  #deviationAt(at: number): number {
    if (this.#deviation === undefined) return 0;
    return this.#deviation.power * Math.exp(-(at - this.#deviation.at) / deviationMs);
  }
}

const slotMs = 900_000;
const weekWeight = 0.3;
const deviationMs = 3 * hourMs;

function slotOf(at: number): number {
  return Math.floor((((at % weekMs) + weekMs) % weekMs) / slotMs);
}

export interface ForecastError {
  readonly horizonMs: number;
  /** How many forecasts came due. */
  readonly count: number;
  /** Mean absolute error, watts; of the forecast, and of "it stays as it is". */
  readonly meanAbsolute: number;
  readonly persistence: number;
  /** Mean error, watts: above zero, too much was forecast. */
  readonly bias: number;
}

interface Due {
  readonly at: number;
  readonly predicted: number;
  readonly power: number;
}

/** Holds a model against what then came, so that its error is shown beside its forecast. */
export class Backtest {
  readonly model: ForecastModel;
  readonly #horizonsMs: readonly number[];
  readonly #due: Due[][];
  readonly #sums: { count: number; absolute: number; persistence: number; bias: number }[];

  constructor(model: ForecastModel, horizonsMs: readonly number[]) {
    this.model = model;
    this.#horizonsMs = horizonsMs;
    this.#due = horizonsMs.map(() => []);
    this.#sums = horizonsMs.map(() => ({ count: 0, absolute: 0, persistence: 0, bias: 0 }));
  }

  /** In the order of time; a forecast is settled by the first reading at its time or soon after. */
  observe(reading: PowerReading): void {
    for (const [index, due] of this.#due.entries()) this.#settle(due, this.#sums[index]!, reading);
    this.model.observe(reading);
    for (const [index, horizonMs] of this.#horizonsMs.entries()) {
      const at = reading.at + horizonMs;
      const predicted = this.model.predict(at);
      const due = this.#due[index]!;
      if (predicted !== undefined) due.push({ at, predicted, power: reading.power });
      if (due.length > dueMax) due.shift();
    }
  }

  errors(): readonly ForecastError[] {
    return this.#sums.flatMap(({ count, absolute, persistence, bias }, index) => {
      if (count === 0) return [];
      const horizonMs = this.#horizonsMs[index]!;
      const means = [absolute, persistence, bias].map((sum) => sum / count);
      const [meanAbsolute = 0, stays = 0, mean = 0] = means;
      return [{ horizonMs, count, meanAbsolute, persistence: stays, bias: mean }];
    });
  }

  #settle(
    due: Due[],
    sums: { count: number; absolute: number; persistence: number; bias: number },
    { at, power }: PowerReading,
  ): void {
    while (due.length > 0 && due[0]!.at <= at) {
      const { at: dueAt, predicted, power: before } = due.shift()!;
      if (at - dueAt > lateMs) continue;
      sums.count++;
      sums.absolute += Math.abs(predicted - power);
      sums.persistence += Math.abs(before - power);
      sums.bias += predicted - power;
    }
  }
}

/** Devices do not measure to the second. */
const lateMs = 300_000;
/** A day and a half of minutes. */
const dueMax = 2_160;
