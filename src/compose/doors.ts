import type { ListenerResource } from "../client/resources.ts";
import { apiDeps } from "../api/rooms.ts";
import { apiRoutes, listenHttp } from "../api/server.ts";
import { packageVersion } from "../api/version.ts";
import { attacher, authenticator, type DoorKeepers } from "../connect/mqtt/authenticate.ts";
import { KeptSessions } from "../connect/mqtt/kept-sessions.ts";
import { MqttServer } from "../connect/mqtt/server.ts";
import { announcedMqttUrl } from "../federate/announced-address.ts";
import { commissionRoutes } from "../federate/commission-routes.ts";
import { dataAccessRoutes } from "../federate/data-access-requests.ts";
import { federationRoutes } from "../federate/federation.ts";
import { OpenIdLogin } from "../federate/openid.ts";
import { sampleRoutes } from "../federate/samples.ts";
import { invoiceRoutes } from "../federate/invoice-routes.ts";
import { logRoutes } from "../federate/log-routes.ts";
import { setoffRoutes } from "../federate/setoff-routes.ts";
import { statementRoutes } from "../federate/statement-routes.ts";
import { receiptRoutes } from "../federate/receipt-routes.ts";
import { ComityError } from "../kernel/errors.ts";
import { transferIsOver } from "../market/transfer.ts";
import type { Sectors } from "../sectors/room.ts";
import { principalOfCredentials } from "../things/credentials.ts";
import { Jwts, keySetIn } from "../things/jwt.ts";
import { reason } from "../wire/mqtt/protocol.ts";
import { dataDoor } from "./data-door.ts";
import { endOverdue } from "./ended-credentials.ts";
import { endedBecause, guestOf } from "./guests.ts";
import { openPushes } from "./pushes.ts";
import { Observer } from "./observer.ts";
import type { Rooms } from "./rooms.ts";
import type { Trade } from "./trade.ts";
import { listenerTold, openTransports } from "./transports.ts";

/** So that the last acknowledgement comes in before a guest's connection is closed. */
const farewellMs = 1000;
/** Of messages that wait for sessions whose clients are away. */
const sessionLogBytesMax = 1_073_741_824;

/** The sockets: MQTT for devices, apps and links; HTTP for people, programs and peers. */
export async function openDoors(rooms: Rooms, trade: Trade, sectors: Sectors): Promise<void> {
  const { options, signer, things, urls, app, closing, failed, clock, entropy } = rooms;
  const { federation, issuers, wants, cosigner, links, traffic, receipts, access, samples } = trade;
  const { statements, setoffs, owners } = trade.settlement;
  const jwts = openJwts(rooms, trade);
  const mqtt = mqttServer(rooms, trade, jwts);
  await mqtt.sessions.restore(await keptSessions(rooms));
  closing.add("MQTT", () => mqtt.close());
  closing.add("the links", () => links.close());
  closing.add("the traffic", () => traffic.close());
  await dataDoor(rooms, trade, sectors).register(app);
  openPushes(rooms, federation);
  await federationRoutes(app, { federation });
  const { authenticatePeer } = federation;
  await dataAccessRoutes(app, { authenticatePeer, ...access });
  await commissionRoutes(app, { commissions: rooms.commissions, did: signer.did });
  await sampleRoutes(app, { authenticatePeer, samples });
  await app.register((scope) => receiptRoutes(scope, { receipts: cosigner, authenticatePeer }));
  await invoiceRoutes(app, { ...trade.invoices, authenticatePeer });
  await logRoutes(app, { ...trade.evidenceLog, authenticatePeer });
  await app.register((scope) =>
    statementRoutes(scope, { statements: statements.exchange, authenticatePeer }),
  );
  await app.register((scope) =>
    setoffRoutes(scope, { setoffs: setoffs.exchange, authenticatePeer }),
  );
  const { name, title, country, currency, place, dev, publicWorld } = options;
  const facts = {
    ...{ name, title, country, currency, place, dev, publicWorld },
    ...{ did: signer.did, failed, publicUrl: options.publicUrl },
    version: packageVersion(),
    httpUrl: () => urls.http,
    mqttUrl: () => urls.mqtt,
  };
  const mqttConnections = (): number => mqtt.connectionCount;
  const observer = new Observer(rooms, { mqtt, traffic, facts });
  closing.add("the observer", () => observer.close());
  const mqttListeners = (): readonly ListenerResource[] => mqtt.listeners.map(listenerTold);
  const announced = { announcedMqttUrl: () => announcedMqttUrl(options, urls.mqtt) };
  const openid =
    options.openid === undefined
      ? undefined
      : new OpenIdLogin({
          ...{ ...options.openid, clock, entropy, outbound: federation.outbound },
          redirectUri: () => new URL("/share/openid", options.publicUrl ?? urls.http).href,
        });
  const own = {
    jwts,
    openid,
    ...announced,
    facts,
    observer,
    mqttConnections,
    mqttListeners,
    federation,
    issuers,
    wants,
    links,
    traffic,
    receipts,
    sectors,
    samples,
    evidenceLog: trade.evidenceLog,
    ...{ statements, setoffs, owners },
    invoices: trade.invoices,
  };
  await apiRoutes(app, apiDeps({ ...rooms, ...own, ...access }));

  urls.mqtt = (await mqtt.listen({ transport: "tcp", ...options.mqtt })).url;
  await openTransports(rooms, mqtt);
  urls.http = await listenHttp(app, options.http);
  endOverdue(rooms, mqtt);
  const withdraw = (kind: "thing" | "user" | "app", id: string): void =>
    mqtt.disconnect(
      (principal) => principal.kind === kind && principal.id === id,
      reason.notAuthorized,
      "its credential was withdrawn",
    );
  things.onClosed((id) => withdraw("thing", id));
  rooms.users.onClosed(({ id }) => withdraw("user", id));
  rooms.keys.onClosed((id) => withdraw("app", id));
}

