import { messageIn } from "../message.ts";
import { numberIn } from "./lorawan.ts";
import type { WeatherReading } from "./station-days.ts";

/** A station's reading, with the station's id. */
export interface ObservedWeather extends WeatherReading {
  readonly station: string;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * WeatherObserved of the Smart Data Models (dataModel.Weather), key-values, with what
 * evapotranspiration needs; undefined where the message is none, or a name of what is missing.
 */
export function readWeather(payload: Uint8Array): ObservedWeather | string | undefined {
  const message = messageIn(payload);
  if (message?.["type"] !== "WeatherObserved") return undefined;
  const at = Date.parse(String(message["dateObserved"]));
  const place = placeOf(message["location"]);
  const temperature = numberIn(message["temperature"]);
  const relativeHumidity = numberIn(message["relativeHumidity"]);
  const solarRadiation = numberIn(message["solarRadiation"]);
  if (typeof message["id"] !== "string") return "id";
  if (Number.isNaN(at)) return "dateObserved";
  if (place === undefined) return "location";
  if (temperature === undefined || Math.abs(temperature) > 70) return "temperature";
  if (relativeHumidity === undefined || relativeHumidity < 0 || relativeHumidity > 1.01) {
    return "relativeHumidity";
  }
  // an instrument at night reads a little below zero
  if (solarRadiation === undefined || solarRadiation < -20) return "solarRadiation";
  const windSpeed = numberIn(message["windSpeed"]);
  const precipitation = numberIn(message["precipitation"]);
  return {
    station: message["id"],
    ...{ at, ...place, temperature, relativeHumidity: Math.min(1, relativeHumidity) },
    solarRadiation: Math.max(0, solarRadiation),
    ...(windSpeed === undefined || windSpeed < 0 ? {} : { windSpeed }),
    ...(precipitation === undefined || precipitation < 0 ? {} : { precipitation }),
  };
}

/** GeoJSON: longitude, latitude, and metres above the sea where they are told. */
export function placeOf(
  location: unknown,
):
  | { readonly latitude: number; readonly longitude: number; readonly elevation: number }
  | undefined {
  const coordinates = (location as Members | undefined)?.["coordinates"];
  if (!Array.isArray(coordinates)) return undefined;
  const [longitude, latitude, elevation = 0] = coordinates.map(numberIn);
  if (latitude === undefined || longitude === undefined) return undefined;
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return undefined;
  return { latitude, longitude, elevation };
}
