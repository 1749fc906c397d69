/**
 * One node, put together: the only file that names an engine. No globals, so that many nodes run
 * in one process. What comes in: options and the outside (clock, randomness). What goes out: a
 * running node with its addresses. It decides nothing itself.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pino, { type Logger } from "pino";
import { apiDeps } from "./api/rooms.ts";
import { apiRoutes, createHttpServer, listenHttp } from "./api/server.ts";
import { packageVersion } from "./api/version.ts";
import { authenticator } from "./connect/mqtt/authenticate.ts";
import { mqttLimits, type MqttLimits } from "./connect/mqtt/limits.ts";
import { MqttServer } from "./connect/mqtt/server.ts";
import { openEmbeddedSigner } from "./engines/embedded/signer.ts";
import { openEmbeddedStore } from "./engines/embedded/store.ts";
import { announcedMqttUrl, assertAnnounceable } from "./federate/announced-address.ts";
import { federationRoutes, openFederation } from "./federate/federation.ts";
import { Links } from "./federate/links.ts";
import { receiptRoutes } from "./federate/receipt-routes.ts";
import type { LocalPeer } from "./federate/resolver.ts";
import { Flow } from "./flow/flow.ts";
import { type Clock, systemClock } from "./kernel/clock.ts";
import { Closing } from "./kernel/closing.ts";
import { type Crash, neverCrash } from "./kernel/crash.ts";
import { ComityError, problemOf } from "./kernel/errors.ts";
import { type Entropy, systemEntropy } from "./kernel/id.ts";
import { Journal } from "./kernel/journal.ts";
import { amountMicro } from "./kernel/price.ts";
import type { Place } from "./kernel/place.ts";
import { Agreements } from "./market/agreements.ts";
import { Catalogue } from "./market/catalogue.ts";
import { grantOf } from "./market/compile.ts";
import { transferIsOver } from "./market/transfer.ts";
import { ConsumerCounts } from "./meter/consumer-counts.ts";
import { ConsumerReceipts } from "./meter/receipts-consumer.ts";
import { ProviderReceipts } from "./meter/receipts-provider.ts";
import { Meter } from "./meter/usage.ts";
import { Traffic } from "./meter/traffic.ts";
import { postingsOf } from "./settle/ledger.ts";
import { AuditTrail } from "./things/audit.ts";
import { principalOfCredentials } from "./things/credentials.ts";
import { Things } from "./things/directory.ts";
import { Users } from "./things/users.ts";
import { reason } from "./wire/mqtt/protocol.ts";

export interface NodeOptions {
  /** `[a-z0-9-]{1,64}`: how peers name it. */
  readonly name: string;
  readonly title: string;
  /** ISO 3166-1 alpha-2 code. */
  readonly country: string;
  /** ISO 4217 code. */
  readonly currency: string;
  readonly place: Place;
  /** Its identity, at the first start only; absent: `did:web` of its public address. */
  readonly did?: string;
  /** Folder of everything that must not be lost. */
  readonly data: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly mqtt: { readonly host: string; readonly port: number };
  /** Where others reach it over HTTP, where that is another address than it binds. */
  readonly publicUrl?: string;
  /** `mqtt://host:port` that consumers are told; absent: the bound port on `publicUrl`'s host. */
  readonly publicMqttUrl?: string;
  /** Peers on this machine or network, which the guard against private addresses lets through. */
  readonly localPeers: readonly LocalPeer[];
  /** Anonymous clients on loopback are operators. */
  readonly dev: boolean;
  readonly publicWorld: boolean;
  /** How often usage becomes a receipt. */
  readonly receiptWindowMs: number;
  /** Delivery under an agreement rests when so many messages are owed without a signature. */
  readonly exposureMessagesMax?: number;
  readonly limits?: Partial<MqttLimits>;
  readonly logLevel?: "fatal" | "error" | "warn" | "info" | "debug" | "silent";
  readonly crash?: Crash;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
}

