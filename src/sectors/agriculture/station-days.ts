import type { Humidity, Sun } from "./evapotranspiration.ts";
import { type Evapotranspiration, referenceEvapotranspiration } from "./evapotranspiration.ts";

/** One reading of a weather station: WeatherObserved of the Smart Data Models, read. */
export interface WeatherReading {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly latitude: number;
  readonly longitude: number;
  /** Metres; 0 where the station does not say. */
  readonly elevation: number;
  /** Celsius. */
  readonly temperature: number;
  /** 0 to 1. */
  readonly relativeHumidity: number;
  /** m/s, at two metres. */
  readonly windSpeed?: number;
  /** W/m². */
  readonly solarRadiation: number;
  /** mm since the reading before. */
  readonly precipitation?: number;
}

/** A whole day at a station. */
export interface StationDay {
  /** `2026-07-06`, by the sun where the station stands. */
  readonly day: string;
  readonly weather: Evapotranspiration;
  /** mm. */
  readonly rain: number;
  readonly readings: number;
  /** Share of the day's hours in which something was read. */
  readonly hours: number;
}

interface Gathered {
  readonly day: number;
  readonly readings: WeatherReading[];
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const readingsMax = 2_880;
/** The paper's advice where the wind is not measured: 2 m/s. */
const windWhereUnknown = 2;
/** A day of which less was read is no day. */
const hoursMin = 20;
/** MJ/m² a day for each W/m² of mean. */
const megajoules = 0.0864;

/** Gathers a station's readings into days. */
export class StationDays {
  #gathered: Gathered | undefined;

  /** Undefined until a day is over; "incomplete" for one of which too little was read. */
  take(reading: WeatherReading): StationDay | "incomplete" | undefined {
    const day = Math.floor((reading.at + sunOffsetMs(reading)) / dayMs);
    const before = this.#gathered;
    if (before !== undefined && day < before.day) return undefined;
    if (before?.day === day) {
      if (before.readings.length < readingsMax) before.readings.push(reading);
      return undefined;
    }
    this.#gathered = { day, readings: [reading] };
    return before === undefined ? undefined : dayOf(before);
  }
}

/** The sun is at its height at twelve. */
function sunOffsetMs({ longitude }: WeatherReading): number {
  return (longitude / 360) * dayMs;
}

function dayOf({ day, readings }: Gathered): StationDay | "incomplete" {
  const hours = new Set(readings.map(({ at }) => Math.floor(at / hourMs))).size;
  const last = readings.at(-1);
  if (hours < hoursMin || last === undefined) return "incomplete";
  const temperatures = readings.map(({ temperature }) => temperature);
  const humidities = readings.map(({ relativeHumidity }) => relativeHumidity * 100);
  const humidity: Humidity = { max: Math.max(...humidities), min: Math.min(...humidities) };
  const sun: Sun = {
    radiation: megajoules * meanOf(readings.map(({ solarRadiation }) => solarRadiation)),
  };
  const winds = readings.flatMap(({ windSpeed }) => windSpeed ?? []);
  const start = new Date(day * dayMs);
  const weather = referenceEvapotranspiration(
    {
      temperatureMin: Math.min(...temperatures),
      temperatureMax: Math.max(...temperatures),
      humidity,
      sun,
      windSpeed: winds.length === 0 ? windWhereUnknown : meanOf(winds),
    },
    last,
    dayOfYear(start),
  );
  const rain = readings.reduce((sum, { precipitation = 0 }) => sum + precipitation, 0);
  const name = start.toISOString().slice(0, 10);
  return { day: name, weather, rain, readings: readings.length, hours: Math.min(1, hours / 24) };
}

function dayOfYear(day: Date): number {
  return 1 + Math.floor((day.getTime() - Date.UTC(day.getUTCFullYear(), 0, 1)) / dayMs);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
