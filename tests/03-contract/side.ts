import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fastify, { type FastifyInstance } from "fastify";
import { openEmbeddedSearch } from "../../src/engines/embedded/search.ts";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import {
  type Federation,
  federationRoutes,
  openFederation,
} from "../../src/federate/federation.ts";
import type { Caller } from "../../src/federate/outbound.ts";
import type { LocalPeer } from "../../src/federate/resolver.ts";
import { QualityMeter } from "../../src/flow/quality.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { systemEntropy } from "../../src/kernel/id.ts";
import { Journal } from "../../src/kernel/journal.ts";
import { Agreements } from "../../src/market/agreements.ts";
import { Catalogue } from "../../src/market/catalogue.ts";
import type { Decisions } from "../../src/market/decisions.ts";
import type { Signer } from "../../src/ports/signer.ts";
import type { Store } from "../../src/ports/store.ts";
import { freePort } from "../free-port.ts";

/** One organisation's contract side: a real store, a real key, real HTTP; no data plane. */
export interface Side {
  readonly name: string;
  readonly did: string;
  readonly url: string;
  readonly store: Store;
  readonly signer: Signer;
  readonly journal: Journal;
  readonly catalogue: Catalogue;
  readonly agreements: Agreements;
  readonly federation: Federation;
  readonly app: FastifyInstance;
  /** Stops it as an end of the process would: what is in the store stays. */
  stop(): Promise<void>;
}

export interface Seat {
  readonly name: string;
  readonly dir: string;
  readonly port: number;
  readonly did: string;
  readonly url: string;
}

export interface SideOptions {
  readonly clock?: Clock;
  readonly waitMs?: number;
  readonly decisions?: Partial<Decisions>;
  readonly requestsPerSecondMax?: number;
  readonly endedKeptMax?: number;
  /** The network it calls others over. */
  readonly outbound?: Caller;
  /** May look at a request before the node does, or hang up on it. */
  readonly onRequest?: (path: string, body: unknown) => Promise<"hang-up" | undefined>;
}

/** A place to open sides at: a folder and a port that stay the same over restarts. */
export async function takeSeat(name: string): Promise<Seat> {
  const dir = await mkdtemp(join(tmpdir(), `comity-contract-${name}-`));
  const port = await freePort();
  return { name, dir, port, did: `did:web:localhost%3A${port}`, url: `http://127.0.0.1:${port}` };
}

export async function leaveSeat(seat: Seat): Promise<void> {
  await rm(seat.dir, { recursive: true, force: true });
}

export async function openSide(
  seat: Seat,
  peers: readonly LocalPeer[],
  options: SideOptions = {},
): Promise<Side> {
  const clock = options.clock ?? systemClock;
  const store = await openEmbeddedStore({ path: join(seat.dir, "comity.db") });
  const signer = await openEmbeddedSigner({ dir: seat.dir, did: seat.did, clock });
  const journal = new Journal();
  const catalogue = await Catalogue.open({ store, clock });
  const agreements = await Agreements.open(store);
  const search = await openEmbeddedSearch({ path: join(seat.dir, "search.db") });
  const federation = await openFederation({
    store,
    signer,
    clock,
    entropy: systemEntropy,
    journal,
    catalogue,
    agreements,
    search,
    quality: await QualityMeter.open({ store, clock }),
    marks: { of: () => undefined, onTold: () => () => {} },
    profile: { name: seat.name, title: `The ${seat.name}`, country: "NL", currency: "EUR" },
    baseUrl: () => seat.url,
    mqttUrl: () => `mqtt://127.0.0.1:${seat.port + 1}`,
    localPeers: peers,
    backOffMs: { first: 20, most: 100 },
    waitMs: options.waitMs ?? 5_000,
    ...(options.decisions === undefined ? {} : { decisions: options.decisions }),
    ...(options.requestsPerSecondMax === undefined
      ? {}
      : { requestsPerSecondMax: options.requestsPerSecondMax }),
    ...(options.endedKeptMax === undefined ? {} : { endedKeptMax: options.endedKeptMax }),
    ...(options.outbound === undefined ? {} : { outbound: options.outbound }),
  });
  const app = fastify({ forceCloseConnections: true });
  const { onRequest } = options;
  if (onRequest) {
    app.addHook("preHandler", async (request, reply) => {
      if ((await onRequest(request.url, request.body)) !== "hang-up") return;
      reply.hijack();
      request.raw.socket.destroy();
    });
  }
  await federationRoutes(app, { federation });
  await app.listen({ host: "127.0.0.1", port: seat.port });
  await federation.resume();
  return {
    ...seat,
    store,
    signer,
    journal,
    catalogue,
    agreements,
    federation,
    app,
    async stop() {
      await app.close();
      await federation.close();
      await search.close();
      await store.close();
    },
  };
}

/** Waits for what will become true by itself; fails with its name when it does not. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs = 5_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`after ${timeoutMs} ms still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const paidProduct = {
  id: "bus-positions",
  title: "Bus positions",
  topics: ["bus/+/position"],
  delivery: "logged",
  sector: "transport",
  keywords: ["bus", "realtime"],
  place: { lat: 52.37, lon: 4.9, name: "Amsterdam" },
  terms: {
    price: { amount: "0.002", currency: "EUR", perMessages: 10 },
    fields: ["lat", "lon"],
    notAfter: "2099-01-01T00:00:00Z",
    messagesMax: 100_000,
  },
} as const;

export const freeProduct = {
  id: "weather",
  title: "Weather",
  topics: ["weather/#"],
  terms: { price: { amount: "0", currency: "EUR", perMessages: 1 } },
} as const;