export interface RunningNode {
  readonly name: string;
  readonly did: string;
  readonly httpUrl: string;
  readonly mqttUrl: string;
  /** Only at the first start; later it stands in `<data>/admin-token`. */
  readonly adminToken?: string;
  /** Resolves with STORE_FAILED when the node can keep nothing any longer and must be started anew. */
  readonly failed: Promise<ComityError>;
  /** Hands on what waits, keeps what must be kept, and ends. */
  close(): Promise<void>;
}

const exposureMessagesMax = 100_000;
/** So that the last acknowledgement comes in before a guest's connection is closed. */
const farewellMs = 1000;

/** Throws CONFIG_INVALID, PORT_BUSY, DATA_LOCKED, DATA_NEWER or STORE_FAILED; then nothing runs. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  assertAnnounceable(options);
  const { name: node, logLevel: level = "warn" } = options;
  const log = pino({ level, base: { node } }, pino.destination(2));
  const closing = new Closing((name, err) => log.error({ err }, `${name} did not close well`));
  try {
    const rooms = await openRooms(options, log, closing);
    const trade = await openTrade(rooms);
    await contractsToDataPlane(rooms, trade);
    await openDoors(rooms, trade);
    await trade.federation.resume();
    dataPlaneToContracts(rooms, trade);
    for (const agreement of rooms.agreements.list()) trade.links.start(agreement);
    await trade.receipts.start();
    trade.traffic.start();
    return runningNode(rooms);
  } catch (error) {
    await closing.close();
    throw error;
  }
}

type Rooms = Awaited<ReturnType<typeof openRooms>>;
type Trade = Awaited<ReturnType<typeof openTrade>>;

/** What this organisation has of its own: its store, its key, its things, contracts and counts. */
async function openRooms(options: NodeOptions, log: Logger, closing: Closing) {
  const { clock = systemClock, entropy = systemEntropy, crash = neverCrash } = options;
  makeFolder(options.data);
  const store = await openEmbeddedStore({ path: join(options.data, "comity.db") });
  closing.add("the store", () => store.close());
  let failure: ComityError | undefined;
  void store.failed.then((error) => {
    failure = error;
    log.fatal(error, "nothing can be kept any longer; start the node again");
  });
  const did = options.did ?? didOf(options);
  const signer = await openEmbeddedSigner({ dir: options.data, did, clock, entropy });
  const { users, adminToken } = await Users.open({
    store,
    clock,
    entropy,
    keepAdminToken: async (token) => writeSecret(join(options.data, "admin-token"), token),
  });
  const meter = await Meter.open({ store, clock, crash });
  closing.add("the meter", () => meter.close());
  const flow = await Flow.open({ store, clock, entropy, usage: meter, crash });
  closing.add("the flow", () => flow.close());
  const app = createHttpServer({ logger: log });
  closing.add("HTTP", () => app.close());
  return {
    ...{ options, clock, entropy, crash, store, signer, users, adminToken, meter, flow, app },
    ...{ log, closing, failed: () => failure },
    journal: new Journal(),
    things: await Things.open({ store, clock, entropy }),
    audit: await AuditTrail.open(store, clock),
    catalogue: await Catalogue.open({ store, clock }),
    agreements: await Agreements.open(store),
    counts: await ConsumerCounts.open(store, clock),
    /** Filled in when the sockets are bound. */
    urls: { http: "", mqtt: "" },
  };
}

