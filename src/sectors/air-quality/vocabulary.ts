import type { Vocabulary } from "../sector.ts";

const environment = "https://github.com/smart-data-models/dataModel.Environment";

export const vocabulary: Vocabulary = {
  version: "1.0.0",
  messages: {
    AirQualityObserved: {
      title: "What one sensor found in the air",
      source: `${environment}/tree/master/AirQualityObserved`,
      required: ["id", "type", "dateObserved", "location"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        dateObserved: { type: "string", title: "When it was measured, ISO 8601" },
        location: { type: "object", title: "GeoJSON; metres above the sea as third coordinate" },
        typeofLocation: { type: "string", title: "indoor or outdoor" },
        refDevice: { type: "string" },
        pm1: { type: "number", unit: "ug/m3", minimum: 0, maximum: 10_000 },
        pm25: { type: "number", unit: "ug/m3", minimum: 0, maximum: 10_000 },
        pm10: { type: "number", unit: "ug/m3", minimum: 0, maximum: 10_000 },
        o3: { type: "number", unit: "ug/m3", minimum: 0, maximum: 5_000 },
        temperature: { type: "number", unit: "Cel", minimum: -70, maximum: 70 },
        relativeHumidity: { type: "number", unit: "1", minimum: 0, maximum: 1 },
        atmosphericPressure: {
          ...{ type: "number", title: "As WeatherObserved has it; not of the model" },
          ...{ unit: "hPa", minimum: 300, maximum: 1100 },
        },
        sensorType: { type: "string", title: "As SDS011; not of the model" },
      },
    },
  },
};
