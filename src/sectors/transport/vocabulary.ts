import type { Vocabulary } from "../sector.ts";

const smartDataModels = "https://github.com/smart-data-models";

/** What messages of transport look like. */
export const vocabulary: Vocabulary = {
  version: "1.0.0",
  messages: {
    FleetVehicleStatus: {
      title: "Where a vehicle is, and how it moves",
      source: `${smartDataModels}/dataModel.Transportation/tree/master/FleetVehicleStatus`,
      required: ["id", "type", "location", "lastKnownPositionUpdatedAt"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        name: { type: "string", title: "What passengers read on it" },
        location: { type: "object", title: "GeoJSON Point" },
        lastKnownPositionUpdatedAt: { type: "string", title: "ISO 8601, UTC" },
        bearing: { type: "number", unit: "deg", minimum: 0, maximum: 360 },
        speed: { type: "number", unit: "km/h", minimum: 0, maximum: 600 },
        mileageFromOdometer: { type: "number", unit: "km", minimum: 0 },
        vehiclePlateIdentifier: { type: "string" },
        gtfs: { type: "object", title: "VehiclePosition's members, as in GTFS-Realtime" },
      },
    },
    TrafficFlowObserved: {
      title: "How traffic flows past a detector or over a stretch of road",
      source: `${smartDataModels}/dataModel.Transportation/tree/master/TrafficFlowObserved`,
      required: ["id", "type", "dateObserved"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        dateObserved: { type: "string", title: "ISO 8601, UTC" },
        averageVehicleSpeed: { type: "number", unit: "km/h", minimum: 0, maximum: 330 },
        occupancy: { type: "number", unit: "1", minimum: 0, maximum: 1 },
        travelTime: { type: "number", unit: "s", minimum: 0, title: "Not of the model" },
      },
    },
    TripUpdate: {
      title: "Predicted times of a trip at its stops",
      source: "https://gtfs.org/documentation/realtime/reference/#message-tripupdate",
      required: ["id", "type", "trip", "stopTimeUpdate"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        trip: { type: "object" },
        vehicle: { type: "object" },
        stopTimeUpdate: { type: "array" },
        timestamp: { type: "number", unit: "s", title: "POSIX time" },
        delay: { type: "number", unit: "s" },
      },
    },
    Alert: {
      title: "A disruption that passengers are told of",
      source: "https://gtfs.org/documentation/realtime/reference/#message-alert",
      required: ["id", "type", "informedEntity"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        informedEntity: { type: "array" },
        activePeriod: { type: "array" },
        cause: { type: "string" },
        effect: { type: "string" },
        headerText: { type: "object" },
        descriptionText: { type: "object" },
        severityLevel: { type: "string" },
      },
    },
  },
};
