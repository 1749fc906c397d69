/**
 * Industry. Sparkplug B comes in as a host application hears it: births name what data carry by
 * alias, deaths make it stale, gaps lead to a new birth. Each metric becomes a DeviceMeasurement,
 * and a machine's metrics together an anomaly score. It writes to no machine but to ask for births.
 */
import type { Sector } from "../sector.ts";
import { AnomalyIndicator } from "./anomaly-indicator.ts";
import { vocabulary } from "./vocabulary.ts";

export const industry: Sector = {
  name: "industry",
  title: "Industry",
  vocabulary,
  template: {
    product: { delivery: "logged", keywords: ["industry", "machine"] },
    terms: {
      price: { amount: "0", currency: "XXX", perMessages: 1 },
      purposes: ["maintenance"],
      noResharing: true,
      lifeSeconds: 365 * 86_400,
    },
  },
  sources: {
    "sparkplug-b": {
      title: "Sparkplug B (ISO/IEC 20237): births, data and deaths of edge nodes",
      ways: ["topic"],
      answersBelow: "spBv1.0/",
      bytesMax: 4_194_304,
      open: async (outside) => {
        const { SparkplugReader } = await import("./sparkplug-source.ts");
        return new SparkplugReader(outside);
      },
    },
  },
  outputs: {},
  indicators: {
    anomaly: {
      title: "How unusual a machine behaves",
      unit: "1",
      formula: "root of the mean of T² over means and log spectral powers of 32 samples; 3: told",
      open: (outside) => new AnomalyIndicator(outside),
    },
  },
};
