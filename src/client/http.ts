import type { Happening } from "../kernel/journal.ts";
import { EnergyHttp } from "./energy.ts";
import type { ErasureResource } from "./erasure.ts";
import { jsonLines } from "./event-stream.ts";
import { type Call, type ComityHttpOptions, HttpCaller, part, path } from "./http-caller.ts";
import type {
  AccessGranted,
  AccessRequest,
  RefusalResource,
  ThingAccessResource,
} from "./data-access.ts";
import type { HistoryCursor, HistoryRange, HistoryRow } from "./history.ts";
import { AppKeyCalls } from "./app-keys.ts";
import { CommissionCalls } from "./commission-calls.ts";
import type { LinkResource } from "./link-resource.ts";
import type {
  AgreementDetail,
  AgreementResource,
  AuditResource,
  FindQuery,
  HealthResource,
  LogLine,
  LogResource,
  NewProduct,
  NewWant,
  OfferResource,
  PeerResource,
  ProductResource,
  SampleResource,
  StatementResource,
  StatusResource,
  StreamMessage,
  UsageResource,
  UserResource,
  WantResource,
} from "./resources.ts";
import type {
  AcceptedDevice,
  AcceptWish,
  ClaimResource,
  NewClaim,
  PendingDetail,
  PendingResource,
} from "./onboarding.ts";
import type {
  AddedThing,
  NewDescription,
  NewThing,
  SeenMessage,
  ThingResource,
} from "./thing-resource.ts";
import type { ClearedResource, RetainedResource } from "./retained.ts";
import type { TopResource } from "./top.ts";
import { NegotiationCalls, TransferCalls } from "./negotiation-calls.ts";
import type { CallerResource } from "./callers.ts";
import type {
  FigureResource,
  IndicatorResource,
  NewIndicatorResource,
  NewSourceResource,
  SectorResource,
  SourceResource,
} from "./sectors.ts";
import type { ShareResource } from "./shares.ts";
import { BooksCalls } from "./books.ts";
import { InvoiceCalls } from "./invoices.ts";
import { EvidenceCalls } from "./evidence.ts";
import { PriceCalls } from "./prices.ts";
import { OwnerCalls } from "./owners.ts";
import { SetoffCalls } from "./setoffs.ts";
import type { SignInLink } from "./sessions.ts";
import { SpendingCalls } from "./spending.ts";
import type { Stated } from "./attestation.ts";
import type { LintResource } from "./terms.ts";
import type { Effect, World } from "./world.ts";

const agreeTimeoutMs = 120_000;
const inferTimeoutMs = 90_000;
/** A large log is erased in many steps. */
const eraseTimeoutMs = 600_000;

/**
 * The HTTP API of one node, a method a route. Everything throws a ComityError: CONNECT_FAILED
 * where the node does not answer, otherwise the node's own error in its own words.
 */
export class ComityHttp {
  readonly url: string;
  /** Vocabularies. */
  readonly commissions: CommissionCalls;
  readonly keys: AppKeyCalls;
  readonly spending: SpendingCalls;
  readonly evidence: EvidenceCalls;
  readonly books: BooksCalls;
  readonly setoffs: SetoffCalls;
  readonly owners: OwnerCalls;
  readonly negotiations: NegotiationCalls;
  readonly transfers: TransferCalls;
  readonly prices: PriceCalls;
  readonly invoices: InvoiceCalls;
  readonly #caller: HttpCaller;

