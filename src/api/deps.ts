import type { ListenerResource } from "../client/resources.ts";
import type { BudgetResource } from "../client/callers.ts";
import type { RetainedResource } from "../client/retained.ts";
import type { TopResource } from "../client/top.ts";
import type { ErasureResource } from "../client/erasure.ts";
import type { AccessGranted } from "../client/data-access.ts";
import type { LinkState, Overview } from "../client/world.ts";
import type { LinkResource } from "../client/link-resource.ts";
import type {
  NewProduct,
  OfferResource,
  PeerResource,
  SampleResource,
  StatementResource,
  UsageResource,
  WantResource,
} from "../client/resources.ts";
import type { NegotiationWish, ProposalToMake } from "../client/negotiations.ts";
import type { DataAccessAsked } from "../federate/data-access-requests.ts";
import type { Issuers } from "../federate/issuers.ts";
import type { Followed } from "../flow/follow-from.ts";
import type { Line } from "../flow/lines.ts";
import type { MessageSeen, Published } from "../flow/local-streams.ts";
import type { Marks } from "../flow/marks.ts";
import type { HistoryLine, HistoryQuery } from "../flow/history/query.ts";
import type { Readings } from "../flow/readings.ts";
import type { Clock } from "../kernel/clock.ts";
import type { ComityError } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Place } from "../kernel/place.ts";
import type { Quality } from "../kernel/quality.ts";
import type { RecipientClass } from "../kernel/recipient-class.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Attestation } from "../market/attestation.ts";
import type { Commissions } from "../market/commission/commissions.ts";
import type { Recognitions } from "../market/commission/recognitions.ts";
import type { Product } from "../market/product.ts";
import type { ConsumerMove, ProviderMove } from "../market/decisions.ts";
import type { Negotiation } from "../market/negotiation.ts";
import type { Transfer, TransferAct } from "../market/transfer.ts";
import type { SearchQuery } from "../ports/search.ts";
import type { OpenIdLogin } from "../federate/openid.ts";
import type { PolicyPromise } from "../market/policy/plain.ts";
import type { Refusal } from "../market/refusals.ts";
import type { Share, Shares } from "../market/shares.ts";
import type { LogState } from "../ports/store.ts";
import type { Sectors } from "../sectors/room.ts";
import type { Principal } from "../things/access.ts";
import type { AppKeys } from "../things/app-keys.ts";
import type { AuditTrail } from "../things/audit.ts";
import type { Jwts } from "../things/jwt.ts";
import type { SlowDown } from "../things/slow-down.ts";
import type { Thing, ThingAccess, Things } from "../things/directory.ts";
import type { Onboarding } from "../things/onboarding/onboarding.ts";
import type { Users } from "../things/users.ts";
import type { JsonPathSearch } from "../things/wot/jsonpath-search.ts";
import type { TdDirectory } from "../things/wot/td-directory.ts";
import type { NodeAddress } from "../things/wot/thing-description.ts";
import type { Validator } from "../things/wot/validator.ts";
import type { ApiLimits } from "./limits.ts";
import type { BooksApi } from "./books-api.ts";
import type { EvidenceApi } from "./evidence-api.ts";
import type { PriceChanges } from "../federate/price-changes.ts";
import type { InvoicesApi } from "./invoices-api.ts";
import type { SpendingApi } from "./spending-api.ts";

/** What the HTTP API needs of the rooms below; composed in node.ts. */
export interface ApiDeps {
  readonly node: NodeFacts;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly things: Things;
  readonly onboarding: Onboarding;
  readonly users: Users;
  readonly audit: AuditTrail;
  readonly slow: SlowDown;
  readonly keys: AppKeys;
  /** Absent: JWTs let nobody in. */
  readonly jwts?: Jwts | undefined;
  readonly wot: WotApi;
  readonly dataAccess: DataAccessApi;
  readonly products: ProductsApi;
  /** Last messages: of a product (this node's where no provider is named), or of an offer's. */
  readonly samples: (named: string, provider?: string) => Promise<SampleResource>;
  readonly peers: PeersApi;
  readonly offers: OffersApi;
  readonly wants: WantsApi;
  readonly agreements: AgreementsApi;
  readonly erasures: ErasuresApi;
  readonly negotiations: NegotiationsApi;
  readonly transfers: TransfersApi;
  readonly settle: SettleApi;
  readonly spending: SpendingApi;
  readonly evidence: EvidenceApi;
  readonly books: BooksApi;
  readonly prices: Pick<PriceChanges, "offerOf" | "offer" | "decide">;
  readonly invoices: InvoicesApi;
  readonly shares: SharesApi;
  readonly logs: LogsApi;
  readonly history: HistoryApi;
  readonly streams: StreamsApi;
  readonly traffic: TrafficApi;
  readonly retained: RetainedApi;
  /** What goes on; of topics, clients and agreements so many at most. */
  readonly top: (limit: number) => TopResource;
  readonly sectors: Sectors;
  readonly commissions: CommissionsApi;
  /** Folder of the built console; absent: found beside the package. */
  readonly consoleDir?: string;
  readonly limits?: Partial<ApiLimits>;
}

export interface CommissionsApi {
  readonly documents: Commissions;
  readonly recognitions: Recognitions;
  readonly issuers: Pick<Issuers, "recognise" | "check">;
  readonly marks: Pick<Marks, "of" | "received">;
}

export interface RetainedApi {
  list(filter: string, limit: number): readonly RetainedResource[];
  /** How many there were. */
  clear(filter: string): Promise<number>;
}

