import { ComityError, problemOf } from "../../kernel/errors.ts";
import type { Flow } from "../../flow/flow.ts";
import { Lanes } from "../../flow/lanes.ts";
import { Outbox, type OutboxOwner } from "../../flow/outbox.ts";
import type { QueueBudget } from "../../flow/queue-budget.ts";
import type { PeerCertificate } from "../../things/certificate.ts";
import type { Principal } from "../../things/access.ts";
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
import { Acknowledgements, type AnswerLine } from "./acknowledgements.ts";
import type { Client, ClientLine } from "./client.ts";
import { connectFirst, handOver } from "./client-packets.ts";
import type { ClientSocket } from "./client-socket.ts";
import { admission, type Authentication, keepAliveSeconds } from "./connect.ts";
import type { ConnectionHost, HostedConnection } from "./connection-host.ts";
import { ConnectionCounts } from "./door-counts.ts";
import { enter } from "./entrance.ts";
import type { MqttLimits } from "./limits.ts";
import { pause, Reading } from "./reading.ts";
import type { Session } from "./session.ts";

const firstPacketBytesMax = 65_536;
const lingerMs = 1000;
/** Of answers that wait for a client to read them. */
const controlBytesMax = 1_048_576;

/**
 * One client's connection, from its first byte to its last. There are tens of thousands that say
 * nothing for minutes: what only some of them need is made when it is needed.
 */