  constructor(options: ComityHttpOptions) {
    this.#caller = new HttpCaller(options);
    this.url = this.#caller.url;
    this.commissions = new CommissionCalls(this.#caller);
    this.keys = new AppKeyCalls(this.#caller);
    this.spending = new SpendingCalls(this.#caller);
    this.evidence = new EvidenceCalls(this.#caller);
    this.books = new BooksCalls(this.#caller);
    this.setoffs = new SetoffCalls(this.#caller);
    this.owners = new OwnerCalls(this.#caller);
    this.negotiations = new NegotiationCalls(this.#caller);
    this.transfers = new TransferCalls(this.#caller);
    this.prices = new PriceCalls(this.#caller);
    this.invoices = new InvoiceCalls(this.#caller);
  }

  health = () => this.#json<HealthResource>("/health");
  sectors = () => this.#json<SectorResource[]>("/sectors");
  sector = (name: string) => this.#json<SectorResource>(`/sectors/${part(name)}`);
  sources = () => this.#json<SourceResource[]>("/sources");
  addSource = (source: NewSourceResource) =>
    this.#json<SourceResource>("/sources", { method: "POST", json: source });
  removeSource = (id: string) => this.#json<void>(`/sources/${part(id)}`, { method: "DELETE" });
  indicators = () => this.#json<IndicatorResource[]>("/indicators");
  figures = (id: string) => this.#json<FigureResource[]>(`/indicators/${part(id)}`);
  addIndicator = (indicator: NewIndicatorResource) =>
    this.#json<IndicatorResource>("/indicators", { method: "POST", json: indicator });
  readonly energy = new EnergyHttp((route, call) => this.#json(route, call));
  removeIndicator = (id: string) =>
    this.#json<void>(`/indicators/${part(id)}`, { method: "DELETE" });

  status = () => this.#json<StatusResource>("/status");
  /** What goes on right now; `limit`: of topics, clients and agreements. */
  top = (limit = 10) => this.#json<TopResource>(`/top?limit=${limit}`);
  /** Topics that match, with what they keep. */
  retained = (filter = "#", limit = 100) =>
    this.#json<RetainedResource[]>(`/retained?filter=${encodeURIComponent(filter)}&limit=${limit}`);
  clearRetained = (filter: string) =>
    this.#json<ClearedResource>(`/retained?filter=${encodeURIComponent(filter)}`, {
      method: "DELETE",
    });
  openapi = () => this.#json<Record<string, unknown>>("/openapi.json");

  things = () => this.#json<ThingResource[]>("/things");
  addThing = (thing: NewThing) =>
    this.#json<AddedThing>("/things", { method: "POST", json: thing });
  /** Its W3C Thing Description. */
  thing = (id: string) => this.#json<Record<string, unknown>>(`/things/${part(id)}`);
  describeThing = (id: string, description: NewDescription) =>
    this.#json<Record<string, unknown>>(`/things/${part(id)}/td`, {
      method: "PUT",
      json: description,
    });
  /** Drafts a Description from what the Thing publishes meanwhile; nothing is kept. */
  inferThing = (id: string, seconds?: number) =>
    this.#json<Record<string, unknown>>(`/things/${part(id)}/infer`, {
      method: "POST",
      query: { seconds },
      timeoutMs: inferTimeoutMs,
    });
  removeThing = (id: string) => this.#json<void>(`/things/${part(id)}`, { method: "DELETE" });
  /** The old token is good for so long; absent: an hour. */
  rotateThing = (id: string, graceSeconds?: number) =>
    this.#json<{ thing: ThingResource; token: string }>(`/things/${part(id)}/rotate`, {
      method: "POST",
      json: graceSeconds === undefined ? {} : { graceSeconds },
    });

  claims = () => this.#json<ClaimResource[]>("/claims");
  addClaim = (claim: NewClaim) =>
    this.#json<{ claim: ClaimResource; code: string }>("/claims", { method: "POST", json: claim });
  revokeClaim = (id: string) => this.#json<void>(`/claims/${part(id)}`, { method: "DELETE" });
  pending = () => this.#json<PendingResource[]>("/pending");
  pendingDevice = (id: string) => this.#json<PendingDetail>(`/pending/${part(id)}`);
  accept = (id: string, wish: AcceptWish = {}) =>
    this.#json<AcceptedDevice>(`/pending/${part(id)}/accept`, { method: "POST", json: wish });
  refuse = (id: string) => this.#json<void>(`/pending/${part(id)}/refuse`, { method: "POST" });

  /** Whose data a Thing's are. */
  setThingAccess = (id: string, access: ThingAccessResource) =>
    this.#json<ThingResource>(`/things/${part(id)}/access`, { method: "PUT", json: access });
  /** Of the data of one's own Thing, elsewhere; ACCESS_REFUSED tells why not. */
  requestAccess = (request: AccessRequest) =>
    this.#json<AccessGranted>("/access-requests", { method: "POST", json: request });
  withdrawAccess = (request: Required<Omit<AccessRequest, "measures">>) =>
    this.#json<void>("/access-withdrawals", { method: "POST", json: request });
  refusals = () => this.#json<RefusalResource[]>("/refusals");

  products = () => this.#json<ProductResource[]>("/products");
  product = (id: string) => this.#json<ProductResource>(`/products/${part(id)}`);
  addProduct = (product: NewProduct) =>
    this.#json<ProductResource>("/products", { method: "POST", json: product });
  lintProduct = (id: string, conditions?: string) =>
    this.#json<LintResource>(`/products/${part(id)}/lint`, {
      method: "POST",
      json: conditions === undefined ? {} : { conditions },
    });
  /** `provider`: a peer's name or DID; absent: of this node's own. */
  sample = (product: string, provider?: string) =>
    this.#json<SampleResource>("/samples", {
      query: { product, ...(provider !== undefined && { provider }) },
    });
  removeProduct = (id: string) => this.#json<void>(`/products/${part(id)}`, { method: "DELETE" });

