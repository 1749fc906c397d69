import type { FastifyInstance } from "fastify";
import { createHttpServer } from "../../src/api/server.ts";
import type { StoreDatabase } from "../../src/engines/embedded/store-database.ts";
import {
  type Federation,
  federationRoutes,
  openFederation,
} from "../../src/federate/federation.ts";
import { receiptRoutes } from "../../src/federate/receipt-routes.ts";
import { QualityMeter } from "../../src/flow/quality.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import type { Entropy } from "../../src/kernel/id.ts";
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
import { directSearch } from "./direct-search.ts";
import { MemoryStore, newDisk } from "./memory-store.ts";
import type { Host, Network } from "./network.ts";
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
  readonly app: FastifyInstance;
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

/** A node whose process ends and starts again, on what its disk kept. */
export class Side {
  readonly options: SideOptions;
  readonly disk: StoreDatabase = newDisk();
  #process: Process | undefined;
  #starting: Promise<void> | undefined;
  #commits = 0;
  #calm = false;
  crashed = 0;

  constructor(options: SideOptions) {
    this.options = options;
  }

  get did(): string {
    return this.options.signer.did;
  }

  /** Undefined while it is down. */
  get process(): Process | undefined {
    return this.#process;
  }

  /** It crashes no more, and is there when the promise resolves. */
  async calm(): Promise<Process> {
    this.#calm = true;
    for (;;) {
      await this.#starting;
      if (this.#process) return this.#process;
      await this.start();
    }
  }

  start(): Promise<void> {
    this.#starting ??= this.#open().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #open(): Promise<void> {
    const { signer, origin, other, network, random, name } = this.options;
    const app = createHttpServer();
    let running = true;
    const ended = Promise.withResolvers<void>();
    const host: Host = {
      app,
      runs: () => running,
      ended: ended.promise,
      token: (did) => signer.token(did, 60),
    };
    const end = (): void => {
      if (!running) return;
      running = false;
      ended.resolve();
      store.cut();
      this.crashed += 1;
      const process = this.#process?.store === store ? this.#process : undefined;
      if (process) {
        this.#process = undefined;
        // its timers would run on in this test's process; whatever they start fails
        void process.federation.close().catch(ignore);
        void process.receipts.close().catch(ignore);
      }
      void this.#afterCrash();
    };
    const store: MemoryStore = new MemoryStore(this.disk, (when) => {
      if (this.#calm || !running) return;
      if (when === "before") this.#commits += 1;
      if (this.options.crashes.get(this.#commits) === when) end();
    });
    try {
      const process = await openProcess({
        store,
        app,
        signer,
        origin,
        other,
        network,
        name,
        host,
        random,
      });
      if (!running) return;
      network.attach(origin, signer.did, host);
      this.#process = process;
      await process.federation.resume();
      await process.receipts.start();
    } catch (thrown) {
      if (running) throw thrown;
    }
  }

  async #afterCrash(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.options.downMs()));
    await this.#starting;
    if (!this.#process) await this.start();
  }

  async close(): Promise<void> {
    this.#calm = true;
    const process = this.#process;
    await process?.receipts.close();
    await process?.federation.close();
    await process?.meter.close();
    await process?.app.close();
    this.disk.close();
  }
}

async function openProcess(outside: {
  store: MemoryStore;
  app: FastifyInstance;
  signer: Signer;
  origin: string;
  other: { did: string; origin: string };
  network: Network;
  name: string;
  host: Host;
  random: Random;
}): Promise<Process> {
  const { store, app, signer, origin, other, network, name, host, random } = outside;
  const clock = fastClock;
  const entropy: Entropy = {
    uuid: () => uuidOf(random.bytes(16)),
    bytes: (length) => random.bytes(length),
  };
  const journal = new Journal();
  const catalogue = await Catalogue.open({ store, clock });
  const agreements = await Agreements.open(store);
  const meter = await Meter.open({ store, clock });
  const counts = await ConsumerCounts.open(store, clock);
  const federation = await openFederation({
    ...{ store, signer, clock, entropy, journal, catalogue, agreements },
    search: directSearch(),
    quality: await QualityMeter.open({ store, clock }),
    marks: { of: () => undefined, onTold: () => () => {} },
    crawlMs: 0,
    profile: { name, title: name, country: "NL", currency: "EUR" },
    baseUrl: () => origin,
    mqttUrl: () => origin.replace("http", "mqtt"),
    localPeers: [{ did: other.did, url: other.origin }],
    waitMs: 400,
    backOffMs: { first: 1, most: 8 },
    outbound: network.callerOf(host),
    decisions: {
      requested: (negotiation) => haggled(negotiation, catalogue, random),
      offered: ({ digest, asked }) =>
        digest === asked ? { do: "accept" } : { do: "terminate", reason: "other terms" },
    },
  });
  const evidence = { store, signer, clock, journal, agreements, postings: postingsOf };
  const receipts = new ProviderReceipts({
    ...evidence,
    ...{ peers: federation.peers, meter, windowMs: 10, retryMs: 2, retryMaxMs: 10 },
  });
  const cosigner = new ConsumerReceipts({ ...evidence, counts });
  await federationRoutes(app, { federation });
  const { authenticatePeer } = federation;
  await app.register((scope) => receiptRoutes(scope, { receipts: cosigner, authenticatePeer }));
  return { store, app, federation, catalogue, agreements, meter, counts, receipts };
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

function uuidOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function ignore(): void {
  // the process has ended
}