async function keptSessions({ flow, store, clock, log }: Rooms): Promise<KeptSessions> {
  return new KeptSessions({
    ...{ store, clock, log: await flow.keepForSessions() },
    bytesMax: sessionLogBytesMax,
    logsOf: (filters) => flow.logsOf(filters),
    onFailed: (err) => log.error({ err }, "sessions cannot be written down"),
  });
}

/** Apps that come with a JWT of the issuer that the node's owner names. */
function openJwts({ options, clock }: Rooms, { federation }: Trade): Jwts | undefined {
  if (options.jwt === undefined) return undefined;
  return new Jwts({
    ...{ ...options.jwt, clock },
    async fetchKeys({ href }) {
      const call = { method: "GET", url: href, headers: { accept: "application/json" } } as const;
      const { status, body } = await federation.outbound.call(call);
      if (status !== 200) throw new Error(`the issuer's keys: ${href} answers ${status}`);
      return keySetIn(JSON.parse(body));
    },
  });
}

function mqttServer(rooms: Rooms, trade: Trade, jwts: Jwts | undefined): MqttServer {
  const { federation } = trade;
  const { options, things, agreements, flow, meter, onboarding } = rooms;
  const keepers: DoorKeepers = {
    dev: options.dev,
    certified: (certificate) => things.ofCertificate(certificate),
    ownPrincipal: (name, password) => principalOfCredentials(name, password, rooms),
    participant: (agreement, token) => {
      const guest = guestOf(rooms, trade, agreement, token);
      if (guest?.transfer && guest.transfer.format !== "Mqtt5-PULL") return undefined;
      return guest && { kind: "participant", did: guest.did, agreement };
    },
    peer: (did, jwt) => isPeer(rooms, trade, did, jwt),
    endedBecause: (agreement) => endedBecause(rooms, agreement),
    usage: meter,
    claimant: (name, code) => onboarding.enter(name, code),
    ...(jwts && { jwt: (token, username) => jwts.verify(token, username) }),
    slow: rooms.slow,
  };
  const mqtt = new MqttServer({
    flow,
    limits: rooms.limits,
    paces: rooms.paces,
    onSeen: (thing, topic, payload) => things.noteSeen(thing, topic, payload),
    authenticate: authenticator(keepers),
    onboarding,
    log: rooms.log,
    attach: attacher(keepers),
  });
  const disconnectGuests = (agreement: string, why: string): void => {
    flow.grants.get(agreement)?.detach(why);
    mqtt.disconnect(
      (principal) => principal.kind === "participant" && principal.agreement === agreement,
      reason.notAuthorized,
      why,
    );
  };
  flow.grants.onEnded((ended) => {
    setTimeout(() => disconnectGuests(ended, "the agreement ended"), farewellMs).unref();
  });
  const { desk } = federation.transfers;
  // Held back by this node, an agreement rests whole, by whichever transfers it is received.
  const settle = (agreement: string): void => {
    const rests = desk
      .of(agreement)
      .some(({ format, state }) => format === "Mqtt5-PULL" && state === "SUSPENDED");
    const gate = flow.grants.get(agreement);
    if (rests || desk.isHeld(agreement)) gate?.suspend("transfer");
    else gate?.resume("transfer");
  };
  for (const { id, role } of agreements.list()) if (role === "provider") settle(id);
  desk.onHeld = settle;
  federation.transfers.listen(({ role, state, agreement, format }) => {
    if (role !== "provider") return;
    // With the agreement everything ends, after a farewell: see above.
    if (agreements.get(agreement)?.state !== "active") return;
    settle(agreement);
    const isMqtt = format === "Mqtt5-PULL";
    if (isMqtt && transferIsOver(state)) disconnectGuests(agreement, "the transfer is over");
  });
  return mqtt;
}

/** Nobody is looked up who receives nothing here: a stranger's name would be called otherwise. */
async function isPeer(rooms: Rooms, trade: Trade, did: string, jwt: string): Promise<boolean> {
  const receives = rooms.agreements.list().some(({ consumer, role, state }) => {
    return consumer === did && role === "provider" && state === "active";
  });
  if (!receives) return false;
  const request = { headers: { authorization: `Bearer ${jwt}` } };
  try {
    return (await trade.federation.authenticatePeer(request)) === did;
  } catch (error) {
    if (error instanceof ComityError && error.code === "IDENTITY_INVALID") return false;
    throw error;
  }
}