  links = () => this.#json<LinkResource[]>("/links");
  /** Bytes a second; null: as many as the line carries. */
  linkBudget = (id: string, bytesPerSecond: number | null) =>
    this.#json<void>(`/agreements/${part(id)}/link/budget`, {
      method: "PUT",
      json: { bytesPerSecond },
    });

  peers = () => this.#json<PeerResource[]>("/peers");
  /** `did`: of a connector that is named by its protocol endpoint. */
  addPeer = (url: string, did?: string) =>
    this.#json<PeerResource>("/peers", {
      method: "POST",
      json: { url, ...(did === undefined ? {} : { did }) },
    });
  removePeer = (peer: string) => this.#json<void>(`/peers/${part(peer)}`, { method: "DELETE" });
  wants = () => this.#json<WantResource[]>("/wants");
  addWant = (want: NewWant) => this.#json<WantResource>("/wants", { method: "POST", json: want });
  removeWant = (id: string) => this.#json<void>(`/wants/${part(id)}`, { method: "DELETE" });

  /** Best first; words, or words with what else must hold. */
  find = (query: string | FindQuery) =>
    this.#json<OfferResource[]>("/find", {
      query: typeof query === "string" ? { q: query } : { ...query },
    });

  /** A page of what was found; `total` counts up to 1,000. */
  async findPage(query: FindQuery): Promise<{ offers: OfferResource[]; total: number }> {
    const response = await this.#call("/find", { query: { ...query } });
    const offers = (await response.json()) as OfferResource[];
    return { offers, total: Number(response.headers.get("total-count") ?? offers.length) };
  }

  agreements = () => this.#json<AgreementResource[]>("/agreements");
  agreement = (id: string) => this.#json<AgreementDetail>(`/agreements/${part(id)}`);
  /** `spendMax`: the most it may cost over its life; `stated` picks among a product's offers. */
  agree = (offer: string, provider?: string, spendMax?: string, stated: Stated = {}) =>
    this.#json<AgreementResource>("/agreements", {
      method: "POST",
      json: { offer, provider, spendMax, ...stated },
      timeoutMs: agreeTimeoutMs,
    });
  revoke = (id: string) =>
    this.#json<AgreementResource>(`/agreements/${part(id)}/revoke`, { method: "POST" });
  /** Ends it, erases what it gave this node, and signs that to its provider. */
  erase = (id: string) =>
    this.#json<ErasureResource>(`/agreements/${part(id)}/erase`, {
      method: "POST",
      timeoutMs: eraseTimeoutMs,
    });
  erasure = (id: string) => this.#json<ErasureResource>(`/agreements/${part(id)}/erasure`);
  setEffect = (id: string, effect: Effect) =>
    this.#json<void>(`/agreements/${part(id)}/effect`, { method: "PUT", json: effect });
  link = (id: string, action: "cut" | "mend") =>
    this.#json<void>(`/agreements/${part(id)}/link`, { method: "POST", json: { action } });
  /** Those numbered above `after`, oldest first. */
  receipts = (id: string, range: { after?: number; limit?: number } = {}) =>
    this.#json<unknown[]>(`/agreements/${part(id)}/receipts`, { query: range });

  shares = () => this.#json<ShareResource[]>("/shares");
  /** A link for a partner without a node; its URL is told once. */
  share = (
    product: string,
    to: string,
    days?: number,
    ceiling?: { readonly amount: string; readonly currency: string },
  ) =>
    this.#json<{ share: ShareResource; url: string }>("/shares", {
      method: "POST",
      json: { product, to, days, ceiling },
    });
  sharePaid = (id: string, amount: string, currency: string) =>
    this.#json<ShareResource>(`/shares/${part(id)}/paid`, {
      method: "POST",
      json: { amount, currency },
    });
  /** What a partner accepted through a link, under the provider's signature. */
  acceptance = (agreement: string) =>
    this.#json<unknown>(`/agreements/${part(agreement)}/acceptance`);
  revokeShare = (id: string) =>
    this.#json<ShareResource>(`/shares/${part(id)}/revoke`, { method: "POST" });

  usage = () => this.#json<UsageResource[]>("/usage");
  /** `month` as `2026-11`. */
  statement = (month: string) => this.#json<StatementResource[]>(`/statements/${part(month)}`);
  bill = (month: string, agreement: string) =>
    this.#json<unknown>(`/statements/${part(month)}/bills/${part(agreement)}`);

  audit = (range: { after?: string; limit?: number } = {}) =>
    this.#json<AuditResource[]>("/audit", { query: range });
  users = () => this.#json<UserResource[]>("/users");
  addUser = (id: string, role: UserResource["role"], budget?: UserResource["budget"]) =>
    this.#json<{ user: UserResource; token: string }>("/users", {
      method: "POST",
      json: { id, role, budget },
    });
  /** `null`: no limit. */
  setBudget = (id: string, budget: UserResource["budget"] | null) =>
    this.#json<UserResource>(`/users/${part(id)}/budget`, { method: "PUT", json: { budget } });
  removeUser = (id: string) => this.#json<void>(`/users/${part(id)}`, { method: "DELETE" });

  /** Who this token is, and its budget. */
  me = () => this.#json<CallerResource>("/me");
  signInLink = () => this.#json<SignInLink>("/sign-in-links", { method: "POST" });
  world = () => this.#json<World>("/world");
  logs = () => this.#json<LogResource[]>("/logs");

  /** Messages at positions ≥ `after`, oldest first. */
  async *readLog(log: string, range: { after?: number; limit?: number } = {}) {
    const response = await this.#call(`/logs/${path(log)}`, { query: range });
    if (response.body) yield* jsonLines<LogLine>(response.body);
  }

  /** Readings by time, series after series; the last line tells where more is. */
  async *history(range: HistoryRange): AsyncGenerator<HistoryRow | HistoryCursor> {
    const response = await this.#call("/history", { query: { ...range }, timeoutMs: 0 });
    if (response.body) yield* jsonLines<HistoryRow | HistoryCursor>(response.body);
  }

  /** The same as CSV, as it comes. */
  async *historyCsv(range: HistoryRange): AsyncGenerator<string> {
    const call = { query: { ...range }, timeoutMs: 0, accept: "text/csv" };
    const { body } = await this.#call("/history", call);
    if (body) yield* body.pipeThrough(new TextDecoderStream());
  }

  async publish(
    topic: string,
    payload: Uint8Array | string,
    options: { qos?: 0 | 1; retain?: boolean } = {},
  ): Promise<void> {
    const call = { method: "POST", bytes: payload, query: options } as const;
    await (await this.#call(`/publish/${path(topic)}`, call)).arrayBuffer();
  }

  /** Live messages, until the loop is left or the signal fires. */
  async *stream(filter: string, signal?: AbortSignal): AsyncGenerator<StreamMessage> {
    for await (const event of this.#events(`/streams/${path(filter)}`, signal)) {
      if (event.event === "message") yield JSON.parse(event.data) as StreamMessage;
    }
  }

  /** What a Thing sent last, if anything, and what it sends from now, at most one a second. */
  async *thingSeen(id: string, signal?: AbortSignal): AsyncGenerator<SeenMessage> {
    for await (const { event, data } of this.#events(`/things/${part(id)}/seen`, signal)) {
      if (event === "seen") yield JSON.parse(data) as SeenMessage;
    }
  }

  /** The world once a second, and what happens in between. */
  async *worldLive(
    signal?: AbortSignal,
  ): AsyncGenerator<{ event: "world"; data: World } | { event: "happening"; data: Happening }> {
    for await (const { event, data } of this.#events("/world/live", signal)) {
      if (event === "world") yield { event, data: JSON.parse(data) as World };
      if (event === "happening") yield { event, data: JSON.parse(data) as Happening };
    }
  }

  readonly #json = <T>(route: string, call?: Call) => this.#caller.json<T>(route, call);
  readonly #call = (route: string, call: Call) => this.#caller.call(route, call);
  readonly #events = (route: string, signal?: AbortSignal) => this.#caller.events(route, signal);
}
