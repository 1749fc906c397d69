/**
 * The MQTT door: devices and apps of this organisation with their own credentials, other
 * organisations with an agreement's token. Bytes come in, runs go to the flow; what leaves
 * passes an outbox per connection. Who may do what is decided in things/ and market/, not here.
 */
import { Quotas } from "../../kernel/quotas.ts";
import type { Flow } from "../../flow/flow.ts";
import { QueueBudget } from "../../flow/queue-budget.ts";
import { nameOfPrincipal, type Principal } from "../../things/access.ts";
import { Paces } from "../../things/pace.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import type { Attach } from "./authenticate.ts";
import type { PeerCertificate } from "../../things/certificate.ts";
import type { Accept, ClientSocket } from "./client-socket.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHost, HostedConnection } from "./connection-host.ts";
import type { KeptSessions } from "./kept-sessions.ts";
import { DoorCounts, type ClientFacts, type DoorFacts, type DoorLog } from "./door-counts.ts";
import { publishWill } from "./last-will.ts";
import type { MqttLimits } from "./limits.ts";
import { listen, type Listener, type ListenerSettings } from "./listeners.ts";
import { Session, type SessionOptions } from "./session.ts";
import type { Visitor } from "./visitor.ts";

interface KnownSession {
  readonly session: Session;
  /** While its client is here. */
  readonly connection?: HostedConnection;
  /** While its client is away. */
  readonly expiry?: NodeJS.Timeout;
  /** Until its will is published. */
  readonly willTimer?: NodeJS.Timeout | undefined;
}

export type MqttServerOptions = Pick<
  ConnectionHost,
  "flow" | "limits" | "authenticate" | "onSeen" | "onboarding"
> & {
  /** Shared with other doors; absent: of this one alone. */
  readonly paces?: Paces;
  /** Absent: nothing is written of who comes, goes and is refused. */
  readonly log?: DoorLog;
  /** Absent: other organisations' nodes are let in under one agreement each. */
  readonly attach?: Attach;
};

export class MqttServer implements ConnectionHost {
  readonly flow: Flow;
  readonly door: DoorCounts;
  readonly limits: MqttLimits;
  readonly budget: QueueBudget;
  readonly authenticate: ConnectionHost["authenticate"];
  readonly onSeen: ConnectionHost["onSeen"];
  readonly paces: Paces;
  readonly attach: Attach;
  readonly onboarding: ConnectionHost["onboarding"];
  readonly #listeners: Listener[] = [];
  readonly #connections = new Set<HostedConnection>();
  /** Those that have not said yet who they are, the oldest first. */
  readonly #strangers = new Set<HostedConnection>();
  readonly #connectionQuotas = new Quotas();
  readonly #admitted = new Map<HostedConnection, Principal>();
  readonly #sessionQuotas = new Quotas();
  readonly #sessions = new Map<string, KnownSession>();
  readonly #sweep: NodeJS.Timeout;
  #keeping: KeptSessions | undefined;
  #sessionOptions: SessionOptions;

