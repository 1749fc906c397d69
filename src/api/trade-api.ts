import type { ErasureResource } from "../client/erasure.ts";
import type { NegotiationWish, ProposalToMake } from "../client/negotiations.ts";
import type { NewProduct, OfferResource, PeerResource, WantResource } from "../client/resources.ts";
import type { Overview } from "../client/world.ts";
import type { DataAccessRequests } from "../federate/data-access-requests.ts";
import type { Federation } from "../federate/federation.ts";
import { offerAttested } from "../federate/found-offer.ts";
import type { Links } from "../federate/links.ts";
import type { ProductSamples, Sample } from "../federate/samples.ts";
import type { Flow } from "../flow/flow.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Quality } from "../kernel/quality.ts";
import type { RecipientClass } from "../kernel/recipient-class.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Agreements } from "../market/agreements.ts";
import type { Attestation } from "../market/attestation.ts";
import type { Catalogue } from "../market/catalogue.ts";
import type { Commissions } from "../market/commission/commissions.ts";
import type { Recognitions } from "../market/commission/recognitions.ts";
import type { ConsumerMove, ProviderMove } from "../market/decisions.ts";
import { isTransferFormat } from "../market/formats.ts";
import type { Negotiation } from "../market/negotiation.ts";
import type { Product } from "../market/product.ts";
import type { Transfer, TransferAct } from "../market/transfer.ts";
import type { SearchQuery } from "../ports/search.ts";
import type { Budgets } from "../settle/budgets.ts";
import type { Users } from "../things/users.ts";

export interface ProductsApi {
  list(): readonly Product[] | Promise<readonly Product[]>;
  get(id: string): Product | undefined | Promise<Product | undefined>;
  /** What really passed of it over the last day. */
  quality(id: string): Quality | undefined;
  /** PRODUCT_INVALID, POLICY_UNENFORCEABLE or STORE_CONFLICT where it cannot be. */
  add(product: ProductToAdd): Promise<Product>;
  /** False where there is none. */
  remove(id: string): Promise<boolean>;
}

/** A product with its defaults filled in. */
export type ProductToAdd = Required<Omit<NewProduct, MayBeAbsent>> & Pick<NewProduct, MayBeAbsent>;
type MayBeAbsent =
  | "place"
  | "conformsTo"
  | "units"
  | "sheet"
  | "retention"
  | "approval"
  | "sample"
  | "terms"
  | "policy"
  | "tariffs"
  | "cost"
  | "tradeSecrets";

export interface PeersApi {
  list(): readonly PeerResource[] | Promise<readonly PeerResource[]>;
  /** Reads the peer's DID document at that address, or the one `did` names, and keeps it. */
  add(url: string, did?: string): Promise<PeerResource>;
  /** By name or DID; STATE_INVALID while an agreement with it stands. */
  remove(peer: string): Promise<void>;
  /** The short name of a peer, or the DID itself. */
  nameOf(did: string): string;
  /** The peer's overview, in one try, given up after `timeoutMs`. */
  overview(did: string, timeoutMs: number): Promise<Overview>;
}

export interface OffersApi {
  /** From the index of own and peers' offers; `fresh`: peers are asked first. */
  find(
    query: SearchQuery,
    fresh: boolean,
    /** Prices are asked of those for this class. */
    as?: RecipientClass,
  ): Promise<{ readonly offers: readonly OfferResource[]; readonly total: number }>;
}

export interface WantsApi {
  list(): readonly WantResource[];
  /** BODY_INVALID where it would agree by itself without a bound. */
  add(want: {
    readonly query: WantResource["query"];
    readonly as?: RecipientClass;
    readonly auto?: boolean;
    readonly spendMax?: { readonly amount: string; readonly currency: string };
  }): Promise<WantResource>;
  remove(id: string): Promise<void>;
}

