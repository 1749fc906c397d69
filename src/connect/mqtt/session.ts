import type { Principal } from "../../things/access.ts";
import type { Outbox } from "../../flow/outbox.ts";
import type { Receiver, Router, Subscription } from "../../flow/router.ts";
import { layout5, type Run } from "../../flow/run.ts";
import type { ProtocolVersion } from "../../wire/mqtt/protocol.ts";
import { subscriptionIdProperty, walkPublishes } from "../../wire/mqtt/publish.ts";
import type { SubscriptionRequest } from "../../wire/mqtt/decode.ts";
import { Inflight } from "./inflight.ts";

/** What a connected client takes. */
export interface Attachment {
  readonly outbox: Outbox;
  readonly version: ProtocolVersion;
  /** Unacknowledged QoS 1 messages it accepts at once. */
  readonly receiveMaximum: number;
  /** Bytes of one packet it accepts. */
  readonly packetBytesMax: number;
}

interface Queued {
  readonly run: Run;
  readonly subscription: Subscription;
}

/**
 * What a client subscribed to and what it has not acknowledged. Outlives the connection where
 * the client asked for that: QoS 1 messages wait here, bounded in bytes.
 */
export class Session implements Receiver {
  readonly key: string;
  readonly principal: Principal;
  /** How long it stays after the connection is gone; Infinity: for ever. */
  expirySeconds = 0;
  readonly incomingQos2 = new Set<number>();
  readonly subscriptions = new Map<string, Subscription>();
  readonly #router: Router;
  readonly #queueBytesMax: number;
  readonly #onDropped: (messages: number) => void;
  #inflight = new Inflight();
  #inflightVersion: ProtocolVersion = 4;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #attached: Attachment | undefined;

  constructor(
    key: string,
    principal: Principal,
    router: Router,
    options: { queueBytesMax: number; onDropped: (messages: number) => void },
  ) {
    this.key = key;
    this.principal = principal;
    this.#router = router;
    this.#queueBytesMax = options.queueBytesMax;
    this.#onDropped = options.onDropped;
  }

  /** A connection takes the session up; what it has not acknowledged is sent again. */
  attach(attachment: Attachment): void {
    this.#attached = attachment;
    if (this.#inflight.count > 0 && this.#inflightVersion === attachment.version) {
      for (const packet of this.#inflight.resend()) attachment.outbox.pushControl(packet);
    } else this.#inflight = new Inflight();
    this.#inflightVersion = attachment.version;
    this.#drain();
  }

  detach(): void {
    this.#attached = undefined;
  }

  subscribe(
    request: SubscriptionRequest,
    subscriptionId: number | undefined,
  ): { isNew: boolean; subscription: Subscription } {
    const old = this.subscriptions.get(request.filter);
    // QoS 2 is granted as 1: the most that delivery here uses.
    const subscription: Subscription = {
      filter: request.filter,
      receiver: this,
      qos: request.qos === 0 ? 0 : 1,
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
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#attached = undefined;
  }

  receive(published: Run, subscription: Subscription): void {
    const run = this.#fitting(published);
    if (run === undefined) return;
    if (run.qos === 0 || subscription.qos === 0) {
      if (this.#attached !== undefined) this.#sendQos0(this.#attached, run, subscription);
    } else if (this.#attached !== undefined && this.#queue.length === 0 && this.#fits(run)) {
      this.#sendQos1(this.#attached, run, subscription);
    } else this.#enqueue(run, subscription);
  }

  /** A retained message for a new subscription: its retain flag is set [MQTT-3.3.1-8]. */
  receiveRetained(run: Run, subscription: Subscription): void {
    const attached = this.#attached;
    if (attached === undefined) return;
    if (run.qos > 0 && subscription.qos > 0) this.#sendQos1(attached, run, subscription, 1);
    else this.#sendQos0(attached, run, subscription, 1);
  }

  #fitting(run: Run): Run | undefined {
    const max = this.#attached?.packetBytesMax ?? Infinity;
    if (run.packets.length + 8 <= max) return run;
    const fitting = withoutOversized(run, max);
    const dropped = run.count - (fitting?.count ?? 0);
    if (dropped > 0) this.#onDropped(dropped);
    return fitting;
  }

  acknowledge(id: number): void {
    if (this.#inflight.acknowledge(id) && this.#queue.length > 0) this.#drain();
  }

  #fits(run: Run): boolean {
    const max = Math.min(this.#attached?.receiveMaximum ?? 0, 65_000);
    return this.#inflight.count + run.count <= max && this.#inflight.room >= run.count;
  }

  #sendQos0(attached: Attachment, run: Run, subscription: Subscription, retain: 0 | 1 = 0): void {
    const flags = retain | (run.retain && subscription.retainAsPublished === true ? 1 : 0);
    const { identifier } = subscription;
    const { version } = attached;
    const added = version === 5 ? identifier : undefined;
    const packets =
      flags === 0 && added === undefined
        ? run.encoded(version)
        : run.encodeFor(version, { flags, ...(added ? { added } : {}) });
    this.#push(attached, packets, run, { version, withIds: false }, true);
  }

  #sendQos1(attached: Attachment, run: Run, subscription: Subscription, retain: 0 | 1 = 0): void {
    const flags = 2 | retain | (run.retain && subscription.retainAsPublished === true ? 1 : 0);
    const { version } = attached;
    const added = version === 5 ? subscription.identifier : undefined;
    const packets = this.#inflight.send(run, (nextId) =>
      run.encodeFor(version, { flags, nextId, ...(added ? { added } : {}) }),
    );
    this.#push(attached, packets, run, { version, withIds: true }, false);
  }

  #push(
    attached: Attachment,
    packets: Buffer,
    run: Run,
    layout: typeof layout5,
    droppable: boolean,
  ): void {
    const { count, payloadBytes } = run;
    attached.outbox.push({
      packets,
      count,
      payloadBytes,
      layout,
      gate: undefined,
      tally: undefined,
      droppable,
    });
  }

  #enqueue(run: Run, subscription: Subscription): void {
    for (const piece of pieces(run)) {
      if (this.#queuedBytes + piece.packets.length > this.#queueBytesMax) {
        this.#onDropped(piece.count);
        continue;
      }
      this.#queuedBytes += piece.packets.length;
      this.#queue.push({ run: piece, subscription });
    }
    this.#drain();
  }

  #drain(): void {
    let sent = 0;
    while (sent < this.#queue.length && this.#attached !== undefined) {
      const { run, subscription } = this.#queue[sent]!;
      if (!this.#fits(run)) break;
      this.#queuedBytes -= run.packets.length;
      this.#sendQos1(this.#attached, run, subscription);
      sent++;
    }
    if (sent > 0) this.#queue = this.#queue.slice(sent);
  }
}

/** Private copies of single messages: what waits long must not pin a read buffer. */
function pieces(run: Run): Run[] {
  const out: Run[] = [];
  const packets = run.encoded(5);
  walkPublishes(packets, layout5, (place) => {
    const packet = Buffer.from(packets.subarray(place.start, place.end));
    out.push(run.with([packet], layout5, place.end - place.payloadAt));
  });
  return out;
}

/** The run without the packets a client says it cannot take [MQTT-3.1.2-24]. */
function withoutOversized(run: Run, packetBytesMax: number): Run | undefined {
  const kept = pieces(run).filter((piece) => piece.packets.length + 2 <= packetBytesMax);
  if (kept.length === 0) return undefined;
  const payloadBytes = kept.reduce((sum, piece) => sum + piece.payloadBytes, 0);
  return run.with(
    kept.map((piece) => piece.packets),
    layout5,
    payloadBytes,
  );
}
