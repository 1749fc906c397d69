/**
 * The MQTT door: devices and apps of this organisation with their own credentials, other
 * organisations with an agreement's token. Bytes come in, runs go to the flow; what leaves
 * passes an outbox per connection. Who may do what is decided in things/ and market/, not here.
 */
import type { Flow } from "../../flow/flow.ts";
import { QueueBudget } from "../../flow/queue-budget.ts";
import { nameOfPrincipal, type Principal } from "../../things/access.ts";
import { Paces } from "../../things/pace.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import type { Attach } from "./authenticate.ts";
import type { PeerCertificate } from "../../things/certificate.ts";
import type { Accept, ClientSocket } from "./client-socket.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHost, HostedConnection, TakenSession } from "./connection-host.ts";
import { DoorCounts, type ClientFacts, type DoorFacts, type DoorLog } from "./door-counts.ts";
import type { MqttLimits } from "./limits.ts";
import { listen, type Listener, type ListenerSettings } from "./listeners.ts";
import { PrincipalQuotas } from "./principal-quotas.ts";
import type { Session } from "./session.ts";
import { Sessions } from "./sessions.ts";
import type { Visitor } from "./visitor.ts";

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
  readonly sessions: Sessions;
  readonly authenticate: ConnectionHost["authenticate"];
  readonly onSeen: ConnectionHost["onSeen"];
  readonly paces: Paces;
  readonly attach: Attach;
  readonly onboarding: ConnectionHost["onboarding"];
  readonly #listeners: Listener[] = [];
  readonly #connections = new Set<HostedConnection>();
  /** Those that have not said yet who they are, the oldest first. */
  readonly #strangers = new Set<HostedConnection>();
  readonly #quotas = new PrincipalQuotas();
  readonly #admitted = new Map<HostedConnection, Principal>();
  readonly #sweep: NodeJS.Timeout;

  constructor(options: MqttServerOptions) {
    this.flow = options.flow;
    this.door = new DoorCounts(options.flow.outside.clock, options.log);
    this.limits = options.limits;
    this.budget = new QueueBudget(options.limits);
    this.sessions = new Sessions(options.flow, options.limits, this.budget);
    this.authenticate = options.authenticate;
    this.onSeen = options.onSeen;
    this.paces = options.paces ?? new Paces(options.limits, options.flow.outside.clock);
    this.onboarding = options.onboarding;
    this.attach = options.attach ?? (() => "agreements are not attached here");
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
    const { count, expired } = this.sessions;
    return {
      ...this.door.facts([...this.#connections].map(({ counts }) => counts)),
      connections: this.#admitted.size,
      slowed: { ...this.paces.counts },
      sessions: count,
      sessionsAway: count - this.sessions.byConnection().size,
      sessionsExpired: expired,
    };
  }

  /** Those that are let in. */
  *clients(): Iterable<ClientFacts> {
    const sessions = this.sessions.byConnection();
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
    this.sessions.endOf(which);
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

  takeSession(
    connection: HostedConnection,
    principal: Principal,
    key: string,
    cleanStart: boolean,
  ): TakenSession | undefined {
    this.sessions.free(key);
    const isIn = this.#admit(connection, principal, this.limits.connectionsPerPrincipalMax);
    return isIn ? this.sessions.take(connection, principal, key, cleanStart) : undefined;
  }

  leaveSession(connection: HostedConnection, session: Session): void {
    this.sessions.leave(connection, session);
  }

  leave(connection: HostedConnection): void {
    const principal = this.#admitted.get(connection);
    this.#strangers.delete(connection);
    this.#admitted.delete(connection);
    if (principal !== undefined) this.#quotas.giveBack(principal);
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
    await this.sessions.close();
    await closed;
  }

  #admit(connection: HostedConnection, principal: Principal, most: number): boolean {
    if (!this.#quotas.take(principal, most)) return false;
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
