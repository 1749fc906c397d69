import type { RetainedResource } from "../client/retained.ts";
import type { TopResource } from "../client/top.ts";
import type { AccessGranted } from "../client/data-access.ts";
import type { SampleResource } from "../client/resources.ts";
import type { DataAccessAsked } from "../federate/data-access-requests.ts";
import type { Issuers } from "../federate/issuers.ts";
import type { Marks } from "../flow/marks.ts";
import type { Readings } from "../flow/readings.ts";
import type { Clock } from "../kernel/clock.ts";
import type { ComityError } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Place } from "../kernel/place.ts";
import type { Commissions } from "../market/commission/commissions.ts";
import type { Recognitions } from "../market/commission/recognitions.ts";
import type { Refusal } from "../market/refusals.ts";
import type { Sectors } from "../sectors/room.ts";
import type { AppKeys } from "../things/app-keys.ts";
import type { AuditTrail } from "../things/audit.ts";
import type { Jwts } from "../things/jwt.ts";
import type { ConsoleSessions } from "../things/console-sessions.ts";
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
import type { OwnersApi } from "./owners-api.ts";
import type { SetoffsApi } from "./setoffs-api.ts";
import type { SettleApi } from "./settle-api.ts";
import type { SharesApi } from "./share/shares-api.ts";
import type { HistoryApi, LogsApi, StreamsApi, TrafficApi } from "./streams-api.ts";
import type {
  AgreementsApi,
  ErasuresApi,
  NegotiationsApi,
  OffersApi,
  PeersApi,
  ProductsApi,
  TransfersApi,
  WantsApi,
} from "./trade-api.ts";

/** What the HTTP API needs of the rooms below; composed in node.ts. */
export interface ApiDeps {
  readonly node: NodeFacts;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly things: Things;
  readonly onboarding: Onboarding;
  readonly users: Users;
  readonly sessions: ConsoleSessions;
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
  readonly setoffs: SetoffsApi;
  readonly owners: OwnersApi;
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
