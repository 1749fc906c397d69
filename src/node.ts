/**
 * One node, put together: the only file that names an engine. No globals, so that many nodes run
 * in one process. What comes in: options and the outside (clock, randomness). What goes out: a
 * running node with its addresses. It decides nothing itself.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pino from "pino";
import { apiRoutes, createHttpServer, listenHttp } from "./api/server.ts";
import { packageVersion } from "./api/version.ts";
import { authenticator } from "./connect/mqtt/authenticate.ts";
import { mqttLimits, type MqttLimits } from "./connect/mqtt/limits.ts";
import { MqttServer } from "./connect/mqtt/server.ts";
import { openEmbeddedSigner } from "./engines/embedded/signer.ts";
import { openEmbeddedStore } from "./engines/embedded/store.ts";
import { type Federation, federationRoutes, openFederation } from "./federate/federation.ts";
import { Links } from "./federate/links.ts";
import { receiptRoutes } from "./federate/receipt-routes.ts";
import type { LocalPeer } from "./federate/resolver.ts";
import { Flow } from "./flow/flow.ts";
import { type Clock, systemClock } from "./kernel/clock.ts";
import { type Crash, neverCrash } from "./kernel/crash.ts";
import { type Entropy, systemEntropy } from "./kernel/id.ts";
import { Journal } from "./kernel/journal.ts";
import { amountMicro } from "./kernel/price.ts";
import type { Place } from "./kernel/place.ts";
import { Agreements } from "./market/agreements.ts";
import { Catalogue } from "./market/catalogue.ts";
import { grantOf } from "./market/compile.ts";
import { ConsumerCounts } from "./meter/consumer-counts.ts";
import { ConsumerReceipts } from "./meter/receipts-consumer.ts";
import { ProviderReceipts } from "./meter/receipts-provider.ts";
import { Meter } from "./meter/usage.ts";
import { Traffic } from "./meter/traffic.ts";
import { apiDeps } from "./node-api.ts";
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
  /** Hands on what waits, keeps what must be kept, and ends. */
  close(): Promise<void>;
}

const exposureMessagesMax = 100_000;
/** So that the last acknowledgement comes in before a guest's connection is closed. */
const farewellMs = 1000;

