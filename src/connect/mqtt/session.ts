import { matches } from "../../kernel/topic.ts";
import type { Write } from "../../ports/store.ts";
import { maySubscribe, type Principal } from "../../things/access.ts";
import type { Router } from "../../flow/router.ts";
import { sharedFilter, writtenFilter } from "../../flow/share-group.ts";
import { together, type SharingMember, type Subscription } from "../../flow/subscription.ts";
import type { LogPlace, Run } from "../../flow/run.ts";
import type { SubscriptionRequest, Will } from "../../wire/mqtt/decode.ts";
import { ProtocolError, reason } from "../../wire/mqtt/protocol.ts";
import { subscriptionIdProperty } from "../../wire/mqtt/publish.ts";
import { countIn } from "./backlog.ts";
import type { Attachment } from "./attachment.ts";
import type { SentMessages } from "./inflight.ts";
import { Outgoing, type OutgoingOptions } from "./outgoing.ts";

/** What a session has of its server; sessions alike share it. */
export interface SessionOptions extends Omit<OutgoingOptions, "wanted" | "onChanged"> {
  /** Keeps it over restarts while it is to outlive its connection; absent: nothing does. */
  readonly keeping?: SessionKeeping | undefined;
  /** Where the logs end that may hold messages of the filter. */
  readonly endsOf?: (filter: string) => ReadonlyMap<string, number>;
}

/** What keeps sessions over restarts. */
export interface SessionKeeping {
  /** Resolves when what the session is and wants is durable. */
  save(session: Session): Promise<void>;
  /** As a write for the commit that makes the messages durable which came with QoS 2. */
  received(session: Session): Write;
  /** Resolves when it is durable which messages of QoS 2 are not released. */
  saveReceived(session: Session): Promise<void>;
  /** Its client has acknowledged something; written soon. */
  changed(session: Session): void;
  /** A restored session is this one from now on. */
  adopt(session: Session): void;
  remove(session: Session): void;
}

/** A session as it was when the node stopped. */
export interface RestoredSession {
  readonly key: string;
  readonly principal: Principal;
  readonly expirySeconds: number;
  /** Milliseconds since the Unix epoch; undefined: its client was there. */
  readonly awaySince: number | undefined;
  readonly will: Will | undefined;
  readonly subscriptions: readonly (Omit<Subscription, "receiver" | "share"> & {
    readonly share?: string;
  })[];
  readonly incomingQos2: readonly number[];
  readonly sent: SentMessages | undefined;
  /** [from, to) of each log that it has not had. */
  readonly waiting: readonly (readonly [log: LogPlace["log"], from: number, to: number])[];
}

const noSubscriptions: ReadonlyMap<string, Subscription> = new Map();

/**
 * What a client subscribed to, what it sent and was sent and is not complete (§4.1). Outlives the
 * connection where the client asked for that.
 */
export class Session implements SharingMember {
  readonly key: string;
  principal: Principal;
  /** How long it stays after the connection is gone; Infinity: for ever. */
  expirySeconds = 0;
  /** To be published when its client has gone without a word. */
  will: Will | undefined;
  /** When its client went, milliseconds since the Unix epoch; undefined: it is there. */
  awaySince: number | undefined;
  readonly #router: Router;
  readonly #options: SessionOptions;
  #subscriptions: Map<string, Subscription> | undefined;
  #incomingQos2: Set<number> | undefined;
  #outgoing: Outgoing | undefined;
  #attachment: Attachment | undefined;
  #isKept = false;

  constructor(key: string, principal: Principal, router: Router, options: SessionOptions) {
    this.key = key;
    this.principal = principal;
    this.#router = router;
    this.#options = options;
  }