  constructor(options: MqttServerOptions) {
    this.flow = options.flow;
    this.door = new DoorCounts(options.flow.outside.clock, options.log);
    this.limits = options.limits;
    this.budget = new QueueBudget(options.limits);
    this.authenticate = options.authenticate;
    this.onSeen = options.onSeen;
    this.paces = options.paces ?? new Paces(options.limits, options.flow.outside.clock);
    this.onboarding = options.onboarding;
    this.attach = options.attach ?? (() => "agreements are not attached here");
    const { flow } = options;
    this.#sessionOptions = {
      clock: flow.outside.clock,
      budget: this.budget,
      onDropped: (messages, why) => flow.counts.drop(why, messages),
      counts: flow.counts,
      endsOf: (filter) => new Map(flow.logsOf([filter]).map(({ name, end }) => [name, end])),
    };
    this.#sweep = setInterval(() => {
      for (const connection of this.#connections) connection.checkAlive();
      this.door.tellWhatWasNotTold();
    }, 1000);
    this.#sweep.unref();
  }

  /** Lets clients in by one more way. */
  async listen(settings: ListenerSettings): Promise<Listener> {
    const accept: Accept = (socket, certificate) => this.#accept(socket, certificate);
    const listener = await listen(settings, this.limits, accept);
    this.#listeners.push(listener);
    return listener;
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** PUBLISH packets sent since the start. */
  get messagesOut(): number {
    return this.door.messagesOut(this.#connections);
  }

  /** What went through it since the start, those that are connected now included. */
  facts(): DoorFacts {
    const away = [...this.#sessions.values()].filter(({ connection }) => connection === undefined);
    return {
      ...this.door.facts([...this.#connections].map(({ counts }) => counts)),
      connections: this.#admitted.size,
      slowed: { ...this.paces.counts },
      sessions: this.#sessions.size,
      sessionsAway: away.length,
    };
  }

  /** Those that are let in. */
  *clients(): Iterable<ClientFacts> {
    const sessions = new Map<HostedConnection, Session>();
    for (const { connection, session } of this.#sessions.values()) {
      if (connection !== undefined) sessions.set(connection, session);
    }
    for (const [connection, principal] of this.#admitted) {
      const outgoing = sessions.get(connection)?.everOutgoing;
      yield connection.counts.facts(nameOfPrincipal(principal), outgoing);
    }
  }

  /**
   * Ends the connections and the sessions of a removed Thing or of an ended agreement: whoever
   * bears its name later finds nothing of it.
   */
  disconnect(which: (principal: Principal) => boolean, reasonCode: number, text: string): void {
    for (const connection of this.#connections) {
      if (connection.principal && which(connection.principal)) connection.end(reasonCode, text);
    }
    for (const known of this.#sessions.values()) {
      if (which(known.session.principal)) this.#endSession(known);
    }
  }

  /** Ends connections alone, at most so many; their sessions stay as their clients asked. */
  endConnections(
    which: (principal: Principal) => boolean,
    most: number,
    { reasonCode, text }: { readonly reasonCode: number; readonly text: string },
  ): void {
    let left = most;
    for (const [connection, principal] of this.#admitted) {
      if (left === 0) return;
      if (!which(principal)) continue;
      connection.end(reasonCode, text);
      left--;
    }
  }

  admitVisitor(connection: HostedConnection, visitor: Visitor): boolean {
    const { limits } = this;
    const most = {
      peer: limits.connectionsPerPeerMax,
      participant: limits.connectionsPerAgreementMax,
      claimant: limits.connectionsPerClaimMax,
    }[visitor.kind];
    return this.#admit(connection, visitor, most);
  }

  /**
   * Gives the client its session and ends an older connection of the same client
   * [MQTT-3.1.4-3]. Undefined: there are as many of either as there may be.
   */
  takeSession(
    connection: HostedConnection,
    principal: Principal,
    key: string,
    cleanStart: boolean,
  ): { readonly session: Session; readonly present: boolean } | undefined {
    const text = "another connection took the session over";
    this.#sessions.get(key)?.connection?.end(reason.sessionTakenOver, text);
    if (!this.#admit(connection, principal, this.limits.connectionsPerPrincipalMax)) {
      return undefined;
    }
    // A session that ends with its connection is gone by now.
    const known = this.#sessions.get(key);
    clearTimeout(known?.expiry);
    clearTimeout(known?.willTimer);
    if (known !== undefined && !cleanStart) {
      known.session.resumeAs(principal);
      this.#sessions.set(key, { session: known.session, connection }); // [MQTT-3.1.3-9]
      return { session: known.session, present: true };
    }
    if (known !== undefined) this.#endSession(known); // [MQTT-3.1.2-4]
    if (this.#sessions.size >= this.limits.connectionsMax * 2) return undefined;
    const { sessionsPerPrincipalMax } = this.limits;
    const name = quotaOf(principal);
    if (name !== undefined && !this.#sessionQuotas.take(name, sessionsPerPrincipalMax)) {
      return undefined;
    }
    const session = this.#newSession(key, principal);
    this.#sessions.set(key, { session, connection });
    return { session, present: false };
  }

  /** The connection is gone; the session stays as long as its client asked. */
  leaveSession(connection: HostedConnection, session: Session): void {
    const known = this.#sessions.get(session.key);
    if (known?.connection !== connection) {
      this.#publishWill(session);
      return;
    }
    session.detach();
    session.awaySince = this.flow.outside.clock.now();
    const seconds = Math.min(session.expirySeconds, this.limits.sessionExpirySecondsMax);
    if (seconds === 0) {
      this.#endSession(known);
      return;
    }
    this.#wait(session, seconds, session.will?.properties.willDelaySeconds ?? 0);
    save(session);
  }

  /** Sessions of an earlier start of this node; called once, before anybody connects. */
  async restoreSessions(keeping: KeptSessions): Promise<void> {
    this.#keeping = keeping;
    this.#sessionOptions = { ...this.#sessionOptions, keeping };
    const now = this.flow.outside.clock.now();
    const all = (await keeping.restored()).map((restored) => {
      const session = this.#newSession(restored.key, restored.principal);
      session.restore(restored);
      return { restored, session };
    });
    // All are there before the first will is published: it may be for any of them.
    for (const { restored, session } of all) {
      const { awaySince = now } = restored;
      session.awaySince = awaySince;
      const name = quotaOf(restored.principal);
      if (name !== undefined) this.#sessionQuotas.take(name, Infinity);
      const awaySeconds = Math.max(0, (now - awaySince) / 1000);
      const expiry = Math.min(session.expirySeconds, this.limits.sessionExpirySecondsMax);
      const delay = session.will?.properties.willDelaySeconds ?? 0;
      this.#wait(session, Math.max(0, expiry - awaySeconds), Math.max(0, delay - awaySeconds));
      // It was there when the node stopped: of all others nothing has changed.
      if (restored.awaySince === undefined) save(session);
    }
  }

  /** Nobody is there: its will is published when that is due, and it ends when that is. */
  #wait(session: Session, expirySeconds: number, willSeconds: number): void {
    const { key } = session;
    const expiry = setTimeout(() => {
      const away = this.#sessions.get(key);
      if (away === undefined) return;
      this.door.sessionsExpired++;
      this.#endSession(away);
    }, expirySeconds * 1000).unref();
    let willTimer: NodeJS.Timeout | undefined;
    if (session.will !== undefined && willSeconds > 0) {
      // The end of the session comes first where it is earlier (§3.1.3.2.2).
      willTimer = setTimeout(() => this.#publishWill(session), willSeconds * 1000).unref();
    } else this.#publishWill(session);
    this.#sessions.set(key, { session, expiry, willTimer });
  }

  #publishWill(session: Session): void {
    const { will } = session;
    if (will === undefined) return;
    session.will = undefined;
    publishWill(will, nameOfPrincipal(session.principal), this.flow);
    // A crash from now on does not bring it back.
    save(session);
  }

  #newSession(key: string, principal: Principal): Session {
    return new Session(key, principal, this.flow.router, this.#sessionOptions);
  }

  leave(connection: HostedConnection): void {
    const principal = this.#admitted.get(connection);
    this.#strangers.delete(connection);
    this.#admitted.delete(connection);
    const name = principal && quotaOf(principal);
    if (name !== undefined) this.#connectionQuotas.giveBack(name);
  }

  forget(connection: HostedConnection): void {
    this.leave(connection);
    if (this.#connections.delete(connection)) this.door.forget(connection.counts);
  }

  /**
   * Nobody is let in any more; what came is answered when it is durable, each client is told why
   * it has to go (version 5), and the sessions that stay are written down as they are.
   */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closed = Promise.all(this.#listeners.map((listener) => listener.close()));
    for (const connection of this.#connections) connection.stopReading();
    await this.flow.settled();
    for (const connection of this.#connections) {
      connection.end(reason.serverShuttingDown, "the node is shutting down");
    }
    for (const known of this.#sessions.values()) {
      if (known.session.isKept) this.#stopTimers(known);
      else this.#endSession(known);
    }
    await this.flow.settled();
    await this.#keeping?.close();
    await closed;
  }

  /** A will that waited is published at the latest now (§3.1.3.2.2). */
  #endSession(known: KnownSession): void {
    const { session } = known;
    this.#stopTimers(known);
    session.end();
    const name = quotaOf(session.principal);
    const isGone = this.#sessions.delete(session.key);
    if (isGone && name !== undefined) this.#sessionQuotas.giveBack(name);
    this.#publishWill(session);
  }

  #stopTimers({ expiry, willTimer }: KnownSession): void {
    clearTimeout(expiry);
    clearTimeout(willTimer);
  }

  #admit(connection: HostedConnection, principal: Principal, most: number): boolean {
    const name = quotaOf(principal);
    if (name !== undefined && !this.#connectionQuotas.take(name, most)) return false;
    this.#strangers.delete(connection);
    this.#admitted.set(connection, principal);
    return true;
  }

  /** However many strangers knock, whoever says at once who it is comes in. */
  #accept(socket: ClientSocket, certificate: PeerCertificate | undefined): void {
    const { connectionsMax, unauthenticatedMax } = this.limits;
    const isFull = this.#connections.size >= connectionsMax;
    if (isFull || this.#strangers.size >= unauthenticatedMax) {
      const [oldest] = this.#strangers;
      if (oldest === undefined) {
        socket.destroy();
        return;
      }
      this.door.refused(oldest, "too-many-strangers", "others wait to say who they are");
      this.forget(oldest);
      oldest.dismiss();
    }
    const connection = new Connection(this, socket, certificate);
    this.#connections.add(connection);
    this.#strangers.add(connection);
  }
}

function save(session: Session): void {
  session.saved()?.catch(() => {
    // The store is gone and says so itself; whoever is to be told of this session waits for it.
  });
}

/** Undefined: nobody in particular, who is let in for trying and measuring only. */
function quotaOf(principal: Principal): string | undefined {
  if (principal.kind === "anonymous") return undefined;
  if (principal.kind === "claimant") return principal.claim;
  // An organisation has its share as itself, and under each of its agreements.
  return principal.kind === "participant" ? principal.agreement : nameOfPrincipal(principal);
}
