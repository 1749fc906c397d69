import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { Flow } from "../../flow/flow.ts";
import { Lanes } from "../../flow/lanes.ts";
import { Outbox } from "../../flow/outbox.ts";
import { nameOfPrincipal, type Principal } from "../../things/access.ts";
import { decodeConnect, decodeDisconnect, type Connect } from "../../wire/mqtt/decode.ts";
import {
  encodeAcknowledgements,
  encodeConnack,
  encodeDisconnect,
  pingresp,
} from "../../wire/mqtt/encode.ts";
import { IncomingAliases } from "../../wire/mqtt/topic-alias.ts";
import { PacketStream, type PacketSink, type ScannedRun } from "../../wire/mqtt/packet-stream.ts";
import {
  malformed,
  packetType,
  ProtocolError,
  reason,
  type ProtocolVersion,
} from "../../wire/mqtt/protocol.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import type { Client, ClientLine } from "./client.ts";
import { connectFirst, handOver } from "./client-packets.ts";
import type { PeerCertificate } from "../../things/certificate.ts";
import type { ClientSocket } from "./client-socket.ts";
import {
  admission,
  type Authenticate,
  type Authentication,
  type Introduction,
  keepAliveSeconds,
  sessionExpiry,
  welcome,
} from "./connect.ts";
import { takenBy } from "./guest-client.ts";
import type { MqttLimits } from "./limits.ts";
import { ConnectionCounts, type DoorCounts } from "./door-counts.ts";
import { OutgoingAliases } from "./outgoing-aliases.ts";
import { OwnClient } from "./own-client.ts";
import type { Session } from "./session.ts";
import { pause, Reading } from "./reading.ts";
import {
  isVisitor,
  type Visitor,
  visitorClient,
  type VisitorDoor,
  visitorNames,
} from "./visitor.ts";

/** What a connection asks of its server. */
export interface ConnectionHost extends VisitorDoor {
  readonly flow: Flow;
  readonly door: DoorCounts;
  readonly limits: MqttLimits;
  readonly authenticate: Authenticate;
  /** False where it has as many connections as it may. */
  admitVisitor(connection: Connection, visitor: Visitor): boolean;
  /** Undefined where there are as many connections or sessions as there may be. */
  takeSession(
    connection: Connection,
    principal: Principal,
    key: string,
    cleanStart: boolean,
  ): { readonly session: Session; readonly present: boolean } | undefined;
  leaveSession(connection: Connection, session: Session): void;
  /** The connection is over, though its socket may linger. */
  leave(connection: Connection): void;
  forget(connection: Connection): void;
}

const firstPacketBytesMax = 65_536;
const lingerMs = 1000;
/** Of answers that wait for a client to read them. */
const controlBytesMax = 1_048_576;

/** One client's connection, from its first byte to its last. */
export class Connection implements PacketSink {
  readonly #host: ConnectionHost;
  readonly #socket: ClientSocket;
  readonly #from: Pick<Introduction, "remoteAddress" | "certificate">;
  readonly #stream: PacketStream;
  readonly #outbox: Outbox;
  readonly #lanes: Lanes;
  readonly #acknowledgements: Acknowledgements;
  readonly #receipts: Acknowledgements;
  #aliases: IncomingAliases | undefined;
  /** Of one packet, as the client said. */
  #packetBytesMax = Infinity;
  readonly counts: ConnectionCounts;
  principal: Principal | undefined;
  #version: ProtocolVersion = 4;
  #client: Client | undefined;
  #session: Session | undefined;
  #lastSeen: number;
  #aliveMs = Infinity;
  #ended = false;
  readonly #reading: Reading;
  /** What came behind a CONNECT that is still being decided; clients need not wait (§3.1.4). */
  #early: (() => void)[] | undefined;

