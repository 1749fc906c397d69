import { type Federation, openFederation } from "../../src/federate/federation.ts";
import type { FederationOptions } from "../../src/federate/federation.ts";
import { QualityMeter } from "../../src/flow/quality.ts";
import { directSearch } from "./direct-search.ts";
import type { Ground } from "./life.ts";
import type { Network } from "./network.ts";

type Given = "clock" | "journal" | "catalogue" | "agreements" | "localPeers" | "waitMs";

/** A node's dealings with others over a simulated network; it crawls nobody by itself. */
export async function simulatedFederation(
  { store, signer, entropy, host }: Ground,
  place: { readonly name: string; readonly origin: string; readonly network: Network },
  options: Pick<FederationOptions, Given> & Partial<FederationOptions>,
): Promise<Federation> {
  const { name, origin, network } = place;
  return openFederation({
    ...{ store, signer, entropy },
    search: directSearch(),
    quality: await QualityMeter.open({ store, clock: options.clock }),
    marks: { of: () => undefined, onTold: () => () => {} },
    crawlMs: 0,
    profile: { name, title: name, country: "NL", currency: "EUR" },
    baseUrl: () => origin,
    mqttUrl: () => origin.replace("http", "mqtt"),
    backOffMs: { first: 1, most: 8 },
    outbound: network.callerOf(host),
    ...options,
  });
}
