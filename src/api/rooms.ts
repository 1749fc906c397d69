import { setTimeout as sleep } from "node:timers/promises";
import type { ListenerResource } from "../client/resources.ts";
import type { ApiDeps, NodeFacts, ProductToAdd, PurchaseLimits } from "./deps.ts";
import type { DataAccess } from "../federate/data-access.ts";
import type { DataAccessRequests } from "../federate/data-access-requests.ts";
import type { OpenIdLogin } from "../federate/openid.ts";
import type { Federation } from "../federate/federation.ts";
import { offerAttested } from "../federate/found-offer.ts";
import type { ProductSamples, Sample } from "../federate/samples.ts";
import type { Issuers } from "../federate/issuers.ts";
import type { Wants } from "../federate/wants.ts";
import type { Links } from "../federate/links.ts";
import type { Flow } from "../flow/flow.ts";
import type { Marks } from "../flow/marks.ts";
import type { HistoryKeeping } from "../flow/history/keeping.ts";
import { followFrom } from "../flow/follow-from.ts";
import { OwnStream } from "../flow/own-stream.ts";
import { ownHistoryLines } from "../flow/history/own-source.ts";
import { publishOne, subscribeMessages } from "../flow/local-streams.ts";
import type { ErasureResource } from "../client/erasure.ts";
import type { TopResource } from "../client/top.ts";
import { readMessages } from "../flow/log-reader.ts";
import type { Readings } from "../flow/readings.ts";
import { type Clock, monthOf } from "../kernel/clock.ts";
import { ComityError } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Agreement } from "../market/agreement.ts";
import type { Agreements } from "../market/agreements.ts";
import type { Catalogue } from "../market/catalogue.ts";
import type { Commissions } from "../market/commission/commissions.ts";
import type { Recognitions } from "../market/commission/recognitions.ts";
import type { Refusals } from "../market/refusals.ts";
import { isTransferFormat } from "../market/formats.ts";
import type { ConsumerCounts } from "../meter/consumer-counts.ts";
import type { Owed } from "../meter/owed.ts";
import { receiptsAfter } from "../meter/receipt.ts";
import type { ProviderReceipts } from "../meter/receipts-provider.ts";
import type { Traffic } from "../meter/traffic.ts";
import type { Meter } from "../meter/usage.ts";
import type { Store } from "../ports/store.ts";
import type { Shares } from "../market/shares.ts";
import { evidenceApi, type EvidenceRooms } from "./evidence-api.ts";
import { invoicesApi, type InvoiceRooms } from "./invoices-api.ts";
import { sharesApi } from "./share/shares-api.ts";
import { booksApi } from "./books-api.ts";
import { spendingApi } from "./spending-api.ts";
import type { Budgets } from "../settle/budgets.ts";
import { billOf, oneSidedBillOf } from "../settle/bill.ts";
import type { StatementExchange } from "../settle/statements/exchange.ts";
import type { Statements } from "../settle/statements/statements.ts";
import type { SpendingLimits } from "../settle/spending-limits.ts";
import { begunStatement } from "../settle/statement.ts";
import { usageOf } from "../settle/usage-view.ts";
import type { Sectors } from "../sectors/room.ts";
import { nameOfPrincipal } from "../things/access.ts";
import type { AppKeys } from "../things/app-keys.ts";
import type { AuditTrail } from "../things/audit.ts";
import type { Jwts } from "../things/jwt.ts";
import type { Paces } from "../things/pace.ts";
import type { SlowDown } from "../things/slow-down.ts";
import type { Things } from "../things/directory.ts";
import type { Onboarding } from "../things/onboarding/onboarding.ts";
import type { Users } from "../things/users.ts";
import type { JsonPathSearch } from "../things/wot/jsonpath-search.ts";
import type { TdDirectory } from "../things/wot/td-directory.ts";
import type { NodeAddress } from "../things/wot/thing-description.ts";
import type { Validator } from "../things/wot/validator.ts";

/** How long a question waits for the other side to co-sign what is still open. */
const closeWithinMs = 2000;