  constructor(host: ConnectionHost, socket: ClientSocket, certificate?: PeerCertificate) {
    this.#from = { remoteAddress: socket.remoteAddress ?? "", certificate };
    this.#host = host;
    this.#socket = socket;
    this.#stream = new PacketStream(this, firstPacketBytesMax);
    this.#reading = new Reading(socket);
    this.#outbox = new Outbox(socket, {
      queueBytesMax: host.limits.queueBytesMax,
      onDropped: (messages) => host.flow.counts.drop("queue-full", messages),
      onFlushed: () => {
        if (this.#outbox.controlBytes <= controlBytesMax / 2) {
          this.#reading.resume(pause.unreadAnswers);
        }
      },
    });
    this.counts = new ConnectionCounts(socket, this.#outbox, host.flow.outside.clock);
    this.#lanes = new Lanes(socket, this.#outbox.sent);
    this.#acknowledgements = this.#answers(packetType.puback);
    this.#receipts = this.#answers(packetType.pubrec);
    this.#lastSeen = host.flow.outside.clock.monotonic();
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("drain", () => {
      this.#outbox.ready();
      this.#lanes.ready();
    });
    socket.on("error", () => socket.destroy()).on("close", () => this.#onClose());
  }

  /** Ends the connection; a version 5 client is told why [MQTT-4.13.1-1]. */
  end(reasonCode: number, text: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.door.ended(this, reasonCode, text);
    if (reasonCode !== reason.normalDisconnection && this.principal !== undefined) {
      this.#outbox.flush();
      if (this.#version === 5) {
        this.#socket.write(encodeDisconnect(5, reasonCode, this.#because(text)));
      }
    }
    this.#hangUp();
  }

  /** What came is still answered; nothing more is taken. */
  stopReading(): void {
    if (!this.#ended) this.#reading.pause(pause.closing);
  }

  /** Makes room for others: it has not said yet who it is. */
  dismiss(): void {
    this.#socket.destroy();
  }

  /** Called once a second: closes who is silent for too long [MQTT-3.1.2-22]. */
  checkAlive(): void {
    const now = this.#host.flow.outside.clock.monotonic();
    if (this.principal === undefined) {
      if (now - this.counts.openedAt <= this.#host.limits.connectTimeoutMs) return;
      this.#host.door.refused(this, "connect-timeout", "no CONNECT came in time");
      this.#socket.destroy();
    } else if (this.#reading.rests(pause.slowStore)) {
      this.#lastSeen = now; // the silence is this side's
    } else if (now - this.#lastSeen > this.#aliveMs) {
      this.end(reason.keepAliveTimeout, "nothing was heard for one and a half keep-alive times");
    }
  }

  onRun(scanned: ScannedRun): void {
    if (this.#ended) return;
    if (this.#early !== undefined) {
      this.#early.push(() => this.onRun(scanned));
      return;
    }
    const client = this.#client;
    if (client === undefined) throw connectFirst();
    this.counts.took(scanned);
    if (scanned.hasProperties && this.#aliases !== undefined) {
      for (const run of this.#aliases.resolve(scanned)) client.publish(run, this.#lastSeen);
    } else client.publish(scanned, this.#lastSeen);
  }

  onPacket(first: number, body: Buffer): void {
    if (this.#ended) return;
    if (this.#early !== undefined) {
      this.#early.push(() => this.onPacket(first, body));
      return;
    }
    const type = first >> 4;
    this.counts.packetsIn++;
    const client = this.#client;
    if (client === undefined) {
      if (type !== packetType.connect) throw connectFirst();
      this.#connect(decodeConnect(body));
      return;
    }
    if (handOver(client, type, body, this.#version)) return;
    if (type === packetType.pingreq) {
      if (body.length > 0) throw malformed("PINGREQ with content");
      this.#outbox.pushControl(pingresp); // [MQTT-3.12.4-1]
    } else if (type === packetType.disconnect) this.#disconnect(body);
    else {
      // Also a second CONNECT [MQTT-3.1.0-2], and AUTH, for no method was agreed on (§4.12).
      const text = `packet type ${type} is not for this server now`;
      throw new ProtocolError(reason.protocolError, text);
    }
  }

  #onData(chunk: Buffer): void {
    if (this.#ended) return;
    this.#lastSeen = this.#host.flow.outside.clock.monotonic();
    this.#guarded(() => this.#stream.push(chunk));
    this.#acknowledgements.flush();
    this.#receipts.flush();
    if (!this.#ended && this.#outbox.controlBytes > controlBytesMax) {
      this.#reading.pause(pause.unreadAnswers);
    }
  }

  #guarded(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (error instanceof ProtocolError) this.#refuse(error.reasonCode, error.message);
      else if (error instanceof ComityError) {
        this.#refuse(reason.implementationSpecific, error.message);
      } else throw error;
    }
  }

  #onClose(): void {
    this.#ended = true;
    this.#outbox.close();
    this.#leave();
    this.#host.forget(this);
  }

  /** Whoever takes the session up next finds it free, however slowly the socket closes. */
  #leave(): void {
    const session = this.#session;
    this.#session = undefined;
    this.#client?.close();
    this.#host.leave(this);
    if (session === undefined) return;
    this.#host.leaveSession(this, session);
  }

  #refuse(reasonCode: number, text: string): void {
    if (this.#ended) return;
    if (this.principal !== undefined) {
      this.end(reasonCode, text);
      return;
    }
    this.#host.door.refused(this, reasonCode, text);
    // Before it is accepted a client hears a CONNACK or nothing [MQTT-3.1.4-1].
    if (reasonCode === reason.unsupportedVersion) {
      this.#socket.write(encodeConnack(4, false, reasonCode));
    }
    this.#ended = true;
    this.#hangUp();
  }

  /** What still comes is read and thrown away: a reset would overtake the last words. */
  #hangUp(): void {
    this.#outbox.close();
    this.#leave();
    this.#socket.end();
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), lingerMs).unref();
  }

  #connect(connect: Connect): void {
    this.#version = this.#stream.version = connect.version;
    const known = admission(connect, this.#from, this.#host.authenticate);
    if (!(known instanceof Promise)) {
      this.#decided(connect, known);
      return;
    }
    this.#early = [];
    this.#reading.pause(pause.deciding);
    void known.then((later) => {
      const early = this.#early ?? [];
      this.#early = undefined;
      if (this.#ended) return;
      this.#guarded(() => {
        this.#decided(connect, later);
        for (const packet of early) packet();
      });
      this.#reading.resume(pause.deciding);
    });
  }

  #decided(connect: Connect, known: Authentication): void {
    const { limits } = this.#host;
    this.#packetBytesMax = connect.properties.maximumPacketSize ?? Infinity;
    if (!known.ok) return this.#reject(known.reasonCode, known.problem);
    const { principal } = known;
    this.principal = principal;
    this.#stream.packetBytesMax = limits.packetBytesMax;
    if (this.#version === 5) this.#aliases = new IncomingAliases(limits.topicAliasMaximum);
    const aliveSeconds = keepAliveSeconds(connect, limits);
    if (aliveSeconds > 0) this.#aliveMs = aliveSeconds * 1500;
    if (isVisitor(principal)) this.#welcomeVisitor(connect, principal);
    else this.#welcomeOwn(connect, principal);
  }

  #reject(reasonCode: number, text: string): void {
    this.#host.door.refused(this, reasonCode, text);
    this.#socket.write(encodeConnack(this.#version, false, reasonCode, this.#because(text)));
    this.#ended = true;
    this.#hangUp(); // [MQTT-3.1.4-2]
  }

  #welcomeVisitor(connect: Connect, visitor: Visitor): void {
    if (!this.#host.admitVisitor(this, visitor)) {
      const which = visitorNames[visitor.kind];
      return this.#reject(reason.quotaExceeded, `the ${which} has too many connections`);
    }
    const clientId = connect.clientId || this.#host.flow.outside.entropy.uuid();
    const from = { takes: takenBy(connect), address: this.#from.remoteAddress, clientId };
    this.#client = visitorClient(this.#line(), visitor, this.#host, from);
    this.#accept(connect, false, clientId);
  }

  #welcomeOwn(connect: Connect, principal: Principal): void {
    const clientId = connect.clientId || this.#host.flow.outside.entropy.uuid();
    // The same client identifier of somebody else is another session.
    const key = `${nameOfPrincipal(principal)}/${clientId}`;
    const taken = this.#host.takeSession(this, principal, key, connect.cleanStart);
    if (taken === undefined) {
      return this.#reject(reason.quotaExceeded, "too many connections or sessions");
    }
    const { session, present } = taken;
    session.begin(sessionExpiry(connect), connect.will);
    this.#session = session;
    this.#client = new OwnClient(this.#line(), principal, session, this.#host);
    this.#accept(connect, present, clientId);
    session.attach({
      outbox: this.#outbox,
      version: connect.version,
      aliases: OutgoingAliases.of(connect.properties.topicAliasMaximum),
      ...takenBy(connect),
    });
  }

  #accept(connect: Connect, sessionPresent: boolean, clientId: string): void {
    this.counts.clientId = clientId;
    this.#host.door.accepted(this);
    this.#outbox.pushControl(
      encodeConnack(
        connect.version,
        sessionPresent,
        reason.success,
        welcome(connect, this.#host.limits, clientId, this.#session !== undefined),
      ),
    );
  }

  /** Left out where the packet would be larger than the client takes [MQTT-3.14.2-3]. */
  #because(text: string): { readonly reasonString?: string } {
    const reasonString = text.slice(0, 512);
    const isTooLong = Buffer.byteLength(reasonString) + 16 > this.#packetBytesMax;
    return isTooLong ? {} : { reasonString };
  }

  #answers(type: number): Acknowledgements {
    return new Acknowledgements(
      (answers) =>
        this.#outbox.pushControl(
          encodeAcknowledgements(type, this.#version, answers),
          answers.length,
        ),
      (failure) => this.end(reason.implementationSpecific, problemOf(failure)),
    );
  }

  #line(): ClientLine {
    return {
      flow: this.#host.flow,
      limits: this.#host.limits,
      version: this.#version,
      outbox: this.#outbox,
      lanes: this.#lanes,
      acknowledgements: this.#acknowledgements,
      receipts: this.#receipts,
      pauseUntil: (done) => {
        if (!this.#ended) this.#reading.pauseUntil(done, pause.slowStore);
      },
      end: (reasonCode, text) => this.end(reasonCode, text),
    };
  }

  #disconnect(body: Buffer): void {
    const { reasonCode, properties } = decodeDisconnect(body, this.#version);
    this.#session?.keepFor(properties.sessionExpirySeconds);
    const session = this.#session;
    const keepsWill = reasonCode === reason.disconnectWithWill;
    if (session !== undefined && !keepsWill) session.will = undefined; // [MQTT-3.14.4-3]
    this.end(reason.normalDisconnection, "");
  }
}