  /** By the filter as its client wrote it. */
  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions ?? noSubscriptions;
  }

  /** Identifiers of messages that came with QoS 2 and are not released. */
  get incomingQos2(): Set<number> {
    return (this.#incomingQos2 ??= new Set());
  }

  /** How many those are. */
  get unreleased(): number {
    return this.#incomingQos2?.size ?? 0;
  }

  /** Made with the first message for its client; most devices never have one. */
  get outgoing(): Outgoing {
    return (this.#outgoing ??= this.#newOutgoing());
  }

  /** The same; undefined where there has never been any. */
  get everOutgoing(): Outgoing | undefined {
    return this.#outgoing;
  }

  /** Its client is there, and says how long it is to outlive the connection. */
  begin(expirySeconds: number, will: Will | undefined): void {
    this.expirySeconds = expirySeconds;
    this.will = will;
    this.awaySince = undefined;
    const keeping = this.#options.keeping;
    const isKept = expirySeconds > 0 && keeping !== undefined;
    if (isKept !== this.#isKept) {
      this.#isKept = isKept;
      for (const subscription of this.subscriptions.values()) this.#replace(subscription);
    }
    if (!isKept) keeping?.remove(this);
    // Whoever is told that something is kept, at SUBACK or PUBREC, is told when it is durable.
    else this.saved()?.catch(() => {});
  }

  restore({ expirySeconds, will, ...session }: RestoredSession): void {
    this.#isKept = true;
    this.expirySeconds = expirySeconds;
    this.will = will;
    for (const id of session.incomingQos2) this.incomingQos2.add(id);
    for (const subscription of session.subscriptions) {
      const { share, ...plain } = subscription;
      const shared = share === undefined ? {} : { share: { name: share, member: this } };
      this.#replace({ ...plain, ...shared, receiver: this });
    }
    if (session.sent !== undefined || session.waiting.length > 0) {
      const subscriptionOf = (filter: string) =>
        this.subscriptions.get(filter) ?? this.#leftShare(filter);
      this.outgoing.restore(session.sent, session.waiting, subscriptionOf);
    }
    this.#options.keeping?.adopt(this);
  }

  /** It outlives its connection, and the node's next stop. */
  get isKept(): boolean {
    return this.#isKept;
  }

  get isPresent(): boolean {
    return this.#attachment !== undefined;
  }

  get load(): number {
    return this.#outgoing?.load ?? 0;
  }

  roomFor(qos: 0 | 1 | 2): number {
    if (this.#outgoing !== undefined) return this.#outgoing.roomFor(qos);
    return this.#attachment?.receiveMaximum ?? 0;
  }

  queueRoomFor(run: Run): number {
    return this.#outgoing?.queueRoomFor(run) ?? countIn(this.#options.budget.shareBytesMax, run);
  }

  /** Resolves when what it wants is durable; undefined: it need not be. */
  saved(): Promise<void> | undefined {
    return this.#isKept ? this.#options.keeping?.save(this) : undefined;
  }

  /** To be durable with the messages of QoS 2 that are received. */
  receivedWrites(): readonly Write[] {
    const { keeping } = this.#options;
    return this.#isKept && keeping ? [keeping.received(this)] : [];
  }

  /** Forgets an identifier of QoS 2. Undefined at once; else a promise of that. */
  release(id: number): { readonly isKnown: boolean; readonly done: Promise<void> | undefined } {
    const isKnown = this.#incomingQos2?.delete(id) === true;
    const isToSave = this.#isKept && isKnown;
    return { isKnown, done: isToSave ? this.#options.keeping?.saveReceived(this) : undefined };
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
    for (const [name, subscription] of this.subscriptions) {
      if (maySubscribe(principal, subscription.filter)) continue;
      this.unsubscribe(name);
      this.#outgoing?.forget(subscription);
    }
  }

  /** A connection takes the session up; what it has not acknowledged is sent again. */
  attach(attachment: Attachment): void {
    this.#attachment = attachment;
    this.#outgoing?.attach(attachment);
  }

  detach(): void {
    this.#attachment = undefined;
    this.#outgoing?.detach();
  }

  subscribe(
    request: SubscriptionRequest,
    subscriptionId: number | undefined,
  ): { isNew: boolean; subscription: Subscription } {
    const old = this.subscriptions.get(request.filter);
    // What waits, or comes again, was published before: that is not for who subscribes now.
    const isIdle = this.#outgoing === undefined || this.#outgoing.isIdle;
    const since = isIdle ? undefined : this.#options.endsOf?.(request.filter);
    const shared = sharedFilter(request.filter);
    const subscription: Subscription = {
      filter: shared?.filter ?? request.filter,
      receiver: this,
      ...(shared ? { share: { name: shared.share, member: this } } : {}),
      kept: shared === undefined && this.#isKept && request.qos > 0,
      ...(since === undefined ? {} : { since }),
      qos: request.qos,
      noLocal: request.noLocal,
      retainAsPublished: request.retainAsPublished,
      ...(subscriptionId === undefined
        ? {}
        : { identifier: subscriptionIdProperty(subscriptionId) }),
    };
    if (old !== undefined) this.#router.unsubscribe(old); // [MQTT-3.8.4-3]
    this.#router.subscribe(subscription);
    this.#put(request.filter, subscription);
    return { isNew: old === undefined, subscription };
  }

  unsubscribe(filter: string): boolean {
    const subscription = this.subscriptions.get(filter);
    if (subscription === undefined) return false;
    this.#subscriptions?.delete(filter);
    this.#router.unsubscribe(subscription);
    if (subscription.share === undefined) return true;
    // What it was sent it may still acknowledge [MQTT-3.10.4-3]; what waits goes to the others.
    for (const left of this.#outgoing?.forget(subscription) ?? []) this.#router.handOn(left);
    return true;
  }

  /** A share that it was in no more when the node stopped: what it was sent is handed on by that. */
  #leftShare(written: string): Subscription | undefined {
    const shared = sharedFilter(written);
    if (shared === undefined) return undefined;
    const share = { name: shared.share, member: this };
    return { filter: shared.filter, receiver: this, qos: 1, share };
  }

  #replace(old: Subscription): void {
    const { share, qos } = old;
    const subscription = { ...old, kept: share === undefined && this.#isKept && qos > 0 };
    this.#router.unsubscribe(old);
    this.#router.subscribe(subscription);
    this.#put(writtenFilter(old), subscription);
  }

  #put(filter: string, subscription: Subscription): void {
    (this.#subscriptions ??= new Map()).set(filter, subscription);
  }

  #newOutgoing(): Outgoing {
    const options = this.#options;
    const outgoing = new Outgoing({
      ...options,
      // What an agreement let through once is not asked for again.
      ...(options.under ? {} : { wanted: (run, place) => this.#wanted(run, place) }),
      onChanged: () => {
        if (this.#isKept) options.keeping?.changed(this);
      },
    });
    if (this.#attachment !== undefined) outgoing.attach(this.#attachment);
    return outgoing;
  }

  /** What of a log is for it, with the subscription as it is now. */
  #wanted({ topic }: Run, { log, position }: LogPlace): Subscription | undefined {
    let found: Subscription | undefined;
    for (const subscription of this.subscriptions.values()) {
      const { filter, qos, since, share } = subscription;
      if (
        qos === 0 ||
        share !== undefined ||
        position < (since?.get(log.name) ?? 0) ||
        !matches(filter, topic)
      )
        continue;
      found = found === undefined ? subscription : together(found, subscription);
    }
    return found;
  }

  end(): void {
    this.#options.keeping?.remove(this);
    this.#isKept = false;
    for (const subscription of this.subscriptions.values()) this.#router.unsubscribe(subscription);
    this.#subscriptions = undefined;
    const outgoing = this.#outgoing;
    if (outgoing === undefined) return;
    // What it was given of subscriptions that others share, and has not acknowledged, goes to them.
    for (const left of outgoing.shared()) this.#router.handOn(left);
    outgoing.clear();
  }

  receive(run: Run, subscription: Subscription): void {
    this.outgoing.send(run, subscription, 0);
  }

  /** A retained message for a new subscription: its retain flag is set [MQTT-3.3.1-8]. */
  receiveRetained(retained: Run, subscription: Subscription): void {
    if (this.isPresent) this.outgoing.send(retained, subscription, 1);
  }
}
