import type { Socket } from "node:net";
import { ComityError, problemOf } from "../../kernel/errors.ts";
import { filterProblem, topicProblem } from "../../kernel/topic.ts";
import { openFeed } from "../../flow/open-feed.ts";
import type { Feed } from "../../flow/feed.ts";
import { Outbox } from "../../flow/outbox.ts";
import type { Route } from "../../flow/router.ts";
import { Run } from "../../flow/run.ts";
import { mayPublish, maySubscribe, nameOfPrincipal, type Principal } from "../../things/access.ts";
import { agreementOfLinkTopic, claimOf, decodeControl } from "../../wire/link/control.ts";
import { textOf } from "../../wire/mqtt/cursor.ts";
import {
  decodeAcknowledgement,
  decodeConnect,
  decodeDisconnect,
  decodeSubscribe,
  decodeUnsubscribe,
  type Connect,
  type Subscribe,
  type Will,
} from "../../wire/mqtt/decode.ts";
import {
  encodeAcknowledgement,
  encodeConnack,
  encodeDisconnect,
  encodePubacks,
  encodeSuback,
  encodeUnsuback,
  pingresp,
} from "../../wire/mqtt/encode.ts";
import { PacketStream, type PacketSink, type ScannedRun } from "../../wire/mqtt/packet-stream.ts";
import { packetType, ProtocolError, reason, type ProtocolVersion } from "../../wire/mqtt/protocol.ts";
import { publisherPropertiesProblem, walkPublishes } from "../../wire/mqtt/publish.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { ParticipantSubscriptions } from "./participant.ts";
import type { MqttServer } from "./server.ts";
import type { Session } from "./session.ts";

const firstPacketBytesMax = 65_536;
const pauseAbovePendingBytes = 4_194_304;
const noteEveryMs = 1000;
const summaryBytesMax = 120;

/** One client's connection, from its first byte to its last. */
export class Connection implements PacketSink {
  readonly #server: MqttServer;
  readonly #socket: Socket;
  readonly #stream: PacketStream;
  readonly #outbox: Outbox;
  readonly #acknowledgements: Acknowledgements;
  readonly #openedAt: number;
  principal: Principal | undefined;
  #version: ProtocolVersion = 4;
  #session: Session | undefined;
  #participant: ParticipantSubscriptions | undefined;
  #feed: Feed | undefined;
  #will: Will | undefined;
  #publisher = "";
  #lastSeen: number;
  #notedAt = -Infinity;
  #aliveMs = Infinity;
  #lastRoute: Route | undefined;
  #ended = false;

