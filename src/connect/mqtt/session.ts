import type { Clock } from "../../kernel/clock.ts";
import { maySubscribe, type Principal } from "../../things/access.ts";
import type { Gate } from "../../flow/gate.ts";
import type { Outbox } from "../../flow/outbox.ts";
import type { Tally } from "../../flow/parcel-queue.ts";
import type { Receiver, Router, Subscription } from "../../flow/router.ts";
import { layout5, Run } from "../../flow/run.ts";
import { ProtocolError, type ProtocolVersion, reason } from "../../wire/mqtt/protocol.ts";
import { type Layout, subscriptionIdProperty, walkPublishes } from "../../wire/mqtt/publish.ts";
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
  readonly retain: 0 | 1;
  /** Monotonic milliseconds. */
  readonly since: number;
}

export interface SessionOptions {
  readonly clock: Clock;
  /** Of what waits, and of what is sent and not acknowledged. */
  readonly queueBytesMax: number;
  readonly onDropped: (messages: number) => void;
  /** The agreement all of it leaves under; absent for this organisation's own clients. */
  readonly under?: { readonly gate: Gate; readonly tally: Tally };
}

/** What one waiting message takes beside its packet. */
const queuedOverheadBytes = 256;
const tidyAbove = 1024;

/**
 * What a client subscribed to and what it has not acknowledged. Outlives the connection where
 * the client asked for that: QoS 1 messages wait here, bounded in bytes.
 */
export class Session implements Receiver {
  readonly key: string;
  principal: Principal;
  /** How long it stays after the connection is gone; Infinity: for ever. */
  expirySeconds = 0;
  readonly incomingQos2 = new Set<number>();
  readonly subscriptions = new Map<string, Subscription>();
  readonly #router: Router;
  readonly #clock: Clock;
  readonly #queueBytesMax: number;
  readonly #onDropped: (messages: number) => void;
  readonly #under: SessionOptions["under"];
  #inflight = new Inflight();
  #inflightVersion: ProtocolVersion = 4;
  /** Sent on an earlier connection and not again yet. */
  #resending: Buffer[] = [];
  #queue: (Queued | undefined)[] = [];
  #head = 0;
  #queuedBytes = 0;
  #attached: Attachment | undefined;