export class Connection
  implements HostedConnection, PacketSink, OutboxOwner, ClientLine, AnswerLine
{
  readonly counts: ConnectionCounts;
  readonly outbox: Outbox;
  principal: Principal | undefined;
  version: ProtocolVersion = 4;
  readonly #host: ConnectionHost;
  readonly #socket: ClientSocket;
  readonly #certificate: PeerCertificate | undefined;
  readonly #stream: PacketStream;
  readonly #reading: Reading;
  #lanes: Lanes | undefined;
  #acknowledgements: Acknowledgements | undefined;
  #receipts: Acknowledgements | undefined;
  #aliases: IncomingAliases | undefined;
  /** Of one packet, as the client said. */
  #packetBytesMax = Infinity;
  /** It takes reasons in words beside those of CONNACK and DISCONNECT [MQTT-3.1.2-29]. */
  #takesReasons = true;
  #client: Client | undefined;
  #session: Session | undefined;
  #lastSeen: number;
  #aliveMs = Infinity;
  #ended = false;
  /** What came behind a CONNECT that is still being decided; clients need not wait (§3.1.4). */
  #early: (() => void)[] | undefined;

  constructor(host: ConnectionHost, socket: ClientSocket, certificate?: PeerCertificate) {
    this.#host = host;
    this.#socket = socket;
    this.#certificate = certificate;
    this.#stream = new PacketStream(this, firstPacketBytesMax);
    this.#reading = new Reading(socket);
    this.outbox = new Outbox(socket, this);
    this.counts = new ConnectionCounts(socket, this.outbox, host.flow.outside.clock);
    this.#lastSeen = this.counts.openedAt;
    listenTo(socket, this);
  }

  get flow(): Flow {
    return this.#host.flow;
  }

  get limits(): MqttLimits {
    return this.#host.limits;
  }

  get queueBytesMax(): number {
    return this.#host.budget.queueBytesMax;
  }

  get shareBytesMax(): number {
    return this.#host.budget.shareBytesMax;
  }

  get budget(): QueueBudget {
    return this.#host.budget;
  }

  get lanes(): Lanes {
    return (this.#lanes ??= new Lanes(this.#socket, this.outbox.sent));
  }

  get acknowledgements(): Acknowledgements {
    return (this.#acknowledgements ??= new Acknowledgements(this, packetType.puback));
  }

  get receipts(): Acknowledgements {
    return (this.#receipts ??= new Acknowledgements(this, packetType.pubrec));
  }

  onQueued(bytes: number): void {
    this.#host.budget.add(bytes);
  }

  onDropped(messages: number): void {
    this.#host.flow.counts.drop("queue-full", messages);
  }

  onFlushed(): void {
    if (this.outbox.controlBytes <= controlBytesMax / 2) this.#reading.resume(pause.unreadAnswers);
  }

  answer(type: number, answers: readonly number[]): void {
    const packets = encodeAcknowledgements(type, this.version, answers);
    this.outbox.pushControl(packets, answers.length);
  }

  fail(failure: unknown): void {
    this.end(reason.implementationSpecific, problemOf(failure));
  }

  reply(packet: Buffer, shorter = packet): void {
    const fits = this.#takesReasons && packet.length <= this.#packetBytesMax;
    const fitting = fits ? packet : shorter;
    if (fitting.length <= this.#packetBytesMax) this.outbox.pushControl(fitting);
    else this.end(reason.packetTooLarge, "the answer is larger than you take"); // [MQTT-3.1.2-24]
  }

  pauseUntil(done: Promise<unknown>): void {
    if (!this.#ended) this.#reading.pauseUntil(done, pause.slowStore);
  }

  end(reasonCode: number, text: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.door.ended(this, reasonCode, text);
    if (this.principal !== undefined) {
      // What was answered already leaves, also where all of it came in one write.
      this.#acknowledgements?.flush();
      this.#receipts?.flush();
      this.outbox.finish();
      if (reasonCode !== reason.normalDisconnection && this.version === 5) {
        this.#socket.write(encodeDisconnect(5, reasonCode, this.#because(text)));
      }
    }
    this.#hangUp();
  }

  stopReading(): void {
    if (!this.#ended) this.#reading.pause(pause.closing);
  }

  dismiss(): void {
    this.#socket.destroy();
  }

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
    // Only version 5 has properties.
    if (scanned.hasProperties) {
      this.#aliases ??= new IncomingAliases(this.#host.limits.topicAliasMaximum);
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
    if (handOver(client, type, body, this.version)) return;
    if (type === packetType.pingreq) {
      if (body.length > 0) throw malformed("PINGREQ with content");
      this.outbox.pushControl(pingresp); // [MQTT-3.12.4-1]
    } else if (type === packetType.disconnect) this.#disconnect(body);
    else {
      // Also a second CONNECT [MQTT-3.1.0-2], and AUTH, for no method was agreed on (§4.12).
      const text = `packet type ${type} is not for this server now`;
      throw new ProtocolError(reason.protocolError, text);
    }
  }

  onData(chunk: Buffer): void {
    if (this.#ended) return;
    this.#lastSeen = this.#host.flow.outside.clock.monotonic();
    this.#guarded(() => this.#stream.push(chunk));
    this.#acknowledgements?.flush();
    this.#receipts?.flush();
    if (!this.#ended && this.outbox.controlBytes > controlBytesMax) {
      this.#reading.pause(pause.unreadAnswers);
    }
  }

  onDrain(): void {
    this.outbox.ready();
    this.#lanes?.ready();
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

  onClose(): void {
    this.#ended = true;
    this.outbox.close();
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
    this.outbox.close();
    this.#leave();
    this.#socket.end();
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), lingerMs).unref();
  }

  #connect(connect: Connect): void {
    this.version = this.#stream.version = connect.version;
    const from = { remoteAddress: this.counts.address, certificate: this.#certificate };
    const known = admission(connect, from, this.#host.authenticate);
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
    this.#takesReasons = connect.properties.requestProblemInformation !== 0;
    if (!known.ok) return this.#reject(known.reasonCode, known.problem);
    const { principal } = known;
    this.principal = principal;
    this.#stream.packetBytesMax = limits.packetBytesMax;
    const aliveSeconds = keepAliveSeconds(connect, limits);
    if (aliveSeconds > 0) this.#aliveMs = aliveSeconds * 1500;
    const entrance = enter(this, this.#host, connect, principal);
    if ("refused" in entrance) return this.#reject(entrance.reasonCode, entrance.refused);
    this.#client = entrance.client;
    this.#session = entrance.session;
    this.counts.clientId = entrance.clientId;
    this.#host.door.accepted(this);
    this.outbox.pushControl(entrance.connack);
    entrance.begin?.();
  }

  #reject(reasonCode: number, text: string): void {
    this.#host.door.refused(this, reasonCode, text);
    const connack = encodeConnack(this.version, false, reasonCode, this.#because(text));
    if (connack.length <= this.#packetBytesMax) this.#socket.write(connack); // [MQTT-3.1.2-24]
    this.#ended = true;
    this.#hangUp(); // [MQTT-3.1.4-2]
  }

  /** Left out where the packet would be larger than the client takes [MQTT-3.14.2-3]. */
  #because(text: string): { readonly reasonString?: string } {
    const reasonString = text.slice(0, 512);
    const isTooLong = Buffer.byteLength(reasonString) + 16 > this.#packetBytesMax;
    return isTooLong ? {} : { reasonString };
  }

  #disconnect(body: Buffer): void {
    const { reasonCode, properties } = decodeDisconnect(body, this.version);
    this.#session?.keepFor(properties.sessionExpirySeconds);
    const session = this.#session;
    const keepsWill = reasonCode === reason.disconnectWithWill;
    if (session !== undefined && !keepsWill) session.will = undefined; // [MQTT-3.14.4-3]
    this.end(reason.normalDisconnection, "");
  }
}

/** A socket's handlers are the same functions for all of them, and not five of its own. */
const connectionOf = Symbol("connection");
type HeardSocket = ClientSocket & { [connectionOf]: Connection };

function listenTo(socket: ClientSocket, connection: Connection): void {
  (socket as HeardSocket)[connectionOf] = connection;
  socket.on("data", heard).on("drain", drained).on("error", failed).on("close", closed);
}

function heard(this: HeardSocket, chunk: Buffer): void {
  this[connectionOf].onData(chunk);
}

function drained(this: HeardSocket): void {
  this[connectionOf].onDrain();
}

function failed(this: HeardSocket): void {
  this.destroy();
}

function closed(this: HeardSocket): void {
  this[connectionOf].onClose();
}
