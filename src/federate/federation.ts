import type { FastifyInstance } from "fastify";
import type { Clock } from "../kernel/clock.ts";
import type { Crash } from "../kernel/crash.ts";
import type { Entropy } from "../kernel/id.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Agreements } from "../market/agreements.ts";
import type { Catalogue } from "../market/catalogue.ts";
import { type Decisions, ownDecisions } from "../market/decisions.ts";
import type { SearchIndex } from "../ports/search.ts";
import type { Signer } from "../ports/signer.ts";
import type { Store } from "../ports/store.ts";
import type { AuthenticatePeer } from "./authenticate.ts";
import { catalogueRoutes } from "./dsp/catalogue-routes.ts";
import { NegotiationConsumer } from "./dsp/negotiation-consumer.ts";
import { NegotiationDesk } from "./dsp/negotiation-desk.ts";
import { NegotiationProvider, type SecretsAsked } from "./dsp/negotiation-provider.ts";
import { NegotiationRequests } from "./dsp/negotiation-requests.ts";
import { negotiationRoutes } from "./dsp/negotiation-routes.ts";
import { Negotiations } from "./dsp/negotiations.ts";
import { transferRoutes } from "./dsp/transfer-routes.ts";
import { Transfers } from "./dsp/transfers.ts";
import { endingRoutes, Endings } from "./endings.ts";
import { ErasureBook } from "./erasure-book.ts";
import { ErasureReceipts, erasureRoutes } from "./erasure-receipts.ts";
import { Erasures } from "./erasures.ts";
import { didDocumentOf, type NodeProfile, versionMetadata } from "./identity.ts";
import type { MeasuredQuality, ProductMarks } from "./found-offer.ts";
import { Offers } from "./offers.ts";
import { type Caller, Outbound } from "./outbound.ts";
import { Outbox } from "./outbox.ts";
import { assertListable, peerIdentity } from "./peer-identity.ts";
import { PeerBook } from "./peers.ts";
import { PriceChanges } from "./price-changes.ts";
import { priceRoutes } from "./price-routes.ts";
import { type LocalPeer, Resolver } from "./resolver.ts";

export interface FederationOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly journal: Journal;
  readonly catalogue: Catalogue;
  readonly agreements: Agreements;
  readonly search: SearchIndex;
  readonly quality: MeasuredQuality;
  readonly marks: ProductMarks;
  /** Between two readings of a peer's catalogue, about; 0: only when asked. */
  readonly crawlMs?: number;
  readonly profile: NodeProfile;
  /** Under which other organisations reach this node; known once the sockets are bound. */
  readonly baseUrl: () => string;
  readonly mqttUrl: () => string;
  readonly localPeers: readonly LocalPeer[];
  /** What it does by itself; absent: what its catalogue says. */
  readonly decisions?: Partial<Decisions>;
  /** How long `negotiate` and a transfer's start wait for the other side. */
  readonly waitMs?: number;
  readonly openNegotiationsMax?: number;
  /** Negotiations that ended without an agreement, and transfers that are over: the newest. */
  readonly endedKeptMax?: number;
  /** Under how many agreements one participant may receive at a time. */
  readonly agreementsPerPeerMax?: number;
  /** Of one peer, to every door that is for peers. */
  readonly requestsPerSecondMax?: number;
  /** Absent: over HTTP, to public addresses and listed peers alone. */
  readonly outbound?: Caller;
  readonly secretsWithheld?: (asked: SecretsAsked) => Promise<unknown>;
  /** How long a transfer's token opens the door. */
  readonly tokenLifetimeMs?: number;
  readonly crash?: Crash;
  /** Between tries to reach a peer that does not answer. */
  readonly backOffMs?: { readonly first: number; readonly most: number };
}

