import { messageIn } from "../message.ts";
import type { FollowedMessage, Indicator, IndicatorKind, IndicatorOutside } from "../sector.ts";
import { levelOf } from "../sector.ts";
import { type DescribedPlant, type ObservedPower, readPhotovoltaic } from "./observed.ts";
import { Plants } from "./plants.ts";
import { clearSky, onPanel, sunPosition } from "./sun.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** What was not measured for longer is not filled up. */
const gapMsMax = hourMs;
const plantsMax = 1_000;
const daysKept = 7;
/** W/m² under standard test conditions. */
const standardIrradiance = 1000;
const aheadMsMax = 60_000;

export const pvPerformance: IndicatorKind = {
  title: "What a photovoltaic plant gave of what its size and the light promise, by day",
  unit: "1",
  formula:
    "performance ratio (IEC 61724-1) = energy / (nominal power × insolation on the panels / " +
    "1 kW/m²) of the last whole day; clearSkyRatio: the same with the insolation of a clear sky",
  source: "https://webstore.iec.ch/en/publication/65561",
  open: (outside) => new PerformanceIndicator(outside),
};

/** Sums of one day, watt hours (for each m²). A reading stands for the time since the one before. */
interface Day {
  /** Days since the Unix epoch, by the sun's mean time at the plant. */
  readonly number: number;
  energy: number;
  clearSky: number;
  /** Of the readings alone that came with an irradiance. */
  energyMeasured: number;
  insolation: number;
  readings: number;
}

interface Followed {
  lastAt: number | undefined;
  today: Day | undefined;
  /** The oldest first. */
  days: Day[];
  changed: boolean;
}

class PerformanceIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #plants: Plants;
  /** The longest unheard of first. */
  readonly #followed = new Map<string, Followed>();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
    this.#plants = new Plants(outside, (id) => this.#followed.delete(id));
  }

  take({ payload }: FollowedMessage): void {
    const said = messageIn(payload);
    if (said === undefined || this.#plants.take(said)) return;
    const reading = readPhotovoltaic(said);
    if (reading === undefined) return;
    if (typeof reading === "string") {
      this.#outside.fault({ code: "value", text: `${String(said["id"])}: ${reading}` });
      return;
    }
    const plant = this.#plants.need(reading.id);
    if (plant?.nominalPower === undefined) {
      if (plant) this.#outside.fault({ code: "plant", text: `${plant.id} tells no NominalPower` });
      return;
    }
    const followed = this.#followedOf(reading);
    if (followed !== undefined) count(followed, plant, reading);
  }

  beat(): void {
    for (const [id, followed] of this.#followed) {
      const nominalPower = this.#plants.need(id)?.nominalPower;
      if (!followed.changed || nominalPower === undefined) continue;
      followed.changed = false;
      const days = followed.days.map((day) => figuresOf(day, nominalPower));
      const last = days.at(-1);
      this.#outside.publish(levelOf(id), {
        value: last?.performanceRatio ?? null,
        clearSkyRatio: last?.clearSkyRatio ?? null,
        ...{ plant: id, nominalPower, days },
        asOf: new Date(followed.lastAt!).toISOString(),
      });
    }
  }

  /** Undefined where the reading is out of time. */
  #followedOf({ id, at }: ObservedPower): Followed | undefined {
    const followed = this.#followed.get(id) ?? {
      ...{ lastAt: undefined, today: undefined, days: [], changed: false },
    };
    const isBack = followed.lastAt !== undefined && at <= followed.lastAt;
    if (isBack || at > this.#outside.clock.now() + aheadMsMax) {
      const text = `${id} ${isBack ? "goes back" : "is ahead"}: ${new Date(at).toISOString()}`;
      this.#outside.fault({ code: "clock", text });
      return undefined;
    }
    this.#followed.delete(id);
    this.#followed.set(id, followed);
    if (this.#followed.size > plantsMax) {
      this.#followed.delete(this.#followed.keys().next().value!);
    }
    return followed;
  }
}

function count(followed: Followed, plant: DescribedPlant, reading: ObservedPower): void {
  const { at, power, irradiance } = reading;
  const { latitude, longitude, mounting } = plant;
  const number = Math.floor((at + (longitude / 15) * hourMs) / dayMs);
  if (followed.today?.number !== number) {
    if (followed.today !== undefined) {
      followed.days = [...followed.days, followed.today].slice(-daysKept);
      followed.changed = true;
    }
    followed.today = {
      ...{ number, energy: 0, clearSky: 0, energyMeasured: 0, insolation: 0, readings: 0 },
    };
  }
  const { today } = followed;
  const passed = at - (followed.lastAt ?? -Infinity);
  followed.lastAt = at;
  today.readings++;
  if (passed > gapMsMax) return;
  const hours = passed / hourMs;
  const given = Math.max(0, power) * hours;
  const sun = sunPosition(at, latitude, longitude);
  today.energy += given;
  today.clearSky += onPanel(clearSky(sun, at), sun, mounting) * hours;
  if (irradiance === undefined) return;
  today.energyMeasured += given;
  today.insolation += Math.max(0, irradiance) * hours;
}

function figuresOf(day: Day, nominalPower: number) {
  return {
    date: new Date(day.number * dayMs).toISOString().slice(0, 10),
    performanceRatio: ratio(day.energyMeasured, day.insolation, nominalPower),
    clearSkyRatio: ratio(day.energy, day.clearSky, nominalPower),
    ...{ energyWh: Math.round(day.energy), insolationWhPerM2: Math.round(day.insolation) },
    readings: day.readings,
  };
}

/** Null where there was no light to speak of: 100 Wh/m² is the darkest of winter days. */
function ratio(energyWh: number, insolation: number, nominalPower: number): number | null {
  if (insolation < 100) return null;
  const promised = (nominalPower * insolation) / standardIrradiance;
  return Math.round((energyWh / promised) * 10_000) / 10_000;
}