export interface Rooms {
  readonly facts: NodeFacts;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly store: Store;
  readonly things: Things;
  readonly onboarding: Onboarding;
  readonly users: Users;
  readonly validator: Validator;
  readonly readings: Readings;
  readonly directory: TdDirectory;
  readonly tdSearch: JsonPathSearch;
  readonly address: () => NodeAddress;
  readonly audit: AuditTrail;
  readonly slow: SlowDown;
  readonly paces: Paces;
  readonly keys: AppKeys;
  /** Absent: JWTs let nobody in. */
  readonly jwts?: Jwts | undefined;
  readonly catalogue: Catalogue;
  readonly agreements: Agreements;
  readonly federation: Federation;
  readonly wants: Wants;
  readonly dataAccess: DataAccess;
  readonly accessRequests: DataAccessRequests;
  readonly refusals: Refusals;
  readonly flow: Flow;
  readonly history: HistoryKeeping;
  readonly samples: ProductSamples;
  readonly meter: Meter;
  readonly counts: ConsumerCounts;
  readonly links: Links;
  readonly mqttConnections: () => number;
  readonly observer: { top(limit: number): TopResource };
  readonly mqttListeners: () => readonly ListenerResource[];
  readonly traffic: Traffic;
  readonly receipts: ProviderReceipts;
  readonly budgets: Budgets;
  readonly spending: SpendingLimits;
  readonly evidenceLog: EvidenceRooms;
  readonly statements: { readonly exchange: StatementExchange; readonly kept: Statements };
  readonly invoices: InvoiceRooms;
  readonly owed: Owed;
  readonly shares: Shares;
  readonly sectors: Sectors;
  readonly commissions: Commissions;
  readonly recognitions: Recognitions;
  readonly issuers: Issuers;
  readonly marks: Marks;
  /** `mqtt://host:port` that others are told. */
  readonly announcedMqttUrl: () => string;
  readonly openid: OpenIdLogin | undefined;
}

/** The rooms as the HTTP API sees them. */
export function apiDeps(rooms: Rooms): ApiDeps {
  const { facts, clock, journal, things, users, audit } = rooms;
  return {
    node: facts,
    clock,
    journal,
    things,
    onboarding: rooms.onboarding,
    users,
    audit,
    ...{ slow: rooms.slow, keys: rooms.keys, jwts: rooms.jwts },
    wot: {
      validator: rooms.validator,
      readings: rooms.readings,
      ...{ directory: rooms.directory, search: rooms.tdSearch },
      address: rooms.address,
    },
    dataAccess: {
      set: (thing, access) => rooms.dataAccess.set(thing, access),
      ask: (asked) => rooms.accessRequests.ask(asked),
      withdraw: (asked) => rooms.accessRequests.withdraw(asked),
      refusals: () => rooms.refusals.list(),
    },
    products: productsApi(rooms),
    samples: (named, provider) => sampleOf(rooms, named, provider),
    peers: peersApi(rooms),
    offers: rooms.federation.offers,
    wants: rooms.wants,
    agreements: agreementsApi(rooms),
    erasures: erasuresApi(rooms),
    negotiations: rooms.federation.negotiations,
    transfers: transfersApi(rooms),
    settle: settleApi(rooms),
    spending: spendingApi(rooms),
    evidence: evidenceApi(rooms.evidenceLog, (did) => rooms.federation.peers.nameOf(did)),
    books: booksApi(rooms),
    prices: rooms.federation.prices,
    invoices: invoicesApi(rooms.invoices, rooms.federation.peers),
    shares: sharesApi(rooms),
    sectors: rooms.sectors,
    commissions: {
      documents: rooms.commissions,
      ...{ recognitions: rooms.recognitions, issuers: rooms.issuers, marks: rooms.marks },
    },
    logs: {
      list: () => rooms.store.logs(),
      read: (log, after, limit) => readMessages(rooms.store, log, after, limit),
    },
    history: { lines: (query) => ownHistoryLines(rooms.history, query) },
    streams: {
      publish: async (principal, message) => {
        const restMs = rooms.paces.takeOne(principal, message.payload.length);
        const publisher = nameOfPrincipal(principal);
        const published = await publishOne(rooms.flow, { ...message, publisher });
        // The answer waits, and with it a sender that goes by answers.
        if (restMs > 0) await sleep(restMs);
        return published;
      },
      subscribe: (_principal, filter, onMessage) =>
        subscribeMessages(rooms.flow, filter, onMessage),
      followFrom: (filters, lastId) => followFrom(rooms.flow, filters, lastId),
      follow: (followed, line, queueBytesMax) =>
        new OwnStream({ flow: rooms.flow, followed, line, queueBytesMax }),
    },
    retained: {
      list: (filter, limit) =>
        rooms.flow.retained
          .keptOf(filter)
          .slice(0, limit)
          .map(({ run: { topic, payloadBytes }, at }) => {
            return { topic, at: new Date(at).toISOString(), payloadBytes };
          }),
      clear: (filter) => rooms.flow.retained.clear(filter),
    },
    top: (limit) => rooms.observer.top(limit),
    traffic: {
      mqttConnections: rooms.mqttConnections,
      mqttListeners: rooms.mqttListeners,
      messagesPerSecond: () => rooms.traffic.messagesPerSecond(),
      links: () =>
        rooms.links.list().map(({ agreement, used, report }) => {
          return { agreement: agreement.id, messages: used.messages, ...report.told };
        }),
      refusals: () => rooms.meter.refusals(),
      dropped: () => rooms.flow.counts.droppedMessages,
      flows: () => rooms.traffic.flows(),
    },
  };
}