/** Throws CONFIG_INVALID, PORT_BUSY, DATA_LOCKED, DATA_NEWER or STORE_FAILED; then nothing runs. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const undo: (() => Promise<void> | void)[] = [];
  try {
    return await compose(options, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

async function compose(
  options: NodeOptions,
  undo: (() => Promise<void> | void)[],
): Promise<RunningNode> {
  const { clock = systemClock, entropy = systemEntropy, crash = neverCrash } = options;
  mkdirSync(options.data, { recursive: true, mode: 0o700 });
  const store = await openEmbeddedStore({ path: join(options.data, "comity.db") });
  undo.push(() => store.close());
  const did = options.did ?? didOf(options);
  const signer = await openEmbeddedSigner({ dir: options.data, did, clock, entropy });
  const journal = new Journal();
  const log = pino(
    { level: options.logLevel ?? "warn", base: { node: options.name } },
    pino.destination(2),
  );
  const failed = (error: unknown): void => log.error(error, "a change could not be kept");

  const things = await Things.open({ store, clock, entropy });
  const adminTokenFile = join(options.data, "admin-token");
  const { users, adminToken } = await Users.open({
    store,
    clock,
    entropy,
    keepAdminToken: async (token) => writeSecret(adminTokenFile, token),
  });
  const audit = await AuditTrail.open(store, clock);
  const catalogue = await Catalogue.open({ store, clock });
  const agreements = await Agreements.open(store);
  const meter = await Meter.open({ store, clock, crash });
  const counts = await ConsumerCounts.open(store, clock);
  const flow = await Flow.open({ store, clock, entropy, usage: meter, crash });
  const urls = { http: "", mqtt: "" };

  const federation: Federation = await openFederation({
    store,
    signer,
    clock,
    entropy,
    journal,
    catalogue,
    agreements,
    profile: options,
    baseUrl: () => options.publicUrl ?? urls.http,
    mqttUrl: () => urls.mqtt,
    localPeers: options.localPeers,
  });
  const { transfers, peers, endings } = federation;
  const receipts = new ProviderReceipts({
    store,
    signer,
    peers,
    clock,
    journal,
    agreements,
    meter,
    windowMs: options.receiptWindowMs,
    postings: postingsOf,
    exposureMaxMicro: ({ price }) =>
      amountMicro(price, options.exposureMessagesMax ?? exposureMessagesMax),
    onExposure: ({ id }, over) => {
      const gate = flow.grants.get(id);
      if (over) gate?.suspend();
      else gate?.resume();
    },
    crash,
  });
  const cosigner = new ConsumerReceipts({
    store,
    signer,
    clock,
    journal,
    agreements,
    counts,
    postings: postingsOf,
    crash,
  });
  const links = new Links({
    flow,
    store,
    clock,
    journal,
    crash,
    counts,
    nameOf: (peer) => peers.nameOf(peer),
    addressOf: (agreement) => transfers.start(agreement.id),
    renew: (agreement) => transfers.renew(agreement.id),
    onEnded: (agreement, why) => {
      // The provider tells it by DSP as well; whichever comes first.
      const at = new Date(clock.now()).toISOString();
      agreements.end(agreement.id, { reason: why, by: agreement.provider, at }).catch(failed);
    },
  });
  const traffic = new Traffic({ clock, flow, meter, agreements, links });

  const mqtt = new MqttServer({
    flow,
    limits: { ...mqttLimits, ...options.limits },
    onSeen: (thing, summary) => things.lastSeen(thing, clock.now(), summary),
    authenticate: authenticator({
      dev: options.dev,
      ownPrincipal: (username, password) =>
        principalOfCredentials(username, password, { things, users }),
      participant: (agreement, token) => {
        const known = transfers.authenticate(agreement, token);
        return known && { kind: "participant", did: known.did, agreement };
      },
      endedBecause: (agreement) => agreements.get(agreement)?.ended?.reason,
      usage: meter,
    }),
  });

  // What the contracts say reaches the data plane here, and only in this direction.
  for (const product of catalogue.list()) await flow.serve(product);
  for (const agreement of agreements.list()) {
    if (agreement.state !== "active" || agreement.role !== "provider") continue;
    const { product: id, topics, delivery } = agreement;
    await flow.serve({ id, topics, delivery });
    await flow.open(grantOf(agreement));
  }
  catalogue.listen((change, product) => {
    const inUse = agreements
      .list()
      .some((one) => one.product === product.id && one.state === "active");
    if (change === "removed" && !inUse) flow.withdraw(product.id);
  });
  agreements.onMade((agreement) => {
    if (agreement.role === "provider") flow.open(grantOf(agreement)).catch(failed);
  });
  agreements.onEnded((agreement) => {
    if (agreement.role === "consumer") links.end(agreement.id);
    else flow.grants.end(agreement.id, agreement.ended?.reason ?? "revoked");
  });
  flow.grants.onEnded((agreement, why) => {
    endings.end(agreement, why).catch(failed);
    const text = "the agreement has ended";
    const ofIt = (principal: { kind: string; agreement?: string }): boolean =>
      principal.kind === "participant" && principal.agreement === agreement;
    setTimeout(() => mqtt.disconnect(ofIt, reason.notAuthorized, text), farewellMs).unref();
  });
  things.onClosed((id) => {
    const isIt = (principal: { kind: string; id?: string }): boolean =>
      principal.kind === "thing" && principal.id === id;
    mqtt.disconnect(isIt, reason.notAuthorized, "the Thing's credential was withdrawn");
  });

  const app = createHttpServer({ logger: log });
  undo.push(() => app.close());
  await federationRoutes(app, { federation });
  await app.register((scope) =>
    receiptRoutes(scope, { receipts: cosigner, authenticatePeer: federation.authenticatePeer }),
  );
  const rooms = {
    options,
    did: signer.did,
    urls,
    version: packageVersion(),
    clock,
    journal,
    store,
    things,
  };
  await apiRoutes(
    app,
    apiDeps({
      ...rooms,
      users,
      audit,
      catalogue,
      agreements,
      federation,
      flow,
      meter,
      counts,
      links,
      mqtt,
      traffic,
      receipts,
    }),
  );
  const mqttPort = await mqtt.listen(options.mqtt.port, options.mqtt.host);
  undo.push(() => mqtt.close());
  urls.mqtt = `mqtt://${hostInUrl(options.mqtt.host)}:${mqttPort}`;
  urls.http = await listenHttp(app, options.http);

  await federation.resume();
  for (const agreement of agreements.list()) {
    if (agreement.role === "consumer" && agreement.state === "active") links.resume(agreement);
  }
  await receipts.start();
  traffic.start();

  return {
    name: options.name,
    did: signer.did,
    httpUrl: urls.http,
    mqttUrl: urls.mqtt,
    ...(adminToken === undefined ? {} : { adminToken }),
    async close() {
      traffic.close();
      await links.close();
      await receipts.close();
      await mqtt.close();
      await federation.close();
      await app.close();
      await flow.close();
      await meter.close();
      await store.close();
    },
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

function writeSecret(path: string, secret: string): void {
  writeFileSync(path, `${secret}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
}
