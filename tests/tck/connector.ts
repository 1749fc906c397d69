import type { LocalPeer } from "../../src/federate/resolver.ts";
import type { Offer } from "../../src/market/policy.ts";
import { freePort } from "../free-port.ts";
import { nodeOptions, startTestNode, type TestNode } from "../two-nodes.ts";
import { People } from "./people.ts";
import { seed } from "./seeds.ts";

/** A real node that does what the script says, and what its hooks are asked for. */
export interface Connector {
  readonly did: string;
  readonly url: string;
  /** The id of the offer the catalogue makes for a dataset. */
  offerOf(dataset: string): string;
  /** Begins a negotiation for an offer of another participant; its end is not awaited. */
  askForContract(provider: string, dataset: string, offer: string): Promise<void>;
  askForTransfer(agreement: string, format: string): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectorOptions {
  readonly folder: string;
  /** The other side. */
  readonly peer: LocalPeer;
  /** How long every step of its own waits, so that the other side is ready for it. */
  readonly pauseMs: number;
}

const host = "127.0.0.1";
/** What the other side offers, which has no catalogue to look it up in. */
const policy = { permission: [{ action: "use" }] };

export async function openConnector(options: ConnectorOptions): Promise<Connector> {
  const { folder, peer, pauseMs } = options;
  const port = await freePort();
  const did = `did:web:localhost%3A${port}`;
  const { offers } = await seed(folder, did, peer.did);
  const offerOf = (dataset: string): Offer => {
    const offer = offers.get(dataset);
    if (offer === undefined) throw new Error(`there is no dataset ${dataset}`);
    return offer;
  };
  const people = new People({ pauseMs, offerOf, http: () => test.http });
  const test: TestNode = await startTestNode(
    await nodeOptions(folder, {
      ...{ title: "The connector under test", did, http: { host, port }, localPeers: [peer] },
      decisions: people.decisions,
    }),
  );
  return {
    did,
    url: test.node.httpUrl,
    offerOf: (dataset) => offerOf(dataset)["@id"],
    async askForContract(provider, dataset, offer) {
      const { pid } = await test.http.negotiations.request({ provider, dataset, offer, policy });
      people.began(pid, dataset);
    },
    async askForTransfer(agreement, format) {
      const { pid } = await test.http.transfers.request(agreement, format);
      people.fetches(pid, agreement);
    },
    async close() {
      await people.close();
      await test.node.close();
    },
  };
}
