import { catalogueDatasets, missingDataset } from "./script.ts";
import { consumerNegotiations, consumerTransfers } from "./script.ts";
import { providerNegotiations, providerTransfers } from "./script.ts";

/** Who the kit says it is. */
export const kitParticipant = "TCK_PARTICIPANT";

export interface KitSettings {
  /** The connector under test: its participant id, its base URL, and where DSP stands on it. */
  readonly participant: string;
  readonly baseUrl: string;
  readonly dspUrl: string;
  /** Where the kit asks for a negotiation or a transfer to be begun. */
  readonly hooksUrl: string;
  /** Where the kit takes messages. */
  readonly kitPort: number;
  /** The id of the offer that the catalogue makes for a dataset. */
  readonly offerOf: (dataset: string) => string;
}

/** How long the kit waits for what it expects. */
const waitSeconds = 15;

/** The kit's settings: every case gets its own dataset or agreement, by the script's names. */
export function kitProperties(settings: KitSettings): Record<string, string> {
  const { participant, baseUrl, dspUrl, hooksUrl, kitPort, offerOf } = settings;
  const dsp = "dataspacetck.dsp";
  const identity = { clientId: kitParticipant, region: "any", audience: participant };
  const properties: Record<string, string> = {
    "dataspacetck.ansi": "false",
    "dataspacetck.host": "127.0.0.1",
    "dataspacetck.port": String(kitPort),
    "dataspacetck.callback.address": kitAddress(kitPort),
    [`${dsp}.local.connector`]: "false",
    [`${dsp}.connector.agent.id`]: participant,
    [`${dsp}.connector.http.url`]: dspUrl,
    [`${dsp}.connector.http.base.url`]: baseUrl,
    [`${dsp}.connector.http.headers.authorization`]: JSON.stringify(identity),
    [`${dsp}.connector.negotiation.initiate.url`]: `${hooksUrl}/negotiations`,
    [`${dsp}.connector.transfer.initiate.url`]: `${hooksUrl}/transfers`,
    [`${dsp}.default.wait`]: String(waitSeconds),
    // two cases are switched off in the kit, for the sake of others: here all 67 run
    "junit.jupiter.conditions.deactivate": "org.junit.*DisabledCondition",
  };
  const set = (prefix: string, subject: string, values: Record<string, string>): void => {
    const [, group, number] = /(\d\d)(\d\d)$/.exec(subject) ?? [];
    for (const [name, value] of Object.entries(values)) {
      properties[`${prefix}_${group}_${number}_${name}`] = value;
    }
  };
  for (const dataset of Object.keys(providerNegotiations)) {
    set("CN", dataset, { DATASETID: dataset, OFFERID: offerOf(dataset) });
  }
  for (const dataset of Object.keys(consumerNegotiations)) {
    set("CN_C", dataset, { DATASETID: dataset });
  }
  const FORMAT = "HttpData-PULL";
  for (const agreement of Object.keys(providerTransfers)) {
    set("TP", agreement, { AGREEMENTID: agreement, FORMAT });
  }
  for (const agreement of Object.keys(consumerTransfers)) {
    set("TP_C", agreement, { AGREEMENTID: agreement, FORMAT });
  }
  for (const dataset of [...catalogueDatasets, missingDataset]) {
    set("CAT", dataset, { DATASETID: dataset });
  }
  return properties;
}

export function kitAddress(port: number): string {
  return `http://localhost:${port}`;
}