  constructor(key: string, principal: Principal, router: Router, options: SessionOptions) {
    this.key = key;
    this.principal = principal;
    this.#router = router;
    this.#clock = options.clock;
    this.#queueBytesMax = options.queueBytesMax;
    this.#onDropped = options.onDropped;
    this.#under = options.under;
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
      this.#forgetQueued(subscription);
    }
  }

  /** A connection takes the session up; what it has not acknowledged is sent again. */
  attach(attachment: Attachment): void {
    this.#attached = attachment;
    const layout = { version: this.#inflightVersion, withIds: true };
    if (this.#inflightVersion === attachment.version) {
      this.#resending = this.#inflight.resend(layout);
    } else {
      // The packets have the other version's form: their messages are queued again.
      const again = this.#inflight.unacknowledged(layout).map((packet) => runOf(packet, layout));
      this.#inflight = new Inflight();
      this.#inflightVersion = attachment.version;
      this.#queueFirst(again);
    }
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
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#inflight = new Inflight();
    this.#resending = [];
    this.#attached = undefined;
  }

  receive(published: Run, subscription: Subscription): void {
    const run = this.#fitting(published, subscription);
    if (run === undefined) return;
    if (run.qos === 0 || subscription.qos === 0) {
      if (this.#attached !== undefined) this.#sendQos0(this.#attached, run, subscription);
    } else this.#sendOrQueue(run, subscription, 0);
  }

  /** A retained message for a new subscription: its retain flag is set [MQTT-3.3.1-8]. */
  receiveRetained(retained: Run, subscription: Subscription): void {
    const run = this.#fitting(retained, subscription);
    if (run === undefined || this.#attached === undefined) return;
    if (run.qos > 0 && subscription.qos > 0) this.#sendOrQueue(run, subscription, 1);
    else this.#sendQos0(this.#attached, run, subscription, 1);
  }

  #sendOrQueue(run: Run, subscription: Subscription, retain: 0 | 1): void {
    if (this.#attached !== undefined && this.#head === this.#queue.length && this.#fits(run)) {
      this.#sendQos1(this.#attached, run, subscription, retain);
    } else this.#enqueue(run, subscription, retain);
  }

  #fitting(run: Run, subscription: Subscription): Run | undefined {
    if (this.#attached === undefined) return run;
    const { packetBytesMax, version } = this.#attached;
    const added = version === 5 ? subscription.identifier : undefined;
    if (run.packets.length + 8 + (added?.length ?? 0) <= packetBytesMax) return run;
    const flags = run.qos > 0 && subscription.qos > 0 ? 2 : 0;
    const options = {
      flags,
      ...(flags === 0 ? {} : { nextId: () => 1 }),
      ...(added ? { added } : {}),
    };
    const fitting = withoutOversized(
      run,
      (piece) => piece.encodeFor(version, options).length <= packetBytesMax,
    );
    const dropped = run.count - (fitting?.count ?? 0);
    if (dropped > 0) this.#onDropped(dropped);
    return fitting;
  }

  acknowledge(id: number): void {
    if (!this.#inflight.acknowledge(id)) return;
    if (this.#head < this.#queue.length || this.#resending.length > 0) this.#drain();
  }

  #fits(run: Run): boolean {
    const max = Math.min(this.#attached?.receiveMaximum ?? 0, 65_000);
    const { count, room, bytes } = this.#inflight;
    if (count + run.count > max || room < run.count) return false;
    return count === 0 || bytes + run.packets.length <= this.#queueBytesMax;
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

  #push(attached: Attachment, packets: Buffer, run: Run, layout: Layout, droppable: boolean): void {
    const { count, payloadBytes } = run;
    attached.outbox.push({
      packets,
      count,
      payloadBytes,
      layout,
      gate: this.#under?.gate,
      tally: this.#under?.tally,
      droppable,
    });
  }

  #enqueue(run: Run, subscription: Subscription, retain: 0 | 1): void {
    const since = this.#clock.monotonic();
    for (const piece of pieces(run)) {
      const bytes = queuedBytesOf(piece);
      if (this.#queuedBytes + bytes > this.#queueBytesMax) {
        this.#onDropped(piece.count);
        continue;
      }
      this.#queuedBytes += bytes;
      this.#queue.push({ run: piece, subscription, retain, since });
    }
    this.#drain();
  }

  #forgetQueued(subscription: Subscription): void {
    const kept = this.#queue.slice(this.#head).filter((one) => one?.subscription !== subscription);
    this.#queue = kept;
    this.#head = 0;
    this.#queuedBytes = kept.reduce((sum, one) => sum + (one ? queuedBytesOf(one.run) : 0), 0);
  }

  #queueFirst(runs: readonly Run[]): void {
    if (runs.length === 0) return;
    const since = this.#clock.monotonic();
    const subscription: Subscription = { filter: "#", receiver: this, qos: 1 };
    const first = runs.map((run): Queued => ({ run, subscription, retain: 0, since }));
    for (const run of runs) this.#queuedBytes += queuedBytesOf(run);
    this.#queue = [...first, ...this.#queue.slice(this.#head)];
    this.#head = 0;
  }

  #drain(): void {
    const attached = this.#attached;
    if (attached === undefined) return;
    let resent = 0;
    const open = (): number => this.#inflight.count - this.#resending.length + resent;
    while (resent < this.#resending.length && open() < attached.receiveMaximum) {
      attached.outbox.pushControl(this.#resending[resent++]!);
    }
    if (resent > 0) this.#resending = this.#resending.slice(resent);
    if (this.#resending.length > 0) return;
    while (this.#head < this.#queue.length) {
      const { run, subscription, retain, since } = this.#queue[this.#head]!;
      if (!this.#fits(run)) break;
      this.#queue[this.#head++] = undefined;
      this.#queuedBytes -= queuedBytesOf(run);
      const current = run.waited(this.#clock.monotonic() - since);
      if (current !== undefined) this.#sendQos1(attached, current, subscription, retain);
    }
    this.#tidy();
  }

  #tidy(): void {
    if (this.#head === this.#queue.length) this.#queue = [];
    else if (this.#head > tidyAbove && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
    } else return;
    this.#head = 0;
  }
}

function queuedBytesOf(run: Run): number {
  return run.packets.length + queuedOverheadBytes;
}

function runOf(packet: Buffer, layout: Layout): Run {
  let topic = "";
  let payloadBytes = 0;
  walkPublishes(packet, layout, (place) => {
    topic = packet.toString("utf8", place.topicAt, place.topicEnd);
    payloadBytes = place.end - place.payloadAt;
  });
  return new Run({ topic, qos: 1, packets: packet, layout, count: 1, payloadBytes });
}

/** Private copies of single messages: what waits long must not pin a read buffer. */
function pieces(run: Run): Run[] {
  const out: Run[] = [];
  const packets = run.encoded(5);
  walkPublishes(packets, layout5, (place) => {
    const packet = packets.subarray(place.start, place.end);
    out.push(run.with([packet], layout5, place.end - place.payloadAt));
  });
  return out;
}

/** The run without the packets a client says it cannot take [MQTT-3.1.2-24]. */
function withoutOversized(run: Run, fits: (piece: Run) => boolean): Run | undefined {
  const kept = pieces(run).filter(fits);
  if (kept.length === 0) return undefined;
  const payloadBytes = kept.reduce((sum, piece) => sum + piece.payloadBytes, 0);
  return run.with(
    kept.map((piece) => piece.packets),
    layout5,
    payloadBytes,
  );
}