  constructor(server: MqttServer, socket: Socket) {
    this.#server = server;
    this.#socket = socket;
    const { limits } = server.options;
    this.#stream = new PacketStream(this, firstPacketBytesMax);
    this.#outbox = new Outbox(socket, {
      queueBytesMax: limits.queueBytesMax,
      onDropped: (messages) => {
        server.flow.counts.dropped += messages;
      },
    });
    this.#acknowledgements = new Acknowledgements(
      (ids) => this.#outbox.pushControl(encodePubacks(ids)),
      (failure) => this.end(reason.implementationSpecific, problemOf(failure)),
    );
    this.#openedAt = this.#lastSeen = server.flow.outside.clock.monotonic();
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("drain", () => this.#outbox.ready());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#onClose());
  }

  /** Ends the connection; a version 5 client is told why. */
  end(reasonCode: number, text: string): void {
    if (this.#ended) return;
    this.#ended = true;
    if (reasonCode !== reason.normalDisconnection && this.principal !== undefined) {
      this.#outbox.flush();
      if (this.#version === 5) {
        this.#socket.write(encodeDisconnect(5, reasonCode, { reasonString: text.slice(0, 512) }));
      }
    }
    this.#outbox.close();
    this.#socket.end(() => this.#socket.destroy());
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  /** Called once a second: closes who is silent for too long [MQTT-3.1.2-22]. */
  checkAlive(): void {
    const now = this.#server.flow.outside.clock.monotonic();
    if (this.principal === undefined) {
      if (now - this.#openedAt > this.#server.options.limits.connectTimeoutMs) this.#socket.destroy();
    } else if (now - this.#lastSeen > this.#aliveMs) {
      this.end(reason.keepAliveTimeout, "nothing was heard for one and a half keep-alive times");
    }
  }

  #onData(chunk: Buffer): void {
    if (this.#ended) return;
    this.#lastSeen = this.#server.flow.outside.clock.monotonic();
    try {
      this.#stream.push(chunk);
    } catch (error) {
      if (error instanceof ProtocolError) this.#refuse(error.reasonCode, error.message);
      else if (error instanceof ComityError) this.#refuse(reason.implementationSpecific, error.message);
      else throw error;
    }
    this.#acknowledgements.flush();
  }

  #refuse(reasonCode: number, text: string): void {
    if (this.principal === undefined) {
      // Before CONNACK nothing but CONNACK may be sent [MQTT-3.1.4-1].
      if (reasonCode === reason.unsupportedVersion) this.#socket.write(encodeConnack(4, false, reasonCode));
      this.#ended = true;
      this.#socket.end(() => this.#socket.destroy());
      return;
    }
    this.end(reasonCode, text);
  }

  #onClose(): void {
    this.#ended = true;
    this.#outbox.close();
    this.#feed?.close();
    this.#participant?.close();
    if (this.#session !== undefined) this.#server.leaveSession(this, this.#session);
    if (this.#will !== undefined) this.#publishWill(this.#will);
    this.#server.forget(this);
  }

  onPacket(first: number, body: Buffer): void {
    if (this.#ended) return;
    const type = first >> 4;
    if (this.principal === undefined) {
      if (type !== packetType.connect) throw new ProtocolError(reason.protocolError, "CONNECT comes first"); // [MQTT-3.1.0-1]
      this.#connect(decodeConnect(body));
      return;
    }
    switch (type) {
      case packetType.puback:
        this.#session?.acknowledge(decodeAcknowledgement(body, this.#version).id);
        return;
      case packetType.pubrel:
        this.#release(decodeAcknowledgement(body, this.#version).id);
        return;
      case packetType.subscribe:
        this.#subscribe(decodeSubscribe(first, body, this.#version));
        return;
      case packetType.unsubscribe:
        this.#unsubscribe(decodeUnsubscribe(first, body, this.#version));
        return;
      case packetType.pingreq:
        this.#outbox.pushControl(pingresp); // [MQTT-3.12.4-1]
        return;
      case packetType.disconnect:
        this.#disconnect(body);
        return;
      default:
        throw new ProtocolError(reason.protocolError, `packet type ${type} is not for a server here`);
    }
  }

  #connect(connect: Connect): void {
    const { limits, authenticate } = this.#server.options;
    this.#version = this.#stream.version = connect.version;
    const accept = authenticate(
      connect.username,
      connect.password?.toString("utf8"),
      this.#socket.remoteAddress ?? "",
    );
    if (!accept.ok) {
      this.#rejectConnect(accept.reasonCode, accept.problem);
      return;
    }
    const { principal } = accept;
    if (connect.properties.authenticationMethod !== undefined) {
      this.#rejectConnect(reason.badAuthenticationMethod, "enhanced authentication is not offered");
      return;
    }
    if (connect.will !== undefined && !mayPublish(principal, connect.will.topic)) {
      this.#rejectConnect(reason.notAuthorized, `the will's topic ${connect.will.topic} is not allowed`);
      return;
    }
    if (connect.clientId === "" && connect.version === 4 && !connect.cleanStart) {
      this.#rejectConnect(reason.clientIdNotValid, "an empty client identifier needs a clean session"); // [MQTT-3.1.3-8]
      return;
    }
    this.principal = principal;
    this.#publisher = nameOfPrincipal(principal);
    this.#will = connect.will;
    this.#stream.packetBytesMax = limits.packetBytesMax;
    // One and a half times the keep-alive time [MQTT-3.1.2-22].
    if (connect.keepAliveSeconds > 0) this.#aliveMs = connect.keepAliveSeconds * 1500;
    this.#openSession(connect, principal);
  }

  #openSession(connect: Connect, principal: Principal): void {
    const { limits } = this.#server.options;
    const clientId = connect.clientId === "" ? this.#server.flow.outside.entropy.uuid() : connect.clientId;
    let present = false;
    if (principal.kind !== "participant") {
      // The same client identifier of somebody else is another session.
      const key = `${this.#publisher}/${clientId}`;
      const taken = this.#server.takeSession(this, principal, key, connect.cleanStart);
      this.#session = taken.session;
      present = taken.present;
      const asked = connect.properties.sessionExpirySeconds ?? 0;
      const expiry5 = asked === 0xffffffff ? Infinity : asked;
      this.#session.expirySeconds = connect.version === 5 ? expiry5 : connect.cleanStart ? 0 : Infinity;
    }
    this.#outbox.pushControl(
      encodeConnack(connect.version, present, reason.success, {
        receiveMaximum: 65_535,
        maximumPacketSize: limits.packetBytesMax,
        ...(connect.clientId === "" ? { assignedClientId: clientId } : {}), // [MQTT-3.1.3-7]
        ...(principal.kind === "participant" ? { retainAvailable: 0, maximumQos: 1 } : {}),
        sharedAvailable: 0,
      }),
    );
    this.#session?.attach({
      outbox: this.#outbox,
      version: connect.version,
      receiveMaximum: connect.properties.receiveMaximum ?? 65_535,
      packetBytesMax: connect.properties.maximumPacketSize ?? Infinity,
    });
  }

  #rejectConnect(reasonCode: number, text: string): void {
    const properties = { reasonString: text };
    this.#socket.write(encodeConnack(this.#version, false, reasonCode, properties));
    this.#ended = true;
    this.#socket.end(() => this.#socket.destroy()); // [MQTT-3.1.4-2]
  }

  onRun(scanned: ScannedRun): void {
    if (this.#ended) return;
    if (this.principal === undefined) throw new ProtocolError(reason.protocolError, "CONNECT comes first");
    if (this.principal.kind === "participant") {
      this.#control(scanned);
      return;
    }
    const { flow } = this.#server;
    let route = this.#lastRoute;
    if (
      route === undefined ||
      route.generation !== flow.router.generation ||
      !route.topicBytes.equals(scanned.topic)
    ) {
      route = this.#routeOf(scanned);
      if (route === undefined) return;
      this.#lastRoute = route;
    }
    if (scanned.hasProperties) this.#checkProperties(scanned);
    const qos = ((scanned.first >> 1) & 3) as 0 | 1 | 2;
    if (qos === 2) {
      this.#publishQos2(scanned, route);
      return;
    }
    const run = this.#runOf(scanned, route, qos);
    if (this.principal.kind === "thing") this.#noteThing(this.principal.id, run);
    const done = flow.publish(run, route);
    if (qos === 1) this.#acknowledgements.add(scanned.ids, done);
    if (done !== undefined) this.#slowDown(route, done);
  }

  #runOf(scanned: ScannedRun, route: Route, qos: 0 | 1 | 2): Run {
    return new Run({
      topic: route.topic,
      qos,
      packets: scanned.packets,
      layout: { version: this.#version, withIds: qos > 0 },
      count: scanned.count,
      payloadBytes: scanned.payloadBytes,
      publisher: this.#publisher,
      retain: (scanned.first & 1) === 1,
      origin: this.#session,
    });
  }

  #noteThing(id: string, run: Run): void {
    if (this.#lastSeen - this.#notedAt < noteEveryMs) return;
    this.#notedAt = this.#lastSeen;
    this.#server.options.onSeen(id, run.lastPayload().toString("utf8", 0, summaryBytesMax));
  }

  /** The route of a topic this client may publish to; else the messages are refused. */
  #routeOf(scanned: ScannedRun): Route | undefined {
    const topic = textOf(scanned.topic);
    const problem = topicProblem(topic);
    if (problem !== undefined) throw new ProtocolError(reason.topicNameInvalid, `a topic ${problem}`);
    if (mayPublish(this.principal!, topic)) return this.#server.flow.router.route(topic);
    this.#server.flow.counts.dropped += scanned.count;
    const text = `${this.#publisher} may not publish to ${topic}`;
    // 3.1.1 cannot say no to one message: acknowledge it or close [MQTT-3.3.5-2].
    if (this.#version === 4) throw new ProtocolError(reason.notAuthorized, text);
    if (scanned.ids.length === 0) throw new ProtocolError(reason.notAuthorized, text);
    const type = (scanned.first & 6) === 2 ? packetType.puback : packetType.pubrec;
    for (const id of scanned.ids) {
      this.#outbox.pushControl(encodeAcknowledgement(5, type, id, reason.notAuthorized));
    }
    return undefined;
  }

  #checkProperties(scanned: ScannedRun): void {
    const layout = { version: 5, withIds: (scanned.first & 6) !== 0 } as const;
    walkPublishes(scanned.packets, layout, (place) => {
      const problem = publisherPropertiesProblem(scanned.packets, place);
      if (problem !== undefined) throw new ProtocolError(reason.protocolError, `PUBLISH with ${problem}`);
    });
  }

  /** A publisher that is faster than the log waits at its own socket. */
  #slowDown(route: Route, done: Promise<unknown>): void {
    if (this.#socket.isPaused() || this.#server.flow.pendingBytes(route) < pauseAbovePendingBytes) return;
    this.#socket.pause();
    const resume = (): void => void this.#socket.resume();
    done.then(resume, resume);
  }

  /** Each message once: its identifier is remembered until PUBREL [MQTT-4.3.3-10]. */
  #publishQos2(scanned: ScannedRun, route: Route): void {
    const { incomingQos2 } = this.#session!;
    const fresh = scanned.ids.filter((id) => !incomingQos2.has(id));
    for (const id of fresh) incomingQos2.add(id);
    const received = (): void => {
      for (const id of scanned.ids) {
        this.#outbox.pushControl(encodeAcknowledgement(this.#version, packetType.pubrec, id));
      }
    };
    if (fresh.length === 0) {
      received();
      return;
    }
    const run = this.#runOf(scanned, route, 2);
    const kept: Buffer[] = [];
    let payloadBytes = 0;
    run.walk((place, index) => {
      if (!fresh.includes(scanned.ids[index]!)) return;
      kept.push(scanned.packets.subarray(place.start, place.end));
      payloadBytes += place.end - place.payloadAt;
    });
    const done = this.#server.flow.publish(run.with(kept, run.layout, payloadBytes), route);
    if (done === undefined) received();
    else done.then(received, (failure: unknown) => this.end(reason.implementationSpecific, problemOf(failure)));
  }

  #release(id: number): void {
    this.#session?.incomingQos2.delete(id);
    this.#outbox.pushControl(encodeAcknowledgement(this.#version, packetType.pubcomp, id));
  }

  #subscribe(subscribe: Subscribe): void {
    if (this.principal!.kind === "participant") {
      this.#subscribeParticipant(subscribe);
      return;
    }
    const session = this.#session!;
    const { limits } = this.#server.options;
    const { flow } = this.#server;
    const send: (() => void)[] = [];
    const codes = subscribe.requests.map((request) => {
      if (filterProblem(request.filter) !== undefined) return reason.topicFilterInvalid;
      if (request.filter.startsWith("$share/")) return reason.sharedSubscriptionsNotSupported;
      if (!maySubscribe(this.principal!, request.filter)) return reason.notAuthorized;
      if (session.subscriptions.size >= limits.subscriptionsPerClientMax) return reason.quotaExceeded;
      const { isNew, subscription } = session.subscribe(request, subscribe.properties.subscriptionId);
      if (request.retainHandling === 0 || (request.retainHandling === 1 && isNew)) {
        send.push(() => {
          for (const run of flow.retained.matching(request.filter)) session.receiveRetained(run, subscription);
        });
      }
      return subscription.qos;
    });
    this.#outbox.pushControl(encodeSuback(this.#version, subscribe.id, codes)); // [MQTT-3.8.4-1]
    for (const retained of send) retained();
  }

  /** Another organisation: its link, or plain topics of the product. */
  #subscribeParticipant(subscribe: Subscribe): void {
    const { flow } = this.#server;
    const { agreement } = this.principal as Extract<Principal, { kind: "participant" }>;
    const gate = flow.grants.get(agreement);
    const codes = subscribe.requests.map(({ filter }) => {
      if (filterProblem(filter) !== undefined) return reason.topicFilterInvalid;
      if (gate === undefined || gate.ended !== undefined) return reason.notAuthorized;
      if (agreementOfLinkTopic(filter) === agreement) {
        void openFeed({ flow, gate, outbox: this.#outbox, claimed: claimOf(subscribe.properties) }).then(
          (feed) => {
            this.#feed?.close();
            this.#feed = feed;
            if (this.#ended) feed.close();
          },
          (failure: unknown) => this.end(reason.implementationSpecific, problemOf(failure)),
        );
        return 0;
      }
      this.#participant ??= new ParticipantSubscriptions(flow, gate, this.#outbox, this.#version);
      return this.#participant.subscribe(filter) ? 0 : reason.notAuthorized;
    });
    this.#outbox.pushControl(encodeSuback(this.#version, subscribe.id, codes));
  }

  /** All a participant may publish are its acknowledgements on its own link. */
  #control(scanned: ScannedRun): void {
    const { agreement } = this.principal as Extract<Principal, { kind: "participant" }>;
    if (agreementOfLinkTopic(textOf(scanned.topic)) !== agreement) {
      this.#server.flow.outside.usage.refused(agreement, "topic", scanned.count);
      throw new ProtocolError(reason.notAuthorized, "an agreement's token is for receiving only");
    }
    const layout = { version: this.#version, withIds: (scanned.first & 6) !== 0 };
    walkPublishes(scanned.packets, layout, (place) => {
      const control = decodeControl(scanned.packets.subarray(place.payloadAt, place.end));
      if (control?.t !== "ack") return;
      const { epoch, position, messages, payloadBytes } = control;
      this.#feed?.acknowledge({ epoch, position, messages, payloadBytes });
    });
    if (scanned.ids.length > 0) this.#acknowledgements.add(scanned.ids, undefined);
  }

  #unsubscribe(request: { readonly id: number; readonly filters: readonly string[] }): void {
    const codes = request.filters.map((filter) => {
      const had = this.#session?.unsubscribe(filter) ?? this.#participant?.unsubscribe(filter) ?? false;
      return had ? reason.success : reason.noSubscriptionExisted;
    });
    this.#outbox.pushControl(encodeUnsuback(this.#version, request.id, codes));
  }

  #disconnect(body: Buffer): void {
    const { reasonCode, properties } = decodeDisconnect(body, this.#version);
    if (reasonCode !== reason.disconnectWithWill) this.#will = undefined; // [MQTT-3.14.4-3]
    if (this.#session !== undefined && properties.sessionExpirySeconds !== undefined) {
      this.#session.expirySeconds = properties.sessionExpirySeconds;
    }
    this.end(reason.normalDisconnection, "");
  }

  #publishWill(will: Will): void {
    const { topic, payload, qos, retain } = will;
    const run = Run.of(topic, payload, { qos, retain, publisher: this.#publisher });
    this.#server.flow.publish(run)?.catch(() => {
      // The store is gone and says so itself; there is nobody left to tell.
    });
  }
}
