import type { Gate } from "../../flow/gate.ts";
import type { Tally } from "../../flow/parcel-queue.ts";
import type { Receiver, Subscription } from "../../flow/subscription.ts";
import type { Run } from "../../flow/run.ts";
import { sharedFilter } from "../../flow/share-group.ts";
import { filterProblem, overlaps } from "../../kernel/topic.ts";
import type { MonthlyCeiling } from "../../market/grant.ts";
import type { Principal } from "../../things/access.ts";
import { attachRequestOf } from "../../wire/link/attach.ts";
import { agreementOfLinkTopic } from "../../wire/link/control.ts";
import { textOf } from "../../wire/mqtt/cursor.ts";
import type { Subscribe } from "../../wire/mqtt/decode.ts";
import { encodeSuback, encodeUnsuback } from "../../wire/mqtt/encode.ts";
import type { ScannedRun } from "../../wire/mqtt/packet-stream.ts";
import { ProtocolError, reason } from "../../wire/mqtt/protocol.ts";
import { qosIn } from "../../wire/mqtt/publish.ts";
import { BilledStream } from "./billed-stream.ts";
import type { Client, ClientLine, ClientTakes } from "./client.ts";
import { type Attaching, LinkFeeds } from "./link-feeds.ts";
import { Session } from "./session.ts";

export type Guest = Extract<Principal, { kind: "participant" }>;

/**
 * Another organisation, let in by one agreement's token. Its node opens the link (`$link/…`),
 * with checkpoints; under a free agreement any other MQTT client subscribes to the product's
 * topics as it would anywhere and has MQTT's own guarantee, counted on this side only; what costs
 * money is billed on its PUBACKs where the agreement says so (`billed-stream.ts`). The gate and the
 * view stand before every packet; publishing is for acknowledgements on the link alone.
 */
export class GuestClient implements Client, Receiver {
  readonly #line: ClientLine;
  readonly #principal: Guest;
  readonly #agreement: string;
  readonly #tally: Tally;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #takes: ClientTakes;
  /** The agreement's, once something is subscribed to. */
  #gate: Gate | undefined;
  /** What a plain client has not acknowledged; it ends with the connection. */
  #session: Session | undefined;
  readonly #feeds: LinkFeeds;
  #billed: BilledStream | undefined;

  constructor(line: ClientLine, principal: Guest, takes: ClientTakes) {
    const { agreement } = principal;
    this.#line = line;
    this.#principal = principal;
    this.#takes = takes;
    this.#agreement = agreement;
    this.#feeds = new LinkFeeds(line, false);
    const { usage } = line.flow.outside;
    this.#tally = usage.handedOver(agreement);
  }

