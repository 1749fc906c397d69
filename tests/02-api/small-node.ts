import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiDeps } from "../../src/api/deps.ts";
import type { LogRow, MessageToPublish } from "../../src/api/streams-api.ts";
import type { MessageSeen } from "../../src/flow/local-streams.ts";
import { apiRoutes, createHttpServer, listenHttp } from "../../src/api/server.ts";
import { ComityHttp } from "../../src/client/http.ts";
import type { Overview } from "../../src/client/world.ts";
import { openEmbeddedSearch } from "../../src/engines/embedded/search.ts";
import { openEmbeddedSigner } from "../../src/engines/embedded/signer.ts";
import { openEmbeddedStore } from "../../src/engines/embedded/store.ts";
import { entryOf, type FoundOffer } from "../../src/federate/found-offer.ts";
import type { SearchIndex } from "../../src/ports/search.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { ComityError } from "../../src/kernel/errors.ts";
import { systemEntropy } from "../../src/kernel/id.ts";
import { Journal } from "../../src/kernel/journal.ts";
import type { Agreement } from "../../src/market/agreement.ts";
import { Agreements } from "../../src/market/agreements.ts";
import { Catalogue } from "../../src/market/catalogue.ts";
import { Shares } from "../../src/market/shares.ts";
import { productFrom } from "../../src/market/new-product.ts";
import { rulesOf } from "../../src/market/policy.ts";
import { describePolicy, plainPolicy } from "../../src/market/policy/plain.ts";
import type { Product } from "../../src/market/product.ts";
import { AppKeys } from "../../src/things/app-keys.ts";
import { AuditTrail } from "../../src/things/audit.ts";
import { ConsoleSessions } from "../../src/things/console-sessions.ts";
import { Things } from "../../src/things/directory.ts";
import { Onboarding } from "../../src/things/onboarding/onboarding.ts";
import { Sectors } from "../../src/sectors/room.ts";
import { SlowDown } from "../../src/things/slow-down.ts";
import { Users } from "../../src/things/users.ts";
import { JsonPathSearch } from "../../src/things/wot/jsonpath-search.ts";
import { TdDirectory } from "../../src/things/wot/td-directory.ts";
import { Validator } from "../../src/things/wot/validator.ts";
import { smallMoney, statementLineOf, usageToldOf } from "./small-money.ts";
import { smallCommissions } from "./small-commissions.ts";
import { smallStreams } from "./small-streams.ts";

/** The rooms the API only passes on to, kept in memory; the API, its store and HTTP are real. */
export interface SmallNode {
  readonly url: string;
  readonly adminToken: string;
  readonly admin: ComityHttp;
  readonly deps: ApiDeps;
  readonly state: SmallState;
  readonly folder: string;
  close(): Promise<void>;
}

interface SmallState {
  readonly products: Map<string, Product>;
  readonly agreements: Map<string, Agreement>;
  readonly published: MessageToPublish[];
  readonly rows: LogRow[];
  readonly overviews: Map<string, Overview>;
  readonly subscribers: Set<{ filter: string; onMessage: (message: MessageSeen) => void }>;
  readonly links: string[];
}

export const self = "did:web:localhost%3A8080";
export const other = "did:web:localhost%3A8081";

const price = { amount: "0.002", currency: "EUR", perMessages: 1 };

export function agreement(id: string, role: "provider" | "consumer"): Agreement {
  return {
    id,
    role,
    provider: role === "provider" ? self : other,
    consumer: role === "provider" ? other : self,
    product: "bus",
    title: "Bus positions",
    delivery: "logged",
    topics: ["bus/#"],
    price,
    policy: { "@type": "Agreement", "@id": id, ...rulesOf({ price }) },
    policyHash: "sha256:x",
    evidence: { payload: "", signatures: [] },
    keys: {},
    signedAt: "2026-11-22T00:00:00.000Z",
    state: "active",
  };
}

