/**
 * The MQTT door: devices and apps of this organisation with their own credentials, other
 * organisations with an agreement's token. Bytes come in, runs go to the flow; what leaves
 * passes an outbox per connection. Who may do what is decided in things/ and market/, not here.
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { ComityError } from "../../kernel/errors.ts";
import type { Flow } from "../../flow/flow.ts";
import type { Principal } from "../../things/access.ts";
import { reason } from "../../wire/mqtt/protocol.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import type { MqttLimits } from "./limits.ts";
import { Session } from "./session.ts";

export type MqttServerOptions = Pick<ConnectionHost, "flow" | "limits" | "authenticate" | "onSeen">;

export class MqttServer implements ConnectionHost {
  readonly flow: Flow;
  readonly limits: MqttLimits;
  readonly authenticate: ConnectionHost["authenticate"];
  readonly onSeen: ConnectionHost["onSeen"];
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #sessions = new Map<
    string,
    { session: Session; connection?: Connection; expiry?: NodeJS.Timeout }
  >();
  readonly #sweep: NodeJS.Timeout;

  constructor(options: MqttServerOptions) {
    this.flow = options.flow;
    this.limits = options.limits;
    this.authenticate = options.authenticate;
    this.onSeen = options.onSeen;
    this.#server = createServer({ noDelay: true, highWaterMark: 65_536 }, (socket) =>
      this.#accept(socket),
    );
    this.#sweep = setInterval(() => {
      for (const connection of this.#connections) connection.checkAlive();
    }, 1000);
    this.#sweep.unref();
  }

  /** Port 0 takes a free one. Resolves with the port. */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) => {
        const busy = error.code === "EADDRINUSE";
        reject(busy ? new ComityError("PORT_BUSY", { port, host, option: "--mqtt" }) : error);
      });
      this.#server.listen(port, host, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get subscriptionCount(): number {
    return this.flow.router.size;
  }

  /** Ends the connections of a removed Thing or of an ended agreement. */
  disconnect(which: (principal: Principal) => boolean, reasonCode: number, text: string): void {
    for (const connection of this.#connections) {
      if (connection.principal && which(connection.principal)) connection.end(reasonCode, text);
    }
  }

  /** Gives the client its session and ends an older connection of the same client [MQTT-3.1.4-3]. */
  takeSession(
    connection: Connection,
    principal: Principal,
    key: string,
    cleanStart: boolean,
  ): { readonly session: Session; readonly present: boolean } {
    const known = this.#sessions.get(key);
    known?.connection?.end(reason.sessionTakenOver, "another connection took the session over");
    clearTimeout(known?.expiry);
    if (known !== undefined && !cleanStart) {
      this.#sessions.set(key, { session: known.session, connection });
      return { session: known.session, present: true };
    }
    known?.session.end(); // [MQTT-3.1.2-4]
    const session = new Session(key, principal, this.flow.router, {
      queueBytesMax: this.limits.queueBytesMax,
      onDropped: (messages) => {
        this.flow.counts.dropped += messages;
      },
    });
    this.#sessions.set(key, { session, connection });
    return { session, present: false };
  }

  /** The connection is gone; the session stays as long as its client asked. */
  leaveSession(connection: Connection, session: Session): void {
    const known = this.#sessions.get(session.key);
    if (known === undefined || known.connection !== connection) return;
    session.detach();
    if (session.expirySeconds === 0) {
      session.end();
      this.#sessions.delete(session.key);
      return;
    }
    const seconds = Math.min(session.expirySeconds, this.limits.sessionExpirySecondsMax);
    const expiry = setTimeout(() => {
      session.end();
      this.#sessions.delete(session.key);
    }, seconds * 1000);
    expiry.unref();
    this.#sessions.set(session.key, { session, expiry });
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) {
      connection.end(reason.serverShuttingDown, "the node is shutting down");
    }
    for (const { session, expiry } of this.#sessions.values()) {
      clearTimeout(expiry);
      session.end();
    }
    this.#sessions.clear();
    await closed;
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.limits.connectionsMax) {
      socket.destroy();
      return;
    }
    this.#connections.add(new Connection(this, socket));
  }
}
