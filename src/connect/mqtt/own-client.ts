import { setTimeout as sleep } from "node:timers/promises";
import type { Route } from "../../flow/router.ts";
import { sharedFilter, shareProblem } from "../../flow/share-group.ts";
import { Run } from "../../flow/run.ts";
import { problemOf } from "../../kernel/errors.ts";
import { filterProblem, topicProblem } from "../../kernel/topic.ts";
import { mayPublish, maySubscribe, nameOfPrincipal, type Principal } from "../../things/access.ts";
import type { Pace, Paces } from "../../things/pace.ts";
import { textOf } from "../../wire/mqtt/cursor.ts";
import type { Subscribe, SubscriptionRequest } from "../../wire/mqtt/decode.ts";
import { encodeAcknowledgement, encodeSuback, encodeUnsuback } from "../../wire/mqtt/encode.ts";
import type { ScannedRun } from "../../wire/mqtt/packet-stream.ts";
import { packetType, ProtocolError, reason } from "../../wire/mqtt/protocol.ts";
import { isRetain, qosIn } from "../../wire/mqtt/publish.ts";
import type { Client, ClientLine } from "./client.ts";
import type { Session } from "./session.ts";

const pauseAbovePendingBytes = 4_194_304;
const noteEveryMs = 1000;

/** A Thing published: the run's topic, and the last payload in it. */
export type OnSeen = (thing: string, topic: string, payload: Buffer) => void;

export interface OwnDoor {
  readonly onSeen: OnSeen;
  readonly paces: Paces;
}

interface Granted {
  /** For the SUBACK. */
  readonly code: number;
  readonly sendRetained?: () => void;
}

/** A Thing's or a user's connection, let in with this organisation's own credentials. */
export class OwnClient implements Client {
  readonly #line: ClientLine;
  readonly #principal: Principal;
  readonly #publisher: string;
  readonly #session: Session;
  readonly #door: OwnDoor;
  /** Null: nothing was published yet; undefined: it is not held up. */
  #pace: Pace | undefined | null = null;
  #lastRoute: Route | undefined;
  #notedAt = -Infinity;

  constructor(line: ClientLine, principal: Principal, session: Session, door: OwnDoor) {
    this.#line = line;
    this.#principal = principal;
    this.#publisher = nameOfPrincipal(principal);
    this.#session = session;
    this.#door = door;
  }

  publish(scanned: ScannedRun, now: number): void {
    const { flow } = this.#line;
    if (this.#pace === null) this.#pace = this.#door.paces.of(this.#principal);
    const restMs = this.#pace?.take(scanned.count, scanned.packets.length, now) ?? 0;
    if (restMs > 0) this.#line.pauseUntil(sleep(restMs));
    const route = this.#routeOf(scanned);
    if (route === undefined) return;
    const qos = qosIn(scanned.first);
    if (qos === 1) this.#checkQuota(scanned.count);
    if (qos === 2) {
      this.#publishQos2(scanned, route);
      return;
    }
    const run = this.#runOf(scanned, route, qos);
    if (this.#principal.kind === "thing") this.#note(this.#principal.id, run, now);
    const done = flow.publish(run, route);
    if (qos === 1) this.#line.acknowledgements.add(scanned.ids, done, answerFor(route));
    else done?.catch((failure: unknown) => this.#fail(failure));
    // A publisher that is faster than the log waits at its own socket.
    if (done !== undefined && flow.pendingBytes(route) > pauseAbovePendingBytes) {
      this.#line.pauseUntil(done);
    }
  }

  subscribe(subscribe: Subscribe): void {
    const { version } = this.#line;
    const id = subscribe.properties.subscriptionId;
    const granted = subscribe.requests.map((request) => this.grant(request, id));
    const codes = granted.map(({ code }) => code);
    this.#whenSaved(() => {
      this.#line.reply(encodeSuback(version, subscribe.id, codes)); // [MQTT-3.8.4-1]
      for (const { sendRetained } of granted) sendRetained?.();
    });
  }

  /** One request of a SUBSCRIBE; what is retained goes out behind its SUBACK. */
  grant(request: SubscriptionRequest, id: number | undefined): Granted {
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) return { code: refusal };
    const { isNew, subscription } = this.#session.subscribe(request, id);
    const code = subscription.qos;
    if (request.retainHandling === 2 || (request.retainHandling === 1 && !isNew)) return { code };
    // Those who share have none sent at the beginning (§3.8.3.1).
    if (subscription.share !== undefined) return { code };
    const sendRetained = (): void => {
      for (const run of this.#line.flow.retainedFor(request.filter)) {
        this.#session.receiveRetained(run, subscription);
      }
    };
    return { code, sendRetained };
  }

  unsubscribe(id: number, filters: readonly string[]): void {
    const codes = filters.map((filter) =>
      this.#session.unsubscribe(filter) ? reason.success : reason.noSubscriptionExisted,
    );
    const { version } = this.#line;
    this.#whenSaved(() => this.#line.reply(encodeUnsuback(version, id, codes)));
  }

  acknowledge(id: number): void {
    this.#session.outgoing.acknowledge(id);
  }

  received(id: number, reasonCode: number): void {
    this.#session.outgoing.received(id, reasonCode);
  }

  completed(id: number): void {
    this.#session.outgoing.completed(id);
  }

  release(id: number): void {
    const { outbox, version } = this.#line;
    const { isKnown, done } = this.#session.release(id);
    const code = isKnown ? reason.success : reason.packetIdNotFound; // §3.7.2.1
    const complete = (): void =>
      outbox.pushControl(encodeAcknowledgement(version, packetType.pubcomp, id, code)); // [MQTT-4.3.3-11]
    // The client may give the identifier to another message then: nobody may take it for this one.
    this.#when(done, complete);
  }

