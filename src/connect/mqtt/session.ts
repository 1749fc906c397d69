import type { Clock } from "../../kernel/clock.ts";
import { maySubscribe, type Principal } from "../../things/access.ts";
import type { Gate } from "../../flow/gate.ts";
import type { Tally } from "../../flow/parcel-queue.ts";
import type { Receiver, Router, Subscription } from "../../flow/router.ts";
import type { Run } from "../../flow/run.ts";
import type { SubscriptionRequest } from "../../wire/mqtt/decode.ts";
import { ProtocolError, reason } from "../../wire/mqtt/protocol.ts";
import { subscriptionIdProperty } from "../../wire/mqtt/publish.ts";
import { type Attachment, Outgoing } from "./outgoing.ts";

export interface SessionOptions {
  readonly clock: Clock;
  /** Of what waits, and of what is sent and not acknowledged. */
  readonly queueBytesMax: number;
  readonly onDropped: (messages: number) => void;
  /** The agreement all of it leaves under; absent for this organisation's own clients. */
  readonly under?: { readonly gate: Gate; readonly tally: Tally };
}

/**
 * What a client subscribed to, what it sent and was sent and is not complete (§4.1). Outlives the
 * connection where the client asked for that.
 */
export class Session implements Receiver {
  readonly key: string;
  principal: Principal;
  /** How long it stays after the connection is gone; Infinity: for ever. */
  expirySeconds = 0;
  /** Identifiers of messages that came with QoS 2 and are not released. */
  readonly incomingQos2 = new Set<number>();
  readonly subscriptions = new Map<string, Subscription>();
  readonly outgoing: Outgoing;
  readonly #router: Router;

  constructor(key: string, principal: Principal, router: Router, options: SessionOptions) {
    this.key = key;
    this.principal = principal;
    this.#router = router;
    this.outgoing = new Outgoing(options);
  }

  /** What DISCONNECT says of it; where it says nothing, all stays as it is. */
  keepFor(seconds: number | undefined): void {
    if (seconds === undefined) return;
    if (seconds > 0 && this.expirySeconds === 0) {
      // §3.14.2.2.2
      throw new ProtocolError(reason.protocolError, "a session's expiry is raised from 0");
    }
    this.expirySeconds = seconds;
  }

  /** Its client was let in again: what it may not have any longer is taken out. */
  resumeAs(principal: Principal): void {
    this.principal = principal;
    for (const [filter, subscription] of this.subscriptions) {
      if (maySubscribe(principal, filter)) continue;
      this.unsubscribe(filter);
      this.outgoing.forget(subscription);
    }
  }

  /** A connection takes the session up; what it has not acknowledged is sent again. */
  attach(attachment: Attachment): void {
    this.outgoing.attach(attachment);
  }

  detach(): void {
    this.outgoing.detach();
  }

  subscribe(
    request: SubscriptionRequest,
    subscriptionId: number | undefined,
  ): { isNew: boolean; subscription: Subscription } {
    const old = this.subscriptions.get(request.filter);
    const subscription: Subscription = {
      filter: request.filter,
      receiver: this,
      qos: request.qos,
      noLocal: request.noLocal,
      retainAsPublished: request.retainAsPublished,
      ...(subscriptionId === undefined
        ? {}
        : { identifier: subscriptionIdProperty(subscriptionId) }),
    };
    if (old !== undefined) this.#router.unsubscribe(old); // [MQTT-3.8.4-3]
    this.#router.subscribe(subscription);
    this.subscriptions.set(request.filter, subscription);
    return { isNew: old === undefined, subscription };
  }

  unsubscribe(filter: string): boolean {
    const subscription = this.subscriptions.get(filter);
    if (subscription === undefined) return false;
    this.#router.unsubscribe(subscription);
    return this.subscriptions.delete(filter);
  }

  end(): void {
    for (const subscription of this.subscriptions.values()) this.#router.unsubscribe(subscription);
    this.subscriptions.clear();
    this.outgoing.clear();
  }

  receive(run: Run, subscription: Subscription): void {
    this.outgoing.send(run, subscription, 0);
  }

  /** A retained message for a new subscription: its retain flag is set [MQTT-3.3.1-8]. */
  receiveRetained(retained: Run, subscription: Subscription): void {
    if (this.outgoing.isAttached) this.outgoing.send(retained, subscription, 1);
  }
}
