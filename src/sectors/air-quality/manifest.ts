/**
 * Air quality. Measurements of Sensor.Community come in as AirQualityObserved and go out as that
 * network's maps and tools read them; from the particles and the ozone of the last hours the Air
 * Quality Index of now is told for each sensor. It corrects no sensor, and says nothing of what
 * nobody measured.
 */
import type { Sector } from "../sector.ts";
import { AirQualityIndicator } from "./aqi-indicator.ts";
import { fineParticles } from "./fine-particles.ts";
import { SensorCommunityComposer } from "./sensor-community-output.ts";
import { SensorCommunityReader } from "./sensor-community-source.ts";
import { vocabulary } from "./vocabulary.ts";

const json = "application/json";

export const airQuality: Sector = {
  name: "air-quality",
  title: "Air quality",
  vocabulary,
  template: {
    product: {
      delivery: "logged",
      keywords: ["air quality", "particulate matter"],
      units: ["ug/m3", "Cel", "1", "hPa"],
    },
    terms: {
      price: { amount: "0", currency: "XXX", perMessages: 1 },
      // sensors hang at people's windows: the street is enough
      round: { "location.coordinates": 0.01 },
      lifeSeconds: 365 * 86_400,
    },
  },
  sources: {
    "sensor-community": {
      title: "Sensor.Community (formerly Luftdaten.info): measurements as its API tells them",
      ways: ["url", "file", "topic"],
      accept: json,
      bytesMax: 33_554_432,
      open: (outside) => new SensorCommunityReader(outside),
    },
  },
  outputs: {
    "sensor-community": {
      title: "The latest measurement of each sensor, as Sensor.Community's API tells it",
      contentType: json,
      open: () => new SensorCommunityComposer(),
    },
  },
  indicators: {
    aqi: {
      title: "Air Quality Index of now, of particles and ozone",
      unit: "{AQI}",
      formula:
        "the highest by the 2024 breakpoints: NowCast of 12 hours' means of PM2.5 and of PM10, " +
        "mean of 8 hours of ozone or its last hour",
      source:
        "https://www.ecfr.gov/current/title-40/part-58/appendix-Appendix%20G%20to%20Part%2058",
      open: (outside) => new AirQualityIndicator(outside),
    },
    "fine-particles": fineParticles,
  },
};