  close(): void {
    this.#pace?.close(); // the session is the server's to keep or to end
  }

  #refusalOf(request: SubscriptionRequest): number | undefined {
    const { subscriptions } = this.#session;
    const shared = sharedFilter(request.filter);
    const filter = shared?.filter ?? request.filter;
    const problem = filterProblem(filter) ?? (shared && shareProblem(shared.share));
    if (problem !== undefined) return reason.topicFilterInvalid;
    if (!maySubscribe(this.#principal, filter)) return reason.notAuthorized;
    const full = subscriptions.size >= this.#line.limits.subscriptionsPerClientMax;
    return full && !subscriptions.has(request.filter) ? reason.quotaExceeded : undefined;
  }

  #runOf(scanned: ScannedRun, route: Route, qos: 0 | 1 | 2): Run {
    return new Run({
      topic: route.topic,
      qos,
      packets: scanned.packets,
      layout: { version: this.#line.version, withIds: qos > 0 },
      count: scanned.count,
      payloadBytes: scanned.payloadBytes,
      publisher: this.#publisher,
      retain: isRetain(scanned.first),
      origin: this.#session,
    });
  }

  /** The route of a topic this client may publish to; else the messages are refused. */
  #routeOf(scanned: ScannedRun): Route | undefined {
    const { flow } = this.#line;
    const last = this.#lastRoute;
    // Most publishers stay on one topic: comparing bytes is cheaper than reading text.
    if (last !== undefined && !last.isStale && last.topicBytes.equals(scanned.topic)) {
      return last;
    }
    const topic = textOf(scanned.topic);
    const problem = topicProblem(topic);
    if (problem !== undefined) {
      // §3.3.2.1: without an alias an empty one breaks the protocol.
      const isEmpty = topic === "" && this.#line.version === 5;
      const code = isEmpty ? reason.protocolError : reason.topicNameInvalid;
      throw new ProtocolError(code, `a topic ${problem}`);
    }
    if (!mayPublish(this.#principal, topic)) {
      this.#refusePublish(scanned, topic);
      return undefined;
    }
    this.#lastRoute = flow.router.route(topic);
    return this.#lastRoute;
  }

  /** 3.1.1, and QoS 0, cannot say no to one message: the connection ends [MQTT-3.3.5-2]. */
  #refusePublish(scanned: ScannedRun, topic: string): void {
    const { version } = this.#line;
    this.#line.flow.counts.drop("not-allowed", scanned.count);
    if (version === 4 || scanned.ids.length === 0) {
      const text = `${this.#publisher} may not publish to ${topic}`;
      throw new ProtocolError(reason.notAuthorized, text);
    }
    const answers = qosIn(scanned.first) === 1 ? this.#line.acknowledgements : this.#line.receipts;
    answers.add(scanned.ids, undefined, reason.notAuthorized);
  }

  /** Each message once: its identifier is remembered until PUBREL [MQTT-4.3.3-10]. */
  #publishQos2(scanned: ScannedRun, route: Route): void {
    const { flow, receipts } = this.#line;
    const { incomingQos2 } = this.#session;
    const fresh = new Set(scanned.ids.filter((id) => !incomingQos2.has(id)));
    // What is sent again on a new connection counts once (§4.9).
    this.#checkQuota(fresh.size);
    for (const id of fresh) incomingQos2.add(id);
    const run = this.#runOf(scanned, route, 2);
    const kept: Buffer[] = [];
    let payloadBytes = 0;
    run.walk((place, index) => {
      if (!fresh.delete(scanned.ids[index]!)) return;
      kept.push(scanned.packets.subarray(place.start, place.end));
      payloadBytes += place.end - place.payloadAt;
    });
    const done =
      kept.length === 0
        ? flow.flushed(route)
        : flow.publish(
            run.with(kept, run.layout, payloadBytes),
            route,
            this.#session.receivedWrites(),
          );
    receipts.add(scanned.ids, done, answerFor(route));
    done?.catch(() => {
      // Not kept, so not received: they are taken when they are sent again.
      for (const id of scanned.ids) incomingQos2.delete(id);
    });
  }

  /** A client that sends more than it was told it may (§4.9) [MQTT-3.3.4-9]. */
  #checkQuota(count: number): void {
    const { acknowledgements, limits, version } = this.#line;
    const open = acknowledgements.count + this.#session.unreleased + count;
    if (version === 4 || open <= limits.receiveMaximum) return;
    const text = `more than ${limits.receiveMaximum} messages without an acknowledgement`;
    throw new ProtocolError(reason.receiveMaximumExceeded, text);
  }

  /** A session that outlives this node has what is acknowledged of it on disk first. */
  #whenSaved(answer: () => void): void {
    this.#when(this.#session.saved(), answer);
  }

  #when(done: Promise<unknown> | undefined, answer: () => void): void {
    if (done === undefined) answer();
    else done.then(answer, (failure: unknown) => this.#fail(failure));
  }

  #fail(failure: unknown): void {
    this.#line.end(reason.implementationSpecific, problemOf(failure));
  }

  #note(id: string, run: Run, now: number): void {
    if (now - this.#notedAt < noteEveryMs) return;
    this.#notedAt = now;
    this.#door.onSeen(id, run.topic, run.lastPayload());
  }
}

/** Nobody takes it and no log keeps it: its publisher may want to know (§3.4.2.1). */
function answerFor({ subscriptions, logs }: Route): number {
  return subscriptions.length === 0 && logs.length === 0
    ? reason.noMatchingSubscribers
    : reason.success;
}