function productsApi(rooms: Rooms): ApiDeps["products"] {
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
function withMark({ commissions, recognitions }: Rooms, input: ProductToAdd): ProductToAdd {
  if (input.conformsTo === undefined) return input;
  const { hash, document } = commissions.need(input.conformsTo);
  const { issuer, sector, version } = document;
  const problem = !recognitions.counts(hash)
    ? `conformsTo is ${sector} ${version} of ${issuer}, which this node does not recognise.`
    : `conformsTo is of the sector ${sector}, the product of ${input.sector ?? "none"}.`;
  if (recognitions.counts(hash) && sector === input.sector) return { ...input, conformsTo: hash };
  throw new ComityError("PRODUCT_INVALID", { problem });
}

function peersApi({ federation: { peers, offers }, agreements }: Rooms): ApiDeps["peers"] {
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
async function sampleOf(rooms: Rooms, named: string, provider?: string): Promise<Sample> {
  const { federation, samples } = rooms;
  if (!named.includes(":"))
    return provider === undefined ? samples.own(named) : samples.of(named, provider);
  const { offers } = federation;
  const from = provider ?? (await offers.providerOf(named));
  return samples.of((await offers.need(named, from)).product, from);
}

function agreementsApi(rooms: Rooms): ApiDeps["agreements"] {
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

function erasuresApi({ agreements, federation }: Rooms): ApiDeps["erasures"] {
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

function transfersApi({ federation: { transfers } }: Rooms): ApiDeps["transfers"] {
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

function isLimited({ users }: Rooms, { user, spendMax }: PurchaseLimits): boolean {
  const hasBudget = user !== undefined && users.get(user)?.budget !== undefined;
  return hasBudget || spendMax !== undefined;
}

function settleApi(rooms: Rooms): ApiDeps["settle"] {
  const { agreements, clock, store } = rooms;
  const need = (id: string): Agreement => agreements.need(id);
  return {
    usage: () => Promise.all(agreements.list().map((agreement) => usageOf(agreement, rooms))),
    usageOf: (id) => usageOf(need(id), rooms),
    async receipts(id, after, limit) {
      await rooms.receipts.closeWindows(id, closeWithinMs);
      return receiptsAfter(store, id, after, limit);
    },
    statement: async (month) => begunStatement(store, agreements.list(), month, clock.now()),
    budgetOf: (user) => rooms.budgets.stateOf(user),
    async bill(month, id) {
      await rooms.receipts.closeWindows(id, closeWithinMs);
      const counted = await oneSidedBillOf(store, need(id), month);
      if (month > monthOf(clock.now())) {
        throw new ComityError("BILL_ABSENT", { month, id });
      }
      return counted ?? billOf(store, need(id), month);
    },
  };
}
