import type { FollowedMessage, Indicator, IndicatorOutside } from "../sector.ts";
import { levelOf } from "../sector.ts";
import { type AirQualityObserved, idPrefix, readAirQuality } from "./air-quality-observed.ts";
import { type AirQualityIndex, indexOf, nowCast, nowCastHours, type Particles } from "./aqi.ts";

const hourMs = 3_600_000;
const sensorsMax = 10_000;
const kinds = ["pm25", "pm10"] as const;

interface Mean {
  sum: number;
  count: number;
}

/** One sensor's hours, by their number since the Unix epoch. */
interface Sensor {
  readonly hours: Map<number, Partial<Record<Particles, Mean>>>;
  latest: number;
}

/**
 * The Air Quality Index of each sensor that measures particles outdoors. An hour is the mean of
 * what was measured in it, and counts when a later one has begun.
 */
export class AirQualityIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #sensors = new Map<string, Sensor>();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
  }

  take({ topic, payload }: FollowedMessage): void {
    const observed = readAirQuality(payload);
    if (typeof observed === "string") {
      this.#outside.fault({
        code: "member",
        text: `${topic}: ${observed} is missing or cannot be`,
      });
      return;
    }
    if (observed === undefined || observed.typeofLocation === "indoor") return;
    const measured = kinds.filter((kind) => isConcentration(observed[kind]));
    if (measured.length === 0) return;
    const key = levelOf(observed.id.replace(idPrefix, ""));
    const sensor = this.#sensorOf(key);
    if (sensor === undefined) return;
    this.#add(key, sensor, observed, measured);
  }

  #sensorOf(key: string): Sensor | undefined {
    const known = this.#sensors.get(key);
    if (known !== undefined) return known;
    if (this.#sensors.size >= sensorsMax) {
      this.#outside.fault({ code: "too-many", text: `more than ${sensorsMax} sensors` });
      return undefined;
    }
    const sensor: Sensor = { hours: new Map(), latest: Number.NEGATIVE_INFINITY };
    this.#sensors.set(key, sensor);
    return sensor;
  }

  #add(
    key: string,
    sensor: Sensor,
    observed: AirQualityObserved,
    measured: readonly Particles[],
  ): void {
    const hour = Math.floor(Date.parse(observed.dateObserved) / hourMs);
    if (hour < sensor.latest) {
      this.#outside.fault({ code: "order", text: `${key}: ${observed.dateObserved} came late` });
      return;
    }
    if (hour > sensor.latest) {
      if (sensor.hours.size > 0) this.#tell(key, sensor, hour);
      sensor.latest = hour;
      for (const old of sensor.hours.keys()) {
        if (old < hour - nowCastHours) sensor.hours.delete(old);
      }
      sensor.hours.set(hour, {});
    }
    const means = sensor.hours.get(hour)!;
    for (const kind of measured) {
      const mean = (means[kind] ??= { sum: 0, count: 0 });
      mean.sum += observed[kind]!;
      mean.count++;
    }
  }

  /** At the beginning of an hour: of those before it. */
  #tell(key: string, { hours }: Sensor, hour: number): void {
    const told: { kind: Particles; concentration: number; aqi: AirQualityIndex }[] = [];
    for (const kind of kinds) {
      const means = Array.from({ length: nowCastHours }, (_, ago) => {
        const mean = hours.get(hour - 1 - ago)?.[kind];
        return mean === undefined ? undefined : mean.sum / mean.count;
      });
      const concentration = nowCast(means);
      if (concentration === undefined) continue;
      told.push({ kind, concentration, aqi: indexOf(kind, concentration) });
    }
    const hourEnded = new Date(hour * hourMs).toISOString();
    const worst = told.sort((a, b) => b.aqi.index - a.aqi.index)[0];
    if (worst === undefined) {
      this.#outside.publish(key, { value: null, hourEnded, needs: "two of the last three hours" });
      return;
    }
    this.#outside.publish(key, {
      value: worst.aqi.index,
      category: worst.aqi.category,
      pollutant: worst.kind,
      nowCast: Object.fromEntries(
        told.map(({ kind, concentration }) => [kind, Number(concentration.toFixed(1))]),
      ),
      hourEnded,
    });
  }
}

function isConcentration(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