export interface AgreementsApi {
  list(): readonly Agreement[] | Promise<readonly Agreement[]>;
  get(id: string): Agreement | undefined | Promise<Agreement | undefined>;
  /** Negotiates to FINALIZED, starts the transfer and the link. */
  agree(
    offer: string,
    provider?: string,
    limits?: PurchaseLimits,
    attested?: Attestation,
  ): Promise<Agreement>;
  /** Ends it at once on this side and tells the other. */
  revoke(id: string, by: string): Promise<Agreement>;
  /** On the consumer: takes the running link down, or lets it come up again. */
  link(id: string, action: "cut" | "mend"): Promise<void>;
  /** On the consumer: kept until it is set anew; undefined: as fast as the line. */
  linkBudget(id: string, bytesPerSecond: number | undefined): Promise<void>;
}

export interface ErasuresApi {
  /** NOT_FOUND where there is no such agreement. */
  of(agreement: string): ErasureResource;
  /** As consumer: ends it where it stands; resolves when what it gave is gone and that is signed. */
  erase(agreement: string): Promise<ErasureResource>;
}

export interface NegotiationsApi {
  /** The newest first, those that are over included. */
  list(): Promise<readonly Negotiation[]>;
  /** NOT_FOUND where there is none. */
  need(pid: string): Promise<Negotiation>;
  /** As consumer; resolves when the request is on its way. */
  request(
    wish: NegotiationWish & { readonly attested?: Attestation | undefined },
  ): Promise<Negotiation>;
  /** As provider; resolves when the offer is on its way. */
  propose(proposal: { product: string } & ProposalToMake): Promise<Negotiation>;
  /** One step, told to the other side; STATE_INVALID where the protocol does not allow it. */
  move(pid: string, move: ProviderMove | ConsumerMove): Promise<Negotiation>;
}

export interface TransfersApi {
  /** The newest first, those that are over included. */
  list(limit: number): Promise<readonly Transfer[]>;
  /** NOT_FOUND where there is none. */
  need(pid: string): Promise<Transfer>;
  /** As consumer; resolves when the request is on its way. */
  request(agreement: string, format: string): Promise<Transfer>;
  /** One step, told to the other side; STATE_INVALID where the protocol does not allow it. */
  act(pid: string, act: TransferAct, reason: string): Promise<Transfer>;
}

/** Whose budget an agreement counts against, and the most it may cost over its life. */
export interface PurchaseLimits {
  readonly user?: string | undefined;
  /** Decimal, in the offer's currency. */
  readonly spendMax?: string | undefined;
}

interface TradeRooms {
  readonly catalogue: Catalogue;
  readonly flow: Flow;
  readonly commissions: Commissions;
  readonly recognitions: Recognitions;
  readonly federation: Federation;
  readonly agreements: Agreements;
  readonly links: Links;
  readonly samples: ProductSamples;
  readonly accessRequests: DataAccessRequests;
  readonly budgets: Budgets;
  readonly users: Users;
}

export function productsApi(rooms: TradeRooms): ProductsApi {
  const { catalogue, flow } = rooms;
  return {
    list: () => catalogue.list(),
    get: (id) => catalogue.get(id),
    quality: (id) => flow.quality.of(id),
    async add(input) {
      const product = await catalogue.add(withMark(rooms, input));
      // Whoever hears that the product exists may rely on its log.
      await flow.serve(product);
      return product;
    },
    remove: (id) => catalogue.remove(id),
  };
}

/** What it is said to conform to by its hash: a vocabulary of its sector that counts here. */
function withMark({ commissions, recognitions }: TradeRooms, input: ProductToAdd): ProductToAdd {
  if (input.conformsTo === undefined) return input;
  const { hash, document } = commissions.need(input.conformsTo);
  const { issuer, sector, version } = document;
  const problem = !recognitions.counts(hash)
    ? `conformsTo is ${sector} ${version} of ${issuer}, which this node does not recognise.`
    : `conformsTo is of the sector ${sector}, the product of ${input.sector ?? "none"}.`;
  if (recognitions.counts(hash) && sector === input.sector) return { ...input, conformsTo: hash };
  throw new ComityError("PRODUCT_INVALID", { problem });
}

