import type { FollowedMessage, Indicator, IndicatorOutside } from "../sector.ts";
import { levelOf } from "../sector.ts";
import { type AirQualityObserved, idPrefix, readAirQuality } from "./air-quality-observed.ts";
import { type AirQualityIndex, indexOf, nowCast, nowCastHours } from "./aqi.ts";
import { ozoneIndex, type Pollutant } from "./aqi.ts";

const hourMs = 3_600_000;
const sensorsMax = 10_000;
const particles = ["pm25", "pm10"] as const;
const kinds = [...particles, "o3"] as const;

interface Mean {
  sum: number;
  count: number;
}

/** One sensor's hours, by their number since the Unix epoch. */
interface Sensor {
  readonly hours: Map<number, Partial<Record<Pollutant, Mean>>>;
  latest: number;
}

/**
 * The Air Quality Index of each sensor that measures particles or ozone outdoors. An hour is the
 * mean of what was measured in it, and counts when a later one has begun.
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
    measured: readonly Pollutant[],
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
    const told: { readonly kind: Pollutant; readonly aqi: AirQualityIndex }[] = [];
    const nowCasts: Partial<Record<Pollutant, number>> = {};
    const meansOf = (kind: Pollutant): (number | undefined)[] =>
      Array.from({ length: nowCastHours }, (_, ago) => {
        const mean = hours.get(hour - 1 - ago)?.[kind];
        return mean === undefined ? undefined : mean.sum / mean.count;
      });
    for (const kind of particles) {
      const concentration = nowCast(meansOf(kind));
      const aqi = concentration === undefined ? undefined : indexOf(kind, concentration);
      if (concentration === undefined || aqi === undefined) continue;
      nowCasts[kind] = Number(concentration.toFixed(1));
      told.push({ kind, aqi });
    }
    const ozone = ozoneIndex(meansOf("o3"));
    if (ozone !== undefined) told.push({ kind: "o3", aqi: ozone });
    const hourEnded = new Date(hour * hourMs).toISOString();
    const worst = told.sort((a, b) => b.aqi.index - a.aqi.index)[0];
    if (worst === undefined) {
      this.#outside.publish(key, {
        value: null,
        hourEnded,
        needs: "two of the last three hours, or six of eight of ozone",
      });
      return;
    }
    this.#outside.publish(key, {
      value: worst.aqi.index,
      category: worst.aqi.category,
      pollutant: worst.kind,
      nowCast: nowCasts,
      ...(ozone?.eightHours !== undefined && { ozone: Number(ozone.eightHours.toFixed(3)) }),
      hourEnded,
    });
  }
}

function isConcentration(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
