import { LinkFeed } from "../../src/flow/open-feed.ts";
import { Flow } from "../../src/flow/flow.ts";
import type { Gate } from "../../src/flow/gate.ts";
import { Outbox } from "../../src/flow/outbox.ts";
import { layout5, Run } from "../../src/flow/run.ts";
import { neverCrash } from "../../src/kernel/crash.ts";
import { systemEntropy } from "../../src/kernel/id.ts";
import { type Grant, logOfProduct } from "../../src/market/grant.ts";
import type { Store } from "../../src/ports/store.ts";
import { type Checkpoint, noUsage, type UsagePort } from "../../src/ports/usage.ts";
import { decodeControl } from "../../src/wire/link/control.ts";
import { walkPublishes } from "../../src/wire/mqtt/publish.ts";
import { beginMs, type Terms } from "./random-grants.ts";

export const secret = Buffer.alloc(32, 3);

/**
 * A provider's data plane with one agreement on it, and the consumer's end of its link: what is
 * handed over, what is committed with a checkpoint. The store is real and outlives a crash, as
 * what was acknowledged does; leases, passages and queues do not.
 */
export class OneAgreement {
  readonly clock = { at: beginMs, now: () => this.clock.at, monotonic: () => 0 };
  readonly grant: Grant;
  readonly refused: Record<string, number> = {};
  /** Every payload that was handed to a socket, on whichever connection. */
  readonly handed: string[] = [];
  /** What came before a checkpoint, and is the consumer's for good. */
  readonly committed: string[] = [];
  readonly problems: string[] = [];
  readonly #store: Store;
  readonly #logged: boolean;
  #acknowledged: Checkpoint = noUsage;
  #checkpoint: Checkpoint = noUsage;
  #pending: string[] = [];
  #flow!: Flow;
  #link: LinkFeed | undefined;

  constructor(store: Store, run: { terms: Terms; logged: boolean; id: string }) {
    const { terms, logged, id } = run;
    this.#store = store;
    this.#logged = logged;
    this.grant = {
      ...terms,
      agreement: `agreement-${id}`,
      consumer: "did:web:consumer.example",
      product: `product-${id}`,
      billed: true,
      ...(logged ? { log: logOfProduct(`product-${id}`) } : {}),
    };
  }

  /** The node starts; what it had in memory before is gone. */
  async start(): Promise<void> {
    this.#link?.close();
    this.#link = undefined;
    const outside = { store: this.#store, clock: this.clock, entropy: systemEntropy };
    this.#flow = await Flow.open({ ...outside, usage: this.#usage, crash: neverCrash, secret });
    const delivery = this.#logged ? "logged" : "live";
    await this.#flow.serve({ id: this.grant.product, topics: ["#"], delivery });
  }

  async connect(): Promise<void> {
    this.#link?.close();
    this.#pending = [];
    const gate = await this.#flow.open(this.grant);
    const written = new Outbox(
      { write: (bytes) => this.#hear(bytes) },
      { queueBytesMax: 1e9, onDropped: () => this.problems.push("a message was dropped") },
    );
    this.#link = new LinkFeed({
      flow: this.#flow,
      gate,
      outbox: written,
      claimed: this.#logged ? this.#checkpoint : this.#acknowledged,
      onFailed: (why) => this.problems.push(why),
    });
    await this.#link.open();
    this.pass(0);
  }

  get gate(): Gate {
    return this.#flow.grants.get(this.grant.agreement)!;
  }

  /** Time goes on, and the gate sees it as it would by its timer. */
  pass(ms: number): void {
    this.clock.at += ms;
    this.gate.admit({ packets: Buffer.alloc(0), layout: layout5, count: 0, payloadBytes: 0 });
  }

  async publish(topic: string, payloads: readonly Buffer[]): Promise<void> {
    const packets = payloads.map((payload) => Run.of(topic, payload).packets);
    const payloadBytes = payloads.reduce((sum, { length }) => sum + length, 0);
    const fields = { topic, qos: 1, layout: layout5, count: packets.length, payloadBytes } as const;
    await this.#flow.publish(new Run({ ...fields, packets: Buffer.concat(packets) }));
  }

  async acknowledge(): Promise<void> {
    if (this.#logged) this.#link?.acknowledge(this.#checkpoint);
    await turn();
  }

  /** Resolves when everything that can be handed over has been. */
  async settle(): Promise<void> {
    for (let still = 0; still < 3; still = this.#isBusy ? 0 : still + 1) await turn();
  }

  get #isBusy(): boolean {
    if (this.gate.waiting) return true;
    const end = this.#flow.logOf(this.grant.product)?.end ?? 0;
    const isServed = this.#link !== undefined && this.gate.ended === undefined;
    const reads = isServed && !this.gate.suspended && this.problems.length === 0;
    return this.#logged && reads && this.#position < end;
  }

  get #position(): number {
    return this.#checkpoint === noUsage ? this.#startsAt : this.#checkpoint.position;
  }

  #startsAt = 0;

  /** The agreement is made here: what was logged before is none of its. */
  async sign(): Promise<void> {
    this.#startsAt = this.#flow.logOf(this.grant.product)?.end ?? 0;
    await this.#flow.open(this.grant);
  }

  #hear(bytes: Buffer): boolean {
    walkPublishes(bytes, layout5, (place) => {
      const topic = bytes.toString("utf8", place.topicAt, place.topicEnd);
      const payload = bytes.subarray(place.payloadAt, place.end);
      if (!topic.startsWith("$link/")) {
        const text = `${topic} ${payload.toString("latin1")}`;
        this.handed.push(text);
        this.#pending.push(text);
        return;
      }
      const control = decodeControl(payload);
      if (control?.t === "checkpoint") this.#commit(control);
    });
    return true;
  }

  #commit({ epoch, position, messages, payloadBytes }: Checkpoint): void {
    this.committed.push(...this.#pending);
    this.#pending = [];
    this.#checkpoint = { epoch, position, messages, payloadBytes };
    const bytes = this.committed.reduce(
      (sum, text) => sum + text.length - text.indexOf(" ") - 1,
      0,
    );
    if (this.#logged && (messages !== this.committed.length || payloadBytes !== bytes)) {
      this.problems.push(`the checkpoint counts ${messages}, not ${this.committed.length}`);
    }
  }

  readonly #usage: UsagePort = {
    acknowledged: () => this.#acknowledged,
    acknowledge: async (_agreement, checkpoint) => {
      if (checkpoint.messages >= this.#acknowledged.messages) this.#acknowledged = checkpoint;
    },
    acknowledgedBefore: async () => 0,
    handedOver: () => ({ add: () => this.problems.push("a link has no one-sided counts") }),
    refused: (_agreement, reason, messages) => {
      if (messages > 0) this.refused[reason] = (this.refused[reason] ?? 0) + messages;
    },
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
