import type { Vocabulary } from "../sector.ts";

const device = "https://github.com/smart-data-models/dataModel.Device/tree/master";

export const vocabulary: Vocabulary = {
  version: "1.0.0",
  messages: {
    DeviceMeasurement: {
      title: "One metric of a machine",
      source: `${device}/DeviceMeasurement`,
      required: ["id", "type", "refDevice", "controlledProperty", "dateObserved"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        refDevice: { type: "string", title: "The edge node, or the device behind it" },
        controlledProperty: { type: "string", title: "The metric's name" },
        dateObserved: { type: "string", title: "When it was measured, ISO 8601" },
        numValue: { type: "number" },
        textValue: { type: "string" },
        unit: { type: "string", title: "UCUM where it is known, else as the machine writes it" },
        quality: { type: "string", title: "bad or stale, where it is not good; not of the model" },
        datatype: { type: "string", title: "Sparkplug's name of it; not of the model" },
        isHistorical: { type: "boolean", title: "Stored while offline; not of the model" },
      },
    },
    Device: {
      title: "Whether an edge node or device is there",
      source: `${device}/Device`,
      required: ["id", "type", "deviceState", "dateObserved"],
      members: {
        id: { type: "string" },
        type: { type: "string" },
        deviceState: { type: "string", title: "online or offline" },
        dateObserved: { type: "string", title: "ISO 8601" },
      },
    },
  },
};