export async function smallNode(
  options: { dev?: boolean; publicWorld?: boolean; consoleDir?: string } = {},
): Promise<SmallNode> {
  const folder = await mkdtemp(join(tmpdir(), "comity-api-"));
  const store = await openEmbeddedStore({ path: join(folder, "store.db") });
  const search = await openEmbeddedSearch({ path: join(folder, "search.db") });
  const outside = { store, clock: systemClock, entropy: systemEntropy };
  const things = await Things.open(outside);
  const onboarding = await Onboarding.open({
    ...outside,
    things,
    onFailed: (error) => assert.fail(String(error)),
  });
  const { users, adminToken = "" } = await Users.open({
    ...outside,
    keepAdminToken: async () => {},
  });
  const contracts = {
    catalogue: await Catalogue.open(outside),
    agreements: await Agreements.open(store),
    signer: await openEmbeddedSigner({ ...outside, dir: folder, did: self }),
  };
  const state: SmallState = {
    products: new Map(),
    agreements: new Map(),
    published: [],
    rows: [],
    overviews: new Map(),
    subscribers: new Set(),
    links: [],
  };
  let url = "";
  const address = () => ({ httpUrl: url, mqttUrl: "mqtt://127.0.0.1:1883" });
  const validator = new Validator();
  const directory = new TdDirectory({ ...outside, things, validator, address });
  const tdSearch = new JsonPathSearch({ directory });
  const deps: ApiDeps = {
    node: {
      name: "rotterdam",
      did: self,
      title: "Rotterdam <Transit>",
      country: "NL",
      currency: "EUR",
      place: { lat: 51.92, lon: 4.48 },
      version: "0.1.0",
      dev: options.dev ?? false,
      publicWorld: options.publicWorld ?? false,
      failed: () => undefined,
      httpUrl: () => url,
      mqttUrl: () => "mqtt://127.0.0.1:1883",
    },
    clock: systemClock,
    journal: new Journal(),
    things,
    onboarding,
    users,
    sessions: new ConsoleSessions({ ...outside, users }),
    audit: await AuditTrail.open(store, systemClock),
    slow: new SlowDown(systemClock),
    keys: await AppKeys.open(outside),
    ...rooms(state, search),
    retained: { list: () => [], clear: async () => 0 },
    top: () => {
      throw new ComityError("NOT_FOUND", { what: "data plane", id: "small" });
    },
    wot: {
      validator,
      readings: { last: () => undefined, flagged: () => [] },
      ...{ directory, search: tdSearch, address },
    },
    shares: {
      openid: undefined,
      book: await Shares.open({ ...outside, ...contracts }),
      mqttUrl: () => "mqtt://127.0.0.1:1883",
      terms: () => [],
      feedsOf: () => [],
      sample: () => () => {},
      opened: async () => {},
      revoke: (id) => Promise.reject(new ComityError("NOT_FOUND", { what: "share", id })),
    },
    ...(await smallMoney(store, contracts.agreements, contracts.signer)),
    evidence: {
      state: async () => ({ origin: self, size: 0, keys: [], witnesses: [], conflicts: [] }),
      prove: (id) => Promise.reject(new ComityError("NOT_FOUND", { what: "entry", id })),
    },
    commissions: await smallCommissions({ ...outside, signer: contracts.signer }),
    sectors: await Sectors.open({
      ...{ store, clock: systemClock, journal: new Journal(), sectors: [] },
      subscribe: () => () => {},
      fetch: async () => undefined,
      readFile: async () => undefined,
      connect: () => () => {},
      pseudonyms: () => (value) => value,
      publish: async () => {},
      describe: async () => {},
      publishFigure: async () => {},
      readTail: async () => {},
    }),
    consoleDir: options.consoleDir ?? join(folder, "no-console"),
    limits: { bodyBytesMax: 65_536 },
  };
  const app = createHttpServer();
  await apiRoutes(app, deps);
  url = await listenHttp(app, { host: "127.0.0.1", port: 0 });
  return {
    url,
    adminToken,
    admin: new ComityHttp({ url, token: adminToken }),
    deps,
    state,
    folder,
    close: async () => {
      await app.close();
      deps.spending.limits.close();
      onboarding.close();
      await tdSearch.close();
      await directory.close();
      await validator.close();
      await search.close();
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

function rooms(state: SmallState, search: SearchIndex) {
  return {
    dataAccess: {
      set: (id) => Promise.reject(new ComityError("NOT_FOUND", { what: "Thing", id })),
      ask: ({ provider: peer }) =>
        Promise.reject(new ComityError("PEER_UNREACHABLE", { peer, problem: "gone" })),
      withdraw: async () => {},
      refusals: () => [],
    },
    erasures: {
      of: (id) => {
        throw new ComityError("NOT_FOUND", { what: "agreement", id });
      },
      erase: (id) => Promise.reject(new ComityError("NOT_FOUND", { what: "agreement", id })),
    },
    prices: {
      offerOf: async () => undefined,
      offer: (id) => Promise.reject(new ComityError("NOT_FOUND", { what: "agreement", id })),
      decide: (id) => Promise.reject(new ComityError("NOT_FOUND", { what: "agreement", id })),
    },
    samples: (id) => Promise.reject(new ComityError("NOT_FOUND", { what: "product", id })),
    products: {
      list: () => [...state.products.values()],
      get: (id) => state.products.get(id),
      quality: () => undefined,
      add: async (draft) => {
        const product = productFrom(draft, Date.parse("2026-11-22T00:00:00Z"));
        state.products.set(draft.id, product);
        return product;
      },
      remove: async (id) => state.products.delete(id),
    },
    peers: {
      list: () => [{ did: other, name: "nairobi", url: "http://127.0.0.1:1" }],
      add: async (url) => ({ did: other, name: "nairobi", url }),
      remove: async (id) => {
        throw new ComityError("NOT_FOUND", { what: "peer", id });
      },
      nameOf: (did) => (did === other ? "nairobi" : did),
      overview: async (did) => {
        const overview = state.overviews.get(did);
        if (!overview) throw new ComityError("PEER_UNREACHABLE", { peer: did, problem: "gone" });
        return overview;
      },
    },
    offers: {
      async find(query) {
        await search.forget(self);
        const put = [...state.products.values()].map((product) => entryOf(offerOf(product)));
        await search.change(self, { put, remove: [], seenAt: 0 });
        const { found, total } = await search.find(query);
        return { offers: found.map(({ doc }) => doc as FoundOffer), total };
      },
    },
    wants: {
      list: () => [],
      add: async () => {
        throw new ComityError("LIMIT_REACHED", { limit: 0, what: "wants" });
      },
      remove: async (id) => {
        throw new ComityError("NOT_FOUND", { what: "want", id });
      },
    },
    agreements: {
      list: () => [...state.agreements.values()],
      get: (id) => state.agreements.get(id),
      agree: async (offer) => {
        const made = agreement(`urn:uuid:${offer}`, "consumer");
        state.agreements.set(made.id, made);
        return made;
      },
      revoke: async (id, by) => {
        const active = state.agreements.get(id) ?? agreement(id, "provider");
        const at = "2026-11-22T01:00:00.000Z";
        const ended: Agreement = {
          ...active,
          state: "ended",
          ended: { reason: "revoked", by, at },
        };
        state.agreements.set(id, ended);
        return ended;
      },
      linkBudget: async () => {},
      link: async (id, action) => void state.links.push(`${action} ${id}`),
    },
    negotiations: {
      list: async () => [],
      need: async (id) => {
        throw new ComityError("NOT_FOUND", { what: "negotiation", id });
      },
      propose: async ({ product: id }) => {
        throw new ComityError("NOT_FOUND", { what: "product", id });
      },
      request: async ({ offer: id }) => {
        throw new ComityError("NOT_FOUND", { what: "offer", id });
      },
      move: async (id) => {
        throw new ComityError("NOT_FOUND", { what: "negotiation", id });
      },
    },
    transfers: {
      list: async () => [],
      need: async (id) => {
        throw new ComityError("NOT_FOUND", { what: "transfer", id });
      },
      request: async (id) => {
        throw new ComityError("NOT_FOUND", { what: "agreement", id });
      },
      act: async (id) => {
        throw new ComityError("NOT_FOUND", { what: "transfer", id });
      },
    },
    settle: {
      usage: () => [...state.agreements.values()].map(usageToldOf),
      usageOf: (id) => {
        const found = state.agreements.get(id);
        return found && usageToldOf(found);
      },
      receipts: async (_id, after, limit) => {
        const all = [1, 2, 3].map((seq) => ({ seq }));
        return all.slice(after, after + limit);
      },
      statement: async (month) =>
        [...state.agreements.values()].map((one) => statementLineOf(one, month)),
      budgetOf: async () => undefined,
      bill: async (month, id) => (state.agreements.has(id) ? { v: 1, month } : undefined),
    },
    logs: {
      list: async () => [{ log: "product/bus", epoch: "e", end: 3, messages: 3, bytes: 9 }],
      read: (log, after, limit) => readRows(state.rows, log, after, limit),
    },
    history: {
      lines: ({ log = "" }) => {
        throw new ComityError("NOT_FOUND", { what: "log", id: log });
      },
    },
    streams: smallStreams(state),
    traffic: {
      mqttConnections: () => 3,
      mqttListeners: () => [],
      messagesPerSecond: () => 12.5,
      links: () => [
        {
          agreement: "urn:uuid:a",
          state: "up",
          messages: 7,
          lagMs: 4,
          since: "2026-11-20T12:00:00.000Z",
          wireBytes: 10,
          packetBytes: 10,
        },
      ],
      refusals: () => ({ cap: 2 }),
      dropped: () => 0,
      flows: () =>
        [...state.agreements.keys()].map((id) => ({
          agreement: id,
          link: "up" as const,
          ratePerSecond: 2,
          messages: 1000,
          amountMicro: 2_000_000n,
          latencyMs: 3,
        })),
    },
  } satisfies Partial<ApiDeps>;
}

async function* readRows(rows: readonly LogRow[], log: string, after: number, limit: number) {
  if (log !== "product/bus") throw new ComityError("NOT_FOUND", { what: "log", id: log });
  yield* rows.filter((row) => row.position >= after).slice(0, limit);
}

function offerOf(product: Product): FoundOffer {
  const { id, title, description, topics, delivery, keywords, sector, terms } = product;
  const about = { title, description, topics, delivery, keywords, sector };
  const offer = { offer: `${id}:abc`, product: id, ...about };
  const whose = { provider: self, providerName: "rotterdam" };
  const told = { plain: plainPolicy(terms), promises: describePolicy(terms) };
  return { ...offer, ...whose, ...told, price: terms.price };
}