export function peersApi({ federation: { peers, offers }, agreements }: TradeRooms): PeersApi {
  return {
    add: (url, did) => peers.add(url, did),
    list: () =>
      peers.list().map((peer) => {
        const { seenAt, ...rest } = offers.crawlState(peer.did);
        return {
          ...peer,
          ...rest,
          ...(seenAt !== undefined && { seenAt: new Date(seenAt).toISOString() }),
        };
      }),
    async remove(id) {
      const peer = peers.list().find(({ name, did }) => name === id || did === id);
      if (!peer) throw new ComityError("NOT_FOUND", { what: "peer", id });
      const { did, name } = peer;
      const standing = agreements
        .list()
        .filter((one) => one.state === "active" && [one.provider, one.consumer].includes(did));
      if (standing.length > 0) {
        const state = `party to ${standing.length} active agreements`;
        throw new ComityError("STATE_INVALID", {
          what: "Peer",
          id: name,
          state,
          act: "to remove it",
        });
      }
      await peers.remove(did);
      await offers.forget(did);
    },
    nameOf: (did) => peers.nameOf(did),
    overview: (did, timeoutMs) => peers.getOnce(did, "/comity/v1/overview", { timeoutMs }) as never,
  };
}

/** Only an offer's id has a colon: it names its product and, where one alone makes it, whose. */
export async function sampleOf(
  rooms: TradeRooms,
  named: string,
  provider?: string,
): Promise<Sample> {
  const { federation, samples } = rooms;
  if (!named.includes(":"))
    return provider === undefined ? samples.own(named) : samples.of(named, provider);
  const { offers } = federation;
  const from = provider ?? (await offers.providerOf(named));
  return samples.of((await offers.need(named, from)).product, from);
}

export function agreementsApi(rooms: TradeRooms): AgreementsApi {
  const { agreements, federation, links } = rooms;
  // The offer whose price is weighed; its id vouches that the agreement will be at that.
  const offered = (offer: string, from: string) => federation.offers.need(offer, from);
  return {
    list: () => agreements.list(),
    get: (id) => agreements.get(id),
    async agree(offer, provider, limits = {}, attested) {
      const from = provider ?? (await federation.offers.providerOf(offer));
      const negotiate = async (id: string): Promise<Agreement> => {
        try {
          return await federation.negotiations.negotiate(from, id, attested);
        } catch (thrown) {
          // what keeps secrets was judged there, and a refusal signed; it may not be had just now
          if (attested?.measures) await rooms.accessRequests.collect(from).catch(() => undefined);
          throw thrown;
        }
      };
      let agreement: Agreement;
      if (isLimited(rooms, limits)) {
        const found = await offered(offer, from);
        const wanted = attested === undefined ? found : offerAttested(found, attested);
        const purchase = { ...wanted, ...limits };
        agreement = await rooms.budgets.agree(purchase, () => negotiate(wanted.offer));
      } else agreement = await negotiate(offer);
      await links.ready(agreement);
      return agreement;
    },
    revoke: (id) => federation.endings.end(id, "revoked"),
    async link(id, action) {
      const link = links.need(id);
      if (action === "cut") link.cut();
      else link.mend();
    },
    linkBudget: (id, bytesPerSecond) => links.setBudget(id, bytesPerSecond),
  };
}

export function erasuresApi({ agreements, federation }: TradeRooms): ErasuresApi {
  const { erasureBook, erasures, endings } = federation;
  const of = (id: string): ErasureResource => {
    const agreement = agreements.need(id);
    const { dueMs: _dueMs, erased: _erased, ...told } = erasureBook.stateOf(agreement);
    return { agreement: id, role: agreement.role, ...told };
  };
  return {
    of,
    async erase(id) {
      if (agreements.need(id).role === "consumer") await endings.end(id, "revoked");
      await erasures.erase(id);
      return of(id);
    },
  };
}

export function transfersApi({ federation: { transfers } }: TradeRooms): TransfersApi {
  return {
    list: (limit) => transfers.desk.list(limit),
    need: (pid) => transfers.need(pid),
    async request(agreement, format) {
      if (isTransferFormat(format)) return transfers.request(agreement, format);
      throw new ComityError("BODY_INVALID", { problem: `no format is named "${format}"` });
    },
    act: (pid, act, reason) => transfers.act(pid, act, reason),
  };
}

function isLimited({ users }: TradeRooms, { user, spendMax }: PurchaseLimits): boolean {
  const hasBudget = user !== undefined && users.get(user)?.budget !== undefined;
  return hasBudget || spendMax !== undefined;
}
