/**
 * Agriculture. Uplinks of LoRaWAN probes come in and become AgriParcelRecords, which go out as a
 * context broker takes them. From them and from the weather it is told how fast soil dries and how
 * much water a parcel needs. It opens no valve, and knows no field but what is told of it.
 */
import type { Sector } from "../sector.ts";
import { DryingIndicator } from "./drying-indicator.ts";
import { IrrigationIndicator } from "./irrigation-indicator.ts";
import { LorawanReader } from "./lorawan-source.ts";
import { RecordsComposer } from "./records-output.ts";
import { vocabulary } from "./vocabulary.ts";
import { waterUse } from "./water-use.ts";

const paper56 = "https://www.fao.org/4/x0490e/x0490e00.htm";

export const agriculture: Sector = {
  name: "agriculture",
  title: "Agriculture",
  vocabulary,
  template: {
    product: {
      delivery: "logged",
      keywords: ["agriculture", "soil", "irrigation"],
      units: ["1", "Cel", "mS/cm"],
    },
    terms: {
      price: { amount: "0", currency: "XXX", perMessages: 1 },
      // to the nearest kilometre: whose field it is need not be told with what it measures
      round: { "location.coordinates": 0.01 },
      purposes: ["agriculture"],
      lifeSeconds: 365 * 86_400,
    },
  },
  sources: {
    lorawan: {
      title: "LoRaWAN uplinks of The Things Stack and ChirpStack",
      ways: ["topic"],
      bytesMax: 65_536,
      open: () => new LorawanReader(),
    },
  },
  outputs: {
    "agri-parcel-record": {
      title: "The latest AgriParcelRecord of each device, key-values",
      contentType: "application/json",
      open: () => new RecordsComposer(),
    },
  },
  indicators: {
    "soil-drying": {
      title: "How fast the soil dries",
      unit: "%/d",
      formula: "median of the slopes between all readings since the last wetting (Theil and Sen)",
      open: (outside) => new DryingIndicator(outside),
    },
    "water-use": waterUse,
    irrigation: {
      title: "How much water a parcel needs today",
      unit: "mm",
      formula: "Dr = Dr' − P + Ks·Kc·ET0; where Dr ≥ p·TAW: Dr, else 0 (equations 6, 82–85)",
      source: paper56,
      open: (outside) => new IrrigationIndicator(outside),
    },
  },
};
