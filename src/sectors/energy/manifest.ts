/**
 * Energy. Photovoltaic plants and weather stations come in as PVDAQ's CSV or as JSON in the words
 * of the Smart Data Models, and go out as PVDAQ's CSV. What a plant and a load will be is forecast,
 * with the error the forecasts had until now beside persistence's; and it is told what a plant gave
 * of what the light promised. Chargers of electric vehicles connect by OCPP (`ocpp/`), and are the
 * only thing it ever tells to take less. It knows no plant but what is told of it.
 */
import type { Sector } from "../sector.ts";
import { emissions, energyIntensity, renewableShare } from "./energy-use.ts";
import { loadForecast, pvForecast } from "./forecast-indicator.ts";
import { pvPerformance } from "./performance.ts";
import { PvdaqComposer } from "./pvdaq-output.ts";
import { vocabulary } from "./vocabulary.ts";

export const energy: Sector = {
  name: "energy",
  title: "Energy",
  vocabulary,
  template: {
    product: {
      delivery: "logged",
      keywords: ["energy", "photovoltaics", "load", "charging"],
      units: ["W", "kW", "kW.h", "A", "Cel", "W/m2"],
    },
    terms: {
      price: { amount: "0", currency: "XXX", perMessages: 1 },
      // where a plant stands is needed to a hundredth of a degree, whose roof it is by nobody
      round: { "location.coordinates": 0.01 },
      // when somebody is at home can be read from a load: it is for balancing alone
      purposes: ["energy"],
      lifeSeconds: 365 * 86_400,
    },
  },
  sources: {
    "nrel-pv": {
      title: "PVDAQ's CSV of photovoltaic systems and weather stations, as of NREL's campus",
      ways: ["file", "url", "topic"],
      accept: "text/csv",
      bytesMax: 16_777_216,
      open: async () => new (await import("./pvdaq-source.ts")).PvdaqReader(),
    },
  },
  outputs: {
    "pvdaq-csv": {
      title: "PVDAQ's CSV of what came lately: a row a time and system, a column a channel",
      contentType: "text/csv; charset=utf-8",
      open: () => new PvdaqComposer(),
    },
  },
  indicators: {
    "pv-forecast": pvForecast,
    "load-forecast": loadForecast,
    "pv-performance": pvPerformance,
    "renewable-share": renewableShare,
    "energy-intensity": energyIntensity,
    emissions,
  },
  open: async (door) => (await import("./charging.ts")).openCharging(door),
};