export interface NodeFacts {
  readonly name: string;
  readonly did: string;
  readonly title: string;
  readonly country: string;
  readonly currency: string;
  readonly place: Place;
  readonly version: string;
  /** Lets anonymous clients in on loopback, as operators. */
  readonly dev: boolean;
  /** Shows the world page, its data and the overview for peers to everybody. */
  readonly publicWorld: boolean;
  /** Why the node can keep nothing any longer; undefined while all is well. */
  failed(): ComityError | undefined;
  /** Under which others reach it, where that is another address than it binds. */
  readonly publicUrl?: string | undefined;
  /** Known once the sockets are bound. */
  httpUrl(): string;
  mqttUrl(): string;
}

/** Things as the W3C describes them. */
export interface WotApi {
  readonly validator: Validator;
  readonly readings: Pick<Readings, "last" | "flagged">;
  readonly directory: TdDirectory;
  readonly search: JsonPathSearch;
  /** Where forms point to. */
  address(): NodeAddress;
}

export interface DataAccessApi {
  /** THING_INVALID where its data cannot be told from another Thing's. */
  set(thing: string, access: ThingAccess): Promise<Thing>;
  /** The offer that may be agreed to; ACCESS_REFUSED with the reason. */
  ask(asked: DataAccessAsked): Promise<Omit<AccessGranted, "agreement">>;
  withdraw(asked: Required<Pick<DataAccessAsked, "provider" | "thing" | "for">>): Promise<void>;
  /** Given and received, the newest first. */
  refusals(): readonly Refusal[];
}

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

export interface SharesApi {
  readonly book: Shares;
  /** Where partners may log in, if anywhere. */
  readonly openid: OpenIdLogin | undefined;
  /** Where partners' MQTT clients connect. */
  mqttUrl(): string;
  /** The terms of what the share is for, line by line, in plain words. */
  terms(share: Share, product: Product): readonly PolicyPromise[];
  /** Names of the native feeds that its sector composes of a product. */
  feedsOf(product: string): readonly string[];
  /** What the agreement would let through; returns what ends it. */
  sample(share: Share, onMessage: (message: MessageSeen) => void): () => void;
  /** Resolves when the doors let in who has the agreement's token. */
  opened(agreement: Agreement): Promise<void>;
  /** The link is good no more, and its agreement ended. */
  revoke(id: string): Promise<Share>;
}

export interface SettleApi {
  usage(): readonly UsageResource[] | Promise<readonly UsageResource[]>;
  usageOf(agreement: string): UsageResource | undefined | Promise<UsageResource | undefined>;
  /** Numbers above `after`, in order, at most `limit`. */
  receipts(agreement: string, after: number, limit: number): Promise<readonly unknown[]>;
  /** `month` as `2026-11`. */
  statement(month: string): Promise<readonly StatementResource[]>;
  /** Undefined: the user has no budget. */
  budgetOf(user: string): Promise<BudgetResource | undefined>;
  /** A self-contained evidence file; undefined where nothing was receipted. */
  bill(month: string, agreement: string): Promise<unknown>;
}

export interface LogsApi {
  list(): Promise<readonly LogState[]>;
  /** Messages at positions ≥ `after`, in order, at most `limit`. NOT_FOUND where there is no log. */
  read(log: string, after: number, limit: number): AsyncIterable<LogRow>;
}

export interface HistoryApi {
  /** Up to the last commit. NOT_FOUND where a log is named that is none, HISTORY_BEHIND. */
  lines(query: HistoryQuery): AsyncIterable<HistoryLine>;
}

export interface LogRow {
  readonly position: number;
  readonly at: number;
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface MessageToPublish {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** 1: resolves when a logged stream's message is durable. */
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** What it says of itself to subscribers. */
  readonly contentType?: string;
  /** A logged stream takes a publisher's number once, however often it is sent. */
  readonly origin?: { readonly producer: string; readonly seq: number };
}

/** The data plane; who may do what was decided before it is called. */
export interface StreamsApi {
  publish(principal: Principal, message: MessageToPublish): Promise<Published>;
  /** Retained messages first, then as they come; returns what ends it. */
  subscribe(
    principal: Principal,
    filter: string,
    onMessage: (message: MessageSeen) => void,
  ): () => void;
  /** What is followed after `lastId`, else from now on. BODY_INVALID, POSITION_GONE, LIMIT_REACHED. */
  followFrom(filters: readonly string[], lastId: string | undefined): Promise<Followed>;
  /** Logged streams from their logs, the others as they come, on a line of its own. */
  follow(
    followed: Followed,
    line: (onReady: () => void) => Line,
    queueBytesMax: number,
  ): FollowedStream;
}

/** What was opened; it goes on until either side ends it. */
export interface FollowedStream {
  beat(): void;
  end(why: string): void;
  /** The other side has gone. */
  close(): void;
}

export interface TrafficApi {
  mqttConnections(): number;
  /** Ways in for MQTT clients. */
  mqttListeners(): readonly ListenerResource[];
  messagesPerSecond(): number;
  links(): readonly LinkResource[];
  /** Messages withheld since the start, by reason. */
  refusals(): Readonly<Record<string, number>>;
  /** Messages given up since the start because a queue was full or a publisher had no right. */
  dropped(): number;
  /** How each agreement flows on this side. */
  flows(): readonly FlowFacts[];
}

export interface FlowFacts {
  readonly agreement: string;
  readonly link: LinkState;
  readonly ratePerSecond: number;
  readonly messages: number;
  readonly amountMicro: bigint;
  readonly latencyMs?: number;
}