/** What it has with others: contracts, links, receipts. */
async function openTrade(rooms: Rooms) {
  const { options, store, signer, clock, journal, crash, agreements, counts, flow, urls } = rooms;
  const federation = await openFederation({
    ...rooms,
    profile: options,
    baseUrl: () => options.publicUrl ?? urls.http,
    mqttUrl: () => announcedMqttUrl(options, urls.mqtt),
    localPeers: options.localPeers,
  });
  rooms.closing.add("the federation", () => federation.close());
  const { transfers, peers } = federation;
  const evidence = { store, signer, clock, journal, agreements, postings: postingsOf, crash };
  const owedMax = options.exposureMessagesMax ?? exposureMessagesMax;
  const receipts = new ProviderReceipts({
    ...evidence,
    peers,
    meter: rooms.meter,
    windowMs: options.receiptWindowMs,
    exposureMaxMicro: ({ price }) => amountMicro(price, owedMax),
    onExposure: ({ id }, over) => {
      const gate = flow.grants.get(id);
      if (over) gate?.suspend("exposure");
      else gate?.resume("exposure");
    },
  });
  rooms.closing.add("receipts", () => receipts.close());
  const links = new Links({
    ...{ flow, store, clock, journal, crash, counts },
    nameOf: (peer) => peers.nameOf(peer),
    addressOf: (agreement) => transfers.start(agreement.id),
    renew: (agreement) => transfers.renew(agreement.id),
    lookupOf: ({ provider }, endpoint) => peers.streamLookup(provider, endpoint),
    packetBytesMax: options.limits?.packetBytesMax,
    onEnded: (agreement, why) => {
      // The provider tells it as a signed record as well; whichever comes first.
      const at = new Date(clock.now()).toISOString();
      const ending = { reason: why, by: agreement.provider, at };
      agreements.end(agreement.id, ending).catch((error: unknown) => rooms.log.error(error));
    },
  });
  const cosigner = new ConsumerReceipts({ ...evidence, counts });
  const traffic = new Traffic({ ...rooms, links });
  return { federation, receipts, cosigner, links, traffic };
}

/** What the contracts say reaches the data plane here, and only in this direction. */
async function contractsToDataPlane(rooms: Rooms, { links }: Trade): Promise<void> {
  const { catalogue, agreements, flow, log } = rooms;
  for (const product of catalogue.list()) await flow.serve(product);
  for (const agreement of agreements.list()) {
    if (agreement.state !== "active" || agreement.role !== "provider") continue;
    const { product: id, topics, delivery } = agreement;
    await flow.serve({ id, topics, delivery });
    await flow.open(grantOf(agreement));
  }
  // A product is logged for as long as it is offered or somebody has an agreement on it.
  const withdrawUnused = (id: string): void => {
    const isUsed = agreements
      .list()
      .some((one) => one.product === id && one.role === "provider" && one.state === "active");
    if (!isUsed && catalogue.get(id) === undefined) flow.withdraw(id);
  };
  catalogue.listen((_, { id }) => withdrawUnused(id));
  agreements.onMade((agreement) => {
    if (agreement.role === "consumer") {
      links.start(agreement);
      return;
    }
    // The offer may have been withdrawn while it was negotiated, and its log with it.
    const { product: id, topics, delivery } = agreement;
    flow
      .serve({ id, topics, delivery })
      .then(() => flow.open(grantOf(agreement)))
      .catch((error: unknown) => log.error(error));
  });
  agreements.onEnded((agreement) => {
    if (agreement.role === "consumer") links.end(agreement.id);
    else {
      flow.grants.end(agreement.id, agreement.ended?.reason ?? "revoked");
      withdrawUnused(agreement.product);
    }
  });
}

/** What the data plane notices reaches the contracts, once the other side can look this one up. */
function dataPlaneToContracts(rooms: Rooms, { federation }: Trade): void {
  const { clock, flow, journal, log } = rooms;
  // A cap or an expiry is noticed where packets leave; the contract ends with it.
  flow.grants.onEnded((agreement, why) => {
    federation.endings.end(agreement, why).catch((error: unknown) => log.error(error));
  });
  flow.grants.onNotice((notice) => journal.record({ at: clock.now(), ...notice }));
}