  publish(scanned: ScannedRun): void {
    const { flow } = this.#line;
    if (qosIn(scanned.first) === 2) {
      throw new ProtocolError(reason.qosNotSupported, "QoS 2 is not for agreements");
    }
    if (agreementOfLinkTopic(textOf(scanned.topic)) !== this.#agreement) {
      flow.outside.usage.refused(this.#agreement, "topic", scanned.count);
      throw new ProtocolError(reason.notAuthorized, "an agreement's token is for receiving only");
    }
    this.#feeds.acknowledge(this.#agreement, scanned);
    if (scanned.ids.length > 0) this.#line.acknowledgements.add(scanned.ids, undefined);
  }

  subscribe(subscribe: Subscribe): void {
    const { flow, version } = this.#line;
    const gate = flow.grants.get(this.#agreement);
    let link: Attaching | undefined;
    let refused: string | undefined;
    const codes = subscribe.requests.map(({ filter, qos }) => {
      if (filterProblem(filter) !== undefined) return reason.topicFilterInvalid;
      if (sharedFilter(filter) !== undefined) return reason.sharedSubscriptionsNotSupported;
      if (gate === undefined || gate.ended !== undefined) return reason.notAuthorized;
      if (gate.grant.monthly !== undefined) {
        const refusal = this.#subscribeBilled(gate, gate.grant.monthly, filter, qos);
        refused ??= refusal?.text;
        return refusal?.code ?? 1;
      }
      if (agreementOfLinkTopic(filter) === this.#agreement) {
        // A feed's packets have the version 5 form.
        if (version === 4) return reason.unspecifiedError;
        link ??= this.#feeds.attach(gate, attachRequestOf(subscribe.properties));
        return 0;
      }
      if (this.#isFull && !this.#subscriptions.has(filter)) return reason.quotaExceeded;
      const granted = qos === 0 ? 0 : 1;
      return this.#subscribeTopics(gate, filter, granted) ? granted : reason.notAuthorized;
    });
    const { id } = subscribe;
    if (refused === undefined) this.#line.reply(encodeSuback(version, id, codes, link?.terms));
    else {
      const told = encodeSuback(version, id, codes, { reasonString: refused });
      this.#line.reply(told, encodeSuback(version, id, codes));
    }
    link?.open();
  }

  unsubscribe(id: number, filters: readonly string[]): void {
    const codes = filters.map((filter) =>
      this.#forget(filter) ? reason.success : reason.noSubscriptionExisted,
    );
    this.#line.reply(encodeUnsuback(this.#line.version, id, codes));
  }

  /** A plain client's message: what the gate leaves of it. */
  receive(run: Run, subscription: Subscription): void {
    const passing = this.#gate?.offer(run);
    if (passing !== undefined) this.#session?.receive(passing, subscription);
  }

  acknowledge(id: number): void {
    this.#billed?.acknowledge(id);
    this.#session?.everOutgoing?.acknowledge(id);
  }

  release(): void {
    throw new ProtocolError(reason.protocolError, "PUBREL for a message that never came");
  }

  close(): void {
    this.#feeds.close();
    this.#billed?.close();
    for (const filter of this.#subscriptions.keys()) this.#forget(filter);
    this.#session?.end();
  }

  /** False, and counted, where it would go unbilled or no topic of the filter is in the grant. */
  #subscribeTopics(gate: Gate, filter: string, qos: 0 | 1): boolean {
    if (gate.grant.billed) {
      gate.refuse("unbilled", 1);
      return false;
    }
    if (!gate.grant.filters.some((granted) => overlaps(granted, filter))) {
      gate.refuse("topic", 1);
      return false;
    }
    this.#forget(filter);
    this.#gate = gate;
    this.#session ??= this.#newSession(gate);
    const subscription: Subscription = { filter, receiver: this, qos };
    this.#subscriptions.set(filter, subscription);
    this.#line.flow.router.subscribe(subscription);
    return true;
  }

  /** Undefined where it is granted, with QoS 1 whatever more was asked for. */
  #subscribeBilled(
    gate: Gate,
    terms: MonthlyCeiling,
    filter: string,
    qos: 0 | 1 | 2,
  ): { readonly code: number; readonly text: string } | undefined {
    const billed = (this.#billed ??= new BilledStream(this.#line, gate, terms, this.#takes));
    const isFull = billed.filterCount >= this.#line.limits.subscriptionsPerClientMax;
    if (isFull && !billed.has(filter)) {
      return { code: reason.quotaExceeded, text: "too many subscriptions" };
    }
    if (qos === 0) {
      gate.refuse("unbilled", 1);
      const text = "this agreement is billed on acknowledgements: subscribe with QoS 1";
      return { code: reason.implementationSpecific, text };
    }
    if (billed.subscribe(filter)) return undefined;
    gate.refuse("topic", 1);
    const text = `subscribe to whole filters of the agreement: ${gate.grant.filters.join(", ")}`;
    return { code: reason.notAuthorized, text: text.slice(0, 512) };
  }

  #newSession(gate: Gate): Session {
    const { flow, budget, outbox, version } = this.#line;
    const session = new Session(this.#agreement, this.#principal, flow.router, {
      clock: flow.outside.clock,
      budget,
      onDropped: (messages) => gate.refuse("queue-full", messages),
      under: { gate, tally: this.#tally },
    });
    session.attach({ outbox, version, ...this.#takes });
    return session;
  }

  get #isFull(): boolean {
    return this.#subscriptions.size >= this.#line.limits.subscriptionsPerClientMax;
  }

  #forget(filter: string): boolean {
    if (agreementOfLinkTopic(filter) === this.#agreement && this.#feeds.detach(this.#agreement)) {
      return true;
    }
    if (this.#billed?.unsubscribe(filter) === true) return true;
    const subscription = this.#subscriptions.get(filter);
    if (subscription === undefined) return false;
    this.#line.flow.router.unsubscribe(subscription);
    return this.#subscriptions.delete(filter);
  }
}
