import { type Federation, federationRoutes } from "../../src/federate/federation.ts";
import { receiptRoutes } from "../../src/federate/receipt-routes.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { Journal } from "../../src/kernel/journal.ts";
import { Agreements } from "../../src/market/agreements.ts";
import { Catalogue } from "../../src/market/catalogue.ts";
import { ownDecisions, type ProviderMove } from "../../src/market/decisions.ts";
import type { Negotiation } from "../../src/market/negotiation.ts";
import { ConsumerCounts } from "../../src/meter/consumer-counts.ts";
import { ConsumerReceipts } from "../../src/meter/receipts-consumer.ts";
import { ProviderReceipts } from "../../src/meter/receipts-provider.ts";
import { Meter } from "../../src/meter/usage.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { postingsOf } from "../../src/settle/ledger.ts";
import { type Ground, Life } from "./life.ts";
import { simulatedFederation } from "./simulated-federation.ts";
import type { MemoryStore } from "./memory-store.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";

const startedAt = Date.now();

/** Twenty times as fast, so that what nodes remember for seconds does not hold up the runs. */
export const fastClock: Clock = {
  now: () => startedAt + Math.floor(fastClock.monotonic()),
  monotonic: () => performance.now() * 20,
};

/** One process of a node: everything in it is gone when it ends. */
export interface Process {
  readonly store: MemoryStore;
  readonly federation: Federation;
  readonly catalogue: Catalogue;
  readonly agreements: Agreements;
  readonly meter: Meter;
  readonly counts: ConsumerCounts;
  readonly receipts: ProviderReceipts;
}

export interface SideOptions {
  readonly name: string;
  readonly signer: Signer;
  readonly other: { readonly did: string; readonly origin: string };
  readonly origin: string;
  readonly network: Network;
  readonly random: Random;
  /** Before which of its commits, or after which, the process ends; counted over its whole life. */
  readonly crashes: ReadonlyMap<number, "before" | "after">;
  /** A process that ended is started again after so long. */
  readonly downMs: () => number;
}

export type Side = Life<Process>;

export function sideOf(options: SideOptions): Side {
  return new Life<Process>({
    ...options,
    crashes: (commit) => options.crashes.get(commit),
    open: (ground) => openProcess(ground, options),
    async started({ federation, receipts }) {
      await federation.resume();
      await receipts.load();
      receipts.start();
    },
    async close({ federation, receipts, meter }) {
      await Promise.all([federation.close(), receipts.close()]);
      await meter.close();
    },
  });
}

async function openProcess(ground: Ground, options: SideOptions): Promise<Process> {
  const { store, app, signer } = ground;
  const { other, random } = options;
  const clock = fastClock;
  const journal = new Journal();
  const catalogue = await Catalogue.open({ store, clock });
  const agreements = await Agreements.open(store);
  const meter = await Meter.open({ store, clock });
  const counts = await ConsumerCounts.open(store, clock);
  const federation = await simulatedFederation(ground, options, {
    ...{ clock, journal, catalogue, agreements },
    localPeers: [{ did: other.did, url: other.origin }],
    waitMs: 400,
    decisions: {
      requested: (negotiation) => haggled(negotiation, catalogue, random),
      offered: ({ digest, asked }) =>
        digest === asked ? { do: "accept" } : { do: "terminate", reason: "other terms" },
    },
  });
  const { peers } = federation;
  const takePrices = (id: string) => federation.prices.takeBack(id);
  const outside = { store, signer, clock, journal, agreements, peers, takePrices };
  const evidence = { ...outside, postings: postingsOf };
  const receipts = new ProviderReceipts({
    ...evidence,
    ...{ meter, windowMs: 10, retryMs: 2, retryMaxMs: 10 },
  });
  const cosigner = new ConsumerReceipts({ ...evidence, counts });
  await federationRoutes(app, { federation });
  const { authenticatePeer } = federation;
  await app.register((scope) => receiptRoutes(scope, { receipts: cosigner, authenticatePeer }));
  return { store, federation, catalogue, agreements, meter, counts, receipts };
}

/** Mostly as the catalogue says; now and then an offer first, or no deal at all. */
async function haggled(
  negotiation: Negotiation,
  catalogue: Catalogue,
  random: Random,
): Promise<ProviderMove> {
  const draw = random.next();
  const offer = catalogue.offerOf(negotiation.product);
  if (draw < 0.2 && offer) return { do: "offer", offer };
  if (draw < 0.25) return { do: "terminate", reason: "not today" };
  return ownDecisions(catalogue).requested(negotiation);
}
