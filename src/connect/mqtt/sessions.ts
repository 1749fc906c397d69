import type { Flow } from "../../flow/flow.ts";
import type { QueueBudget } from "../../flow/queue-budget.ts";
import { nameOfPrincipal, type Principal } from "../../things/access.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import type { HostedConnection, TakenSession } from "./connection-host.ts";
import type { KeptSessions } from "./kept-sessions.ts";
import { publishWill } from "./last-will.ts";
import type { MqttLimits } from "./limits.ts";
import { PrincipalQuotas } from "./principal-quotas.ts";
import { Session, type SessionOptions } from "./session.ts";

interface KnownSession {
  readonly session: Session;
  /** While its client is here. */
  readonly connection?: HostedConnection;
  /** While its client is away. */
  readonly expiry?: NodeJS.Timeout;
  /** Until its will is published. */
  readonly willTimer?: NodeJS.Timeout | undefined;
}

/**
 * The sessions of this organisation's own clients, of those that are here and of those that are
 * away: who takes one up, when it ends, and when its will is published.
 */
export class Sessions {
  /** Those that ended because nobody took them up. */
  expired = 0;
  readonly #flow: Flow;
  readonly #limits: MqttLimits;
  readonly #quotas = new PrincipalQuotas();
  readonly #known = new Map<string, KnownSession>();
  #keeping: KeptSessions | undefined;
  #options: SessionOptions;

  constructor(flow: Flow, limits: MqttLimits, budget: QueueBudget) {
    this.#flow = flow;
    this.#limits = limits;
    this.#options = {
      clock: flow.outside.clock,
      budget,
      onDropped: (messages, why) => flow.counts.drop(why, messages),
      counts: flow.counts,
      endsOf: (filter) => new Map(flow.logsOf([filter]).map(({ name, end }) => [name, end])),
    };
  }

  get count(): number {
    return this.#known.size;
  }

  /** Those whose client is here. */
  byConnection(): ReadonlyMap<HostedConnection, Session> {
    const sessions = new Map<HostedConnection, Session>();
    for (const { connection, session } of this.#known.values()) {
      if (connection !== undefined) sessions.set(connection, session);
    }
    return sessions;
  }

  /**
   * Its client comes on another connection: the one that has it ends [MQTT-3.1.4-3], and the
   * session with it where it is not to outlive it.
   */
  free(key: string): void {
    const text = "another connection took the session over";
    this.#known.get(key)?.connection?.end(reason.sessionTakenOver, text);
  }

  /** The client's, old or new; undefined: there are as many as there may be. */
  take(
    connection: HostedConnection,
    principal: Principal,
    key: string,
    cleanStart: boolean,
  ): TakenSession | undefined {
    const known = this.#known.get(key);
    if (known !== undefined) stopTimers(known);
    if (known !== undefined && !cleanStart) {
      known.session.resumeAs(principal);
      this.#known.set(key, { session: known.session, connection }); // [MQTT-3.1.3-9]
      return { session: known.session, present: true };
    }
    if (known !== undefined) this.#end(known); // [MQTT-3.1.2-4]
    if (this.#known.size >= this.#limits.connectionsMax * 2) return undefined;
    if (!this.#quotas.take(principal, this.#limits.sessionsPerPrincipalMax)) return undefined;
    const session = this.#newSession(key, principal);
    this.#known.set(key, { session, connection });
    return { session, present: false };
  }

  /** The connection is gone; the session stays as long as its client asked. */
  leave(connection: HostedConnection, session: Session): void {
    const known = this.#known.get(session.key);
    if (known?.connection !== connection) {
      this.#publishWill(session);
      return;
    }
    session.detach();
    session.awaySince = this.#flow.outside.clock.now();
    const seconds = Math.min(session.expirySeconds, this.#limits.sessionExpirySecondsMax);
    if (seconds === 0) {
      this.#end(known);
      return;
    }
    this.#wait(session, seconds, session.will?.properties.willDelaySeconds ?? 0);
    save(session);
  }

  /** Sessions of an earlier start of this node; called once, before anybody connects. */
  async restore(keeping: KeptSessions): Promise<void> {
    this.#keeping = keeping;
    this.#options = { ...this.#options, keeping };
    const now = this.#flow.outside.clock.now();
    const all = (await keeping.restored()).map((restored) => {
      const session = this.#newSession(restored.key, restored.principal);
      session.restore(restored);
      return { restored, session };
    });
    // All are there before the first will is published: it may be for any of them.
    for (const { restored, session } of all) {
      const { awaySince = now } = restored;
      session.awaySince = awaySince;
      this.#quotas.take(restored.principal, Infinity);
      const awaySeconds = Math.max(0, (now - awaySince) / 1000);
      const expiry = Math.min(session.expirySeconds, this.#limits.sessionExpirySecondsMax);
      const delay = session.will?.properties.willDelaySeconds ?? 0;
      this.#wait(session, Math.max(0, expiry - awaySeconds), Math.max(0, delay - awaySeconds));
      // It was there when the node stopped: of all others nothing has changed.
      if (restored.awaySince === undefined) save(session);
    }
  }

  /** Whoever bears the name of one of these later finds nothing of it. */
  endOf(which: (principal: Principal) => boolean): void {
    for (const known of this.#known.values()) {
      if (which(known.session.principal)) this.#end(known);
    }
  }

  /** The node stops: those that are to outlive it are written down as they are, the others end. */
  async close(): Promise<void> {
    for (const known of this.#known.values()) {
      if (known.session.isKept) stopTimers(known);
      else this.#end(known);
    }
    await this.#flow.settled();
    await this.#keeping?.close();
  }

  /** Nobody is there: its will is published when that is due, and it ends when that is. */
  #wait(session: Session, expirySeconds: number, willSeconds: number): void {
    const { key } = session;
    const expiry = setTimeout(() => {
      const away = this.#known.get(key);
      if (away === undefined) return;
      this.expired++;
      this.#end(away);
    }, expirySeconds * 1000).unref();
    let willTimer: NodeJS.Timeout | undefined;
    if (session.will !== undefined && willSeconds > 0) {
      // The end of the session comes first where it is earlier (§3.1.3.2.2).
      willTimer = setTimeout(() => this.#publishWill(session), willSeconds * 1000).unref();
    } else this.#publishWill(session);
    this.#known.set(key, { session, expiry, willTimer });
  }

  #publishWill(session: Session): void {
    const { will } = session;
    if (will === undefined) return;
    session.will = undefined;
    publishWill(will, nameOfPrincipal(session.principal), this.#flow);
    // A crash from now on does not bring it back.
    save(session);
  }

  #newSession(key: string, principal: Principal): Session {
    return new Session(key, principal, this.#flow.router, this.#options);
  }

  /** A will that waited is published at the latest now (§3.1.3.2.2). */
  #end(known: KnownSession): void {
    const { session } = known;
    stopTimers(known);
    session.end();
    if (this.#known.delete(session.key)) this.#quotas.giveBack(session.principal);
    this.#publishWill(session);
  }
}

function stopTimers({ expiry, willTimer }: KnownSession): void {
  clearTimeout(expiry);
  clearTimeout(willTimer);
}

function save(session: Session): void {
  session.saved()?.catch(() => {
    // The store is gone and says so itself; whoever is to be told of this session waits for it.
  });
}