/** The sockets: MQTT for devices, apps and links; HTTP for people, programs and peers. */
async function openDoors(rooms: Rooms, trade: Trade): Promise<void> {
  const { options, signer, things, urls, app, closing, failed } = rooms;
  const { federation, cosigner, links, traffic, receipts } = trade;
  const mqtt = mqttServer(rooms, trade);
  closing.add("MQTT", () => mqtt.close());
  closing.add("the links", () => links.close());
  closing.add("the traffic", () => traffic.close());
  await federationRoutes(app, { federation });
  const { authenticatePeer } = federation;
  await app.register((scope) => receiptRoutes(scope, { receipts: cosigner, authenticatePeer }));
  const { name, title, country, currency, place, dev, publicWorld } = options;
  const facts = {
    ...{ name, title, country, currency, place, dev, publicWorld },
    ...{ did: signer.did, failed },
    version: packageVersion(),
    httpUrl: () => urls.http,
    mqttUrl: () => urls.mqtt,
  };
  const mqttConnections = (): number => mqtt.connectionCount;
  const own = { facts, mqttConnections, federation, links, traffic, receipts };
  await apiRoutes(app, apiDeps({ ...rooms, ...own }));

  const port = await mqtt.listen(options.mqtt.port, options.mqtt.host);
  urls.mqtt = `mqtt://${hostInUrl(options.mqtt.host)}:${port}`;
  urls.http = await listenHttp(app, options.http);
  const withdraw = (kind: "thing" | "user", id: string): void =>
    mqtt.disconnect(
      (principal) => principal.kind === kind && principal.id === id,
      reason.notAuthorized,
      "its credential was withdrawn",
    );
  things.onClosed((id) => withdraw("thing", id));
  rooms.users.onClosed(({ id }) => withdraw("user", id));
}

function mqttServer(rooms: Rooms, { federation }: Trade): MqttServer {
  const { options, clock, things, users, agreements, flow, meter } = rooms;
  const mqtt = new MqttServer({
    flow,
    limits: { ...mqttLimits, ...options.limits },
    onSeen: (thing, summary) => things.lastSeen(thing, clock.now(), summary),
    authenticate: authenticator({
      dev: options.dev,
      ownPrincipal: (name, password) => principalOfCredentials(name, password, { things, users }),
      participant: (agreement, token) => {
        const known = federation.transfers.authenticate(agreement, token);
        return known && { kind: "participant", did: known.did, agreement };
      },
      endedBecause: (agreement) => agreements.get(agreement)?.ended?.reason,
      usage: meter,
    }),
  });
  const disconnectGuests = (agreement: string, why: string): void =>
    mqtt.disconnect(
      (principal) => principal.kind === "participant" && principal.agreement === agreement,
      reason.notAuthorized,
      why,
    );
  flow.grants.onEnded((ended) => {
    setTimeout(() => disconnectGuests(ended, "the agreement ended"), farewellMs).unref();
  });
  federation.transfers.listen(({ role, state, agreement }) => {
    // With the agreement everything ends, after a farewell: see above.
    if (role !== "provider" || agreements.get(agreement)?.state !== "active") return;
    const gate = flow.grants.get(agreement);
    if (state === "SUSPENDED") gate?.suspend("transfer");
    if (state === "STARTED") gate?.resume("transfer");
    if (transferIsOver(state)) disconnectGuests(agreement, "the transfer is over");
  });
  return mqtt;
}

function runningNode(rooms: Rooms): RunningNode {
  const { options, signer, urls, adminToken, store, closing } = rooms;
  return {
    name: options.name,
    did: signer.did,
    httpUrl: urls.http,
    mqttUrl: urls.mqtt,
    ...(adminToken === undefined ? {} : { adminToken }),
    failed: store.failed,
    close: () => closing.close(),
  };
}

/** `did:web` of the public address; on one machine the port tells nodes apart. */
function didOf(options: NodeOptions): string {
  if (options.publicUrl !== undefined) {
    return `did:web:${encodeURIComponent(new URL(options.publicUrl).host)}`;
  }
  return `did:web:localhost%3A${options.http.port === 0 ? options.name : options.http.port}`;
}

function hostInUrl(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const problem = `--data ${path} cannot be the node's folder: ${problemOf(error)}`;
    throw new ComityError("CONFIG_INVALID", { problem });
  }
}

function writeSecret(path: string, secret: string): void {
  writeFileSync(path, `${secret}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
}
