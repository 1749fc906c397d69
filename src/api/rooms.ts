import { setTimeout as sleep } from "node:timers/promises";
import type { ListenerResource } from "../client/resources.ts";
import type { ApiDeps, NodeFacts } from "./deps.ts";
import type { DataAccess } from "../federate/data-access.ts";
import type { DataAccessRequests } from "../federate/data-access-requests.ts";
import type { OpenIdLogin } from "../federate/openid.ts";
import type { Federation } from "../federate/federation.ts";
import type { ProductSamples } from "../federate/samples.ts";
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
import type { TopResource } from "../client/top.ts";
import { readMessages } from "../flow/log-reader.ts";
import type { Readings } from "../flow/readings.ts";
import { type Clock } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/id.ts";
import type { Journal } from "../kernel/journal.ts";
import type { Agreements } from "../market/agreements.ts";
import type { Catalogue } from "../market/catalogue.ts";
import type { Commissions } from "../market/commission/commissions.ts";
import type { Recognitions } from "../market/commission/recognitions.ts";
import type { Refusals } from "../market/refusals.ts";
import type { ConsumerCounts } from "../meter/consumer-counts.ts";
import type { Owed } from "../meter/owed.ts";
import type { ProviderReceipts } from "../meter/receipts-provider.ts";
import type { Traffic } from "../meter/traffic.ts";
import type { Meter } from "../meter/usage.ts";
import type { Store } from "../ports/store.ts";
import type { Shares } from "../market/shares.ts";
import { evidenceApi, type EvidenceRooms, receiptProver } from "./evidence-api.ts";
import { invoicesApi, type InvoiceRooms } from "./invoices-api.ts";
import { sharesApi } from "./share/shares-api.ts";
import { booksApi } from "./books-api.ts";
import { spendingApi } from "./spending-api.ts";
import { ownersApi } from "./owners-api.ts";
import { setoffsApi } from "./setoffs-api.ts";
import { settleApi } from "./settle-api.ts";
import {
  agreementsApi,
  erasuresApi,
  peersApi,
  productsApi,
  sampleOf,
  transfersApi,
} from "./trade-api.ts";
import type { Budgets } from "../settle/budgets.ts";
import type { Parts } from "../settle/owners/parts.ts";
import type { OwnerShares } from "../settle/owners/shares.ts";
import type { SetoffExchange } from "../settle/setoff/exchange.ts";
import type { Setoffs } from "../settle/setoff/setoffs.ts";
import type { StatementExchange } from "../settle/statements/exchange.ts";
import type { Statements } from "../settle/statements/statements.ts";
import type { SpendingLimits } from "../settle/spending-limits.ts";
import type { Sectors } from "../sectors/room.ts";
import { nameOfPrincipal } from "../things/access.ts";
import type { AppKeys } from "../things/app-keys.ts";
import type { AuditTrail } from "../things/audit.ts";
import type { ConsoleSessions } from "../things/console-sessions.ts";
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

export interface Rooms {
  readonly facts: NodeFacts;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly journal: Journal;
  readonly store: Store;
  readonly things: Things;
  readonly onboarding: Onboarding;
  readonly users: Users;
  readonly sessions: ConsoleSessions;
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
  readonly setoffs: { readonly exchange: SetoffExchange; readonly kept: Setoffs };
  readonly owners: { readonly parts: Parts; readonly shares: OwnerShares };
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
  const prove = receiptProver(rooms.evidenceLog);
  return {
    node: facts,
    clock,
    journal,
    things,
    onboarding: rooms.onboarding,
    users,
    sessions: rooms.sessions,
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
    settle: settleApi({ ...rooms, prove }),
    spending: spendingApi(rooms),
    evidence: evidenceApi(rooms.evidenceLog, (did) => rooms.federation.peers.nameOf(did)),
    ...{ books: booksApi({ ...rooms, prove }), setoffs: setoffsApi(rooms) },
    owners: ownersApi(rooms),
    prices: rooms.federation.prices,
    invoices: invoicesApi(rooms.invoices, rooms.federation.peers, {
      ...{ store: rooms.store, prove },
      agreementOf: (id) => rooms.agreements.need(id),
    }),
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
