import type { Vocabulary } from "../sector.ts";

const agrifood = "https://github.com/smart-data-models/dataModel.Agrifood";
const weather = "https://github.com/smart-data-models/dataModel.Weather";

export const vocabulary: Vocabulary = {
  version: "1.0.0",
  messages: {
    AgriParcelRecord: {
      title: "Conditions measured on a parcel",
      source: `${agrifood}/tree/master/AgriParcelRecord`,
      required: ["id", "type", "observedAt"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        observedAt: { type: "string", title: "When it was measured, ISO 8601" },
        hasDevice: { type: "string" },
        hasAgriParcel: { type: "string" },
        location: { type: "object", title: "GeoJSON" },
        soilMoistureVwc: {
          ...{ type: "number", title: "Volumetric water content" },
          ...{ unit: "1", minimum: 0, maximum: 1 },
        },
        soilMoistureEc: { type: "number", unit: "mS/cm", minimum: 0, maximum: 20 },
        soilTemperature: { type: "number", unit: "Cel", minimum: -40, maximum: 80 },
        airTemperature: { type: "number", unit: "Cel", minimum: -60, maximum: 60 },
        leafTemperature: { type: "number", unit: "Cel", minimum: -60, maximum: 80 },
        relativeHumidity: { type: "number", unit: "1", minimum: 0, maximum: 1 },
        leafWetness: { type: "number", unit: "1", minimum: 0, maximum: 1 },
        solarRadiation: { type: "number", unit: "W/m2", minimum: 0, maximum: 1500 },
        atmosphericPressure: { type: "number", unit: "hPa", minimum: 300, maximum: 1100 },
      },
    },
    WeatherObserved: {
      title: "Weather at a station",
      source: `${weather}/tree/master/WeatherObserved`,
      required: ["id", "type", "dateObserved", "location"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        dateObserved: { type: "string", title: "When it was measured, ISO 8601" },
        location: { type: "object", title: "GeoJSON; metres above the sea as third coordinate" },
        temperature: { type: "number", unit: "Cel", minimum: -70, maximum: 70 },
        relativeHumidity: { type: "number", unit: "1", minimum: 0, maximum: 1 },
        windSpeed: { type: "number", unit: "m/s", minimum: 0, maximum: 120 },
        solarRadiation: { type: "number", unit: "W/m2", minimum: 0, maximum: 1500 },
        precipitation: { type: "number", unit: "mm", minimum: 0, maximum: 500 },
      },
    },
    AgriParcel: {
      title: "A parcel with its soil and crop",
      source: `${agrifood}/tree/master/AgriParcel`,
      required: ["id", "type", "location", "soil"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        location: { type: "object", title: "GeoJSON" },
        hasDevices: { type: "array", title: "Ids of the probes that stand in it" },
        soil: { type: "object", title: "Soil and crop in the terms of FAO paper 56" },
      },
    },
  },
};