/** Everything between this node and the others, put together; routes are registered apart. */
export interface Federation {
  readonly authenticatePeer: AuthenticatePeer;
  readonly peers: PeerBook;
  readonly offers: Offers;
  readonly transfers: Transfers;
  readonly endings: Endings;
  readonly prices: PriceChanges;
  readonly erasures: Erasures;
  readonly erasureBook: ErasureBook;
  readonly negotiations: Negotiations;
  readonly decisions: Decisions;
  /** The way out to other nodes, which guards what is called. */
  readonly outbound: Caller;
  /** Takes up what a stop left behind; called once the node listens. */
  resume(): Promise<void>;
  close(): Promise<void>;
  /** Called by federationRoutes. */
  register(app: FastifyInstance): Promise<void>;
}

export async function openFederation(options: FederationOptions): Promise<Federation> {
  const { store, signer, clock, localPeers, catalogue, baseUrl, profile } = options;
  const { outbound = new Outbound() } = options;
  const resolver = new Resolver({ outbound, clock, localPeers });
  assertListable(localPeers);
  const identity = peerIdentity({ ...options, resolver });
  const peers = await PeerBook.open({ store, signer, identity, resolver, outbound });
  const outbox = new Outbox({
    store,
    clock,
    send: (did, url, body) => peers.send(did, url, body),
    ...(options.backOffMs === undefined ? {} : { backOffMs: options.backOffMs }),
  });
  const decisions: Decisions = { ...ownDecisions(catalogue), ...options.decisions };
  const shared = { ...options, decisions, peers, outbox };
  const desk = await NegotiationDesk.open(shared);
  const provider = new NegotiationProvider(desk, options);
  const consumer = new NegotiationConsumer(desk);
  const requests = new NegotiationRequests(desk, options);
  const own = { desk, provider, consumer, requests, decisions };
  const negotiations = new Negotiations({ ...own, backOffMs: options.backOffMs });
  const transfers = await Transfers.open(shared);
  const isPending = (agreement: string, did: string): boolean =>
    desk.open().some(({ draft, counterpart }) => draft?.id === agreement && counterpart === did);
  const endings = new Endings({ ...shared, isPending });
  const prices = new PriceChanges(shared);
  const book = await ErasureBook.open(options);
  const erasures = new Erasures({ ...shared, book });
  const receipts = new ErasureReceipts({ ...options, book });
  const authenticatePeer: AuthenticatePeer = (request) => identity.authenticate(request);
  const offers = new Offers({ ...shared, name: profile.name });
  return {
    authenticatePeer,
    outbound,
    peers,
    offers,
    transfers,
    endings,
    prices,
    erasures,
    erasureBook: book,
    negotiations,
    decisions,
    async resume() {
      await transfers.desk.resume();
      await transfers.provider.tellNewAddress();
      await transfers.provider.resume();
      negotiations.resume();
      await outbox.resume();
      offers.start();
    },
    async close() {
      await erasures.close();
      negotiations.close();
      await offers.close();
      desk.close();
      transfers.consumer.close();
      await outbox.close();
      outbound.close();
    },
    async register(app) {
      await app.register(async (scope) => {
        // the protocol documents itself; this node's own API description leaves it out
        scope.addHook("onRoute", (route) => {
          route.schema = { ...route.schema, hide: true };
        });
        scope.get("/.well-known/did.json", async () => didDocumentOf(signer, profile, baseUrl()));
        scope.get("/.well-known/dspace-version", async () => versionMetadata(signer.did));
        await catalogueRoutes(scope, { ...options, authenticatePeer });
        await negotiationRoutes(scope, { authenticatePeer, desk, provider, consumer });
        await transferRoutes(scope, { authenticatePeer, transfers });
        await endingRoutes(scope, { authenticatePeer, endings });
        await erasureRoutes(scope, { authenticatePeer, receipts });
        await priceRoutes(scope, { authenticatePeer, prices });
      });
    },
  };
}

/** The doors for other nodes: identity, the Dataspace Protocol, and endings. */
export async function federationRoutes(
  app: FastifyInstance,
  deps: { readonly federation: Federation },
): Promise<void> {
  await deps.federation.register(app);
}
