import type { Flow } from "../../flow/flow.ts";
import type { Gate } from "../../flow/gate.ts";
import type { Outbox, Tally } from "../../flow/outbox.ts";
import type { Receiver, Subscription } from "../../flow/router.ts";
import type { Run } from "../../flow/run.ts";
import { matches, overlaps } from "../../kernel/topic.ts";
import type { ProtocolVersion } from "../../wire/mqtt/protocol.ts";

/**
 * A plain MQTT client of another organisation, let in by an agreement's token: it subscribes to
 * the product's topics as it would anywhere; the gate and the view stand before every packet.
 * Without checkpoints there is MQTT's own guarantee, and what is handed on is counted here only.
 */
export class ParticipantSubscriptions implements Receiver {
  readonly #flow: Flow;
  readonly #gate: Gate;
  readonly #outbox: Outbox;
  readonly #version: ProtocolVersion;
  readonly #tally: Tally;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(flow: Flow, gate: Gate, outbox: Outbox, version: ProtocolVersion) {
    this.#flow = flow;
    this.#gate = gate;
    this.#outbox = outbox;
    this.#version = version;
    const { usage } = flow.outside;
    this.#tally = {
      add: (messages, bytes) => usage.handedOver(gate.grant.agreement, messages, bytes),
    };
  }

  /** False, and counted, where no topic of the filter is in the grant. */
  subscribe(filter: string): boolean {
    if (!this.#gate.grant.filters.some((granted) => overlaps(granted, filter))) {
      this.#gate.refuse("topic", 1);
      return false;
    }
    this.unsubscribe(filter);
    const subscription: Subscription = { filter, receiver: this, qos: 0 };
    this.#subscriptions.set(filter, subscription);
    this.#flow.router.subscribe(subscription);
    return true;
  }

  unsubscribe(filter: string): boolean {
    const subscription = this.#subscriptions.get(filter);
    if (subscription === undefined) return false;
    this.#flow.router.unsubscribe(subscription);
    return this.#subscriptions.delete(filter);
  }

  receive(run: Run): void {
    const gate = this.#gate;
    if (!gate.grant.filters.some((granted) => matches(granted, run.topic))) {
      gate.refuse("topic", run.count);
      return;
    }
    let passing = run;
    const view = this.#flow.viewOf(gate.grant);
    if (view !== undefined) {
      const viewed = view.apply(run);
      if (viewed.withheld > 0) gate.refuse("field", viewed.withheld);
      if (viewed.run === undefined) return;
      passing = viewed.run;
    }
    this.#outbox.push({
      packets: passing.encoded(this.#version),
      count: passing.count,
      payloadBytes: passing.payloadBytes,
      layout: { version: this.#version, withIds: false },
      gate,
      tally: this.#tally,
      droppable: true,
    });
  }

  close(): void {
    for (const filter of this.#subscriptions.keys()) this.unsubscribe(filter);
  }
}
