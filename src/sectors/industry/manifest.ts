/**
 * Industry. Sparkplug B (ISO/IEC 20237) comes in as to a host application: births, data and deaths
 * become one message a metric, and go out as a birth of all that stands. A machine's metrics tell
 * how unusual it behaves. It writes no output of a machine: all that it commands is that a node
 * sends its births again.
 */
import type { Sector } from "../sector.ts";
import { anomaly } from "./anomaly-indicator.ts";
import { SparkplugComposer } from "./sparkplug-output.ts";
import { SparkplugReader, sparkplugAnswersOn } from "./sparkplug-source.ts";
import { vocabulary } from "./vocabulary.ts";

export const industry: Sector = {
  name: "industry",
  title: "Industry",
  vocabulary,
  template: {
    product: {
      delivery: "logged",
      keywords: ["industry", "machines", "condition monitoring"],
    },
    terms: {
      price: { amount: "0", currency: "XXX", perMessages: 1 },
      // how much a plant makes can be read from its machines: it is for keeping them running alone
      purposes: ["maintenance"],
      noResharing: true,
      lifeSeconds: 365 * 86_400,
    },
  },
  sources: {
    "sparkplug-b": {
      title:
        "Sparkplug B, as a host application: births, data and deaths of edge nodes and devices",
      ways: ["topic"],
      bytesMax: 4_194_304,
      answersOn: sparkplugAnswersOn,
      open: (outside) => new SparkplugReader(outside),
    },
  },
  outputs: {
    "sparkplug-b": {
      title: "Sparkplug B: a birth certificate with the last value of every metric",
      contentType: "application/x-protobuf",
      open: (outside) => new SparkplugComposer(outside),
    },
  },
  indicators: { anomaly },
};
