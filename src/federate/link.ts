import type { Clock } from "../kernel/clock.ts";
import type { Crash } from "../kernel/crash.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import { MqttClient } from "../client/mqtt.ts";
import type { Flow } from "../flow/flow.ts";
import type { EndReason } from "../flow/gate.ts";
import { layout5, Run, splitByTopic } from "../flow/run.ts";
import type { Agreement } from "../market/agreement.ts";
import type { ConsumerCounts } from "../meter/consumer-counts.ts";
import type { Store } from "../ports/store.ts";
import type { Checkpoint } from "../ports/usage.ts";
import { claimProperties, decodeControl, encodeControl, linkTopic } from "../wire/link/control.ts";
import type { ScannedRun } from "../wire/mqtt/packet-stream.ts";
import { walkPublishes } from "../wire/mqtt/publish.ts";
import { Inbound } from "./inbound.ts";
import type { ReceivedLog } from "./received-log.ts";

/** Where the provider serves the stream, from the transfer. */
export interface LinkAddress {
  /** `mqtt://host:port` */
  readonly endpoint: string;
  readonly token: string;
}

export interface LinkOutside {
  readonly flow: Flow;
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly crash: Crash;
  readonly counts: ConsumerCounts;
  /** Short name of the provider: the stream stands under `from/<name>/<product>/…`. */
  readonly nameOf: (did: string) => string;
  /** Where the provider serves the agreement's stream now, as far as it has told. */
  readonly addressOf: (agreement: Agreement) => Promise<LinkAddress>;
  /** A fresh address, where the old one is refused. */
  readonly renew: (agreement: Agreement) => Promise<LinkAddress>;
  readonly onEnded: (agreement: Agreement, reason: EndReason) => void;
  /** One for each name, whichever links write to it. */
  readonly logOf: (name: string) => ReceivedLog;
}

export type LinkState = "up" | "down" | "ended";

const backOffMs = [50, 100, 200, 500, 1000, 2000, 5000] as const;

/**
 * One agreement's stream from another participant's node, on the consumer's side: connects, asks
 * to go on after the last committed checkpoint, commits, acknowledges, and starts again after
 * every break until the agreement ends.
 */
export class Link {
  readonly agreement: Agreement;
  readonly #outside: LinkOutside;
  readonly #prefix: string;
  readonly #log: ReceivedLog | undefined;
  #client: MqttClient | undefined;
  #inbound: Inbound | undefined;
  #state: LinkState = "down";
  #cut = false;
  #closed = false;
  /** From before the connection is made until after it is gone: there is one at a time. */
  #running = false;
  #attempts = 0;
  #retry: NodeJS.Timeout | undefined;
  #lagMs: number | undefined;

  constructor(agreement: Agreement, outside: LinkOutside) {
    this.agreement = agreement;
    this.#outside = outside;
    const stands = `from/${outside.nameOf(agreement.provider)}/${agreement.product}`;
    this.#prefix = `${stands}/`;
    this.#log = agreement.delivery === "logged" ? outside.logOf(stands) : undefined;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** From the provider's log or socket to here, by both clocks. */
  get lagMs(): number | undefined {
    return this.#lagMs;
  }

  /** Messages received over the agreement's life. */
  get messages(): number {
    return this.#inbound?.messages ?? 0;
  }

  start(): void {
    if (this.#closed || this.#cut || this.#running) return;
    this.#running = true;
    clearTimeout(this.#retry);
    void this.#run();
  }

  /** Takes the connection down and leaves it down. */
  cut(): void {
    this.#cut = true;
    clearTimeout(this.#retry);
    this.#client?.destroy();
  }

  mend(): void {
    this.#cut = false;
    this.#attempts = 0;
    this.start();
  }

  /** The agreement has ended: nothing more is asked for. */
  end(): void {
    this.#state = "ended";
    void this.close();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#client?.destroy();
    await this.#inbound?.settled();
  }

  async #run(): Promise<void> {
    let why: string;
    try {
      why = await this.#connection();
    } catch (error) {
      why = problemOf(error);
    }
    this.#client = undefined;
    this.#running = false;
    if (this.#state === "up") {
      this.#state = "down";
      this.#say(
        "link.down",
        `The link from ${this.#peer} for ${this.agreement.title} broke: ${why}`,
      );
    }
    if (this.#closed || this.#cut) return;
    const wait = backOffMs[Math.min(this.#attempts++, backOffMs.length - 1)]!;
    this.#retry = setTimeout(() => this.start(), wait);
  }

  /** One connection, from its greeting to its end; resolves with why it ended. */
  async #connection(): Promise<string> {
    const { id } = this.agreement;
    const { counts } = this.#outside;
    // Whatever the last connection still had under way is part of the claim.
    await this.#inbound?.settled();
    const committed = await counts.last(id);
    const { endpoint: url, token: password } = await this.#outside.addressOf(this.agreement);
    if (this.#closed || this.#cut) return "closed";
    const inbound = this.#newInbound(committed);
    const client = new MqttClient({ url, username: id, password, keepAliveSeconds: 20 }, (run) =>
      this.#onRun(run, inbound, client),
    );
    this.#client = client;
    this.#inbound = inbound;
    try {
      await client.connected;
      await client.subscribe(linkTopic(id), {
        properties: committed === undefined ? {} : claimProperties(committed),
      });
    } catch (error) {
      client.destroy();
      await this.#maybeRenew(problemOf(error));
      throw error;
    }
    this.#state = "up";
    this.#attempts = 0;
    this.#say("link.up", `The link from ${this.#peer} for ${this.agreement.title} is up`);
    return client.closed;
  }

  #newInbound(committed: Checkpoint | undefined): Inbound {
    return new Inbound({
      agreement: this.agreement.id,
      log: this.#log,
      committed,
      store: this.#outside.store,
      crash: this.#outside.crash,
      writesFor: (checkpoint) => this.#outside.counts.writesFor(this.agreement.id, checkpoint),
      onCommitted: (checkpoint, added) => this.#onCommitted(checkpoint, added),
      onFailure: (failure) => {
        this.#say(
          "link.failed",
          `What came from ${this.#peer} cannot be stored: ${problemOf(failure)}`,
        );
        this.#client?.destroy();
      },
    });
  }

  #onRun(scanned: ScannedRun, inbound: Inbound, client: MqttClient): void {
    if (client !== this.#client) return;
    const topic = scanned.topic.toString("utf8");
    if (topic === linkTopic(this.agreement.id)) {
      this.#onControl(scanned, inbound, client);
      return;
    }
    if (this.#log === undefined) this.#deliver(this.#runOf(topic, scanned));
    inbound.take(scanned.packets, scanned.count, scanned.payloadBytes);
  }

  #onControl(scanned: ScannedRun, inbound: Inbound, client: MqttClient): void {
    walkPublishes(scanned.packets, layout5, (place) => {
      const control = decodeControl(scanned.packets.subarray(place.payloadAt, place.end));
      if (control?.t === "checkpoint") {
        const { epoch, position, messages, payloadBytes, at } = control;
        const { clock } = this.#outside;
        this.#lagMs = Math.max(0, clock.now() - at);
        const problem = inbound.checkpoint({ epoch, position, messages, payloadBytes }, at);
        if (problem === undefined) return;
        this.#say("link.disagrees", `Counts for ${this.agreement.title} disagree: ${problem}`);
        client.destroy();
      } else if (control?.t === "end") void this.#onEnd(control.reason, inbound);
    });
  }

  async #onEnd(reason: EndReason, inbound: Inbound): Promise<void> {
    await inbound.settled();
    // The acknowledgement is on its way before the connection ends.
    this.#closed = true;
    this.#state = "ended";
    await this.#client?.end();
    this.#outside.onEnded(this.agreement, reason);
  }

  #onCommitted(checkpoint: Checkpoint, added: Buffer | undefined): void {
    if (added !== undefined && added.length > 0) {
      splitByTopic(added, (run) => this.#deliver(run), this.#prefix);
    }
    const { epoch, position, messages, payloadBytes } = checkpoint;
    const ack = encodeControl({ t: "ack", epoch, position, messages, payloadBytes });
    this.#client?.publish(linkTopic(this.agreement.id), ack).catch(() => {
      // The connection is gone; the next one claims this checkpoint in its greeting.
    });
  }

  /** The packets keep their topics; the prefix is put on where they leave this node. */
  #runOf(topic: string, scanned: ScannedRun): Run {
    return new Run({
      topic: this.#prefix + topic,
      qos: 0,
      packets: scanned.packets,
      layout: layout5,
      count: scanned.count,
      payloadBytes: scanned.payloadBytes,
      prefix: Buffer.from(this.#prefix),
    });
  }

  #deliver(run: Run): void {
    const { flow } = this.#outside;
    flow.counts.messagesIn += run.count;
    flow.counts.payloadBytesIn += run.payloadBytes;
    flow.deliver(run, flow.router.route(run.topic));
  }

  async #maybeRenew(problem: string): Promise<void> {
    if (this.#closed || !/token|ended/.test(problem)) return;
    try {
      await this.#outside.renew(this.agreement);
    } catch (error) {
      if (error instanceof ComityError && error.code === "AGREEMENT_ENDED") this.end();
    }
  }

  get #peer(): string {
    return this.#outside.nameOf(this.agreement.provider);
  }

  #say(kind: string, text: string): void {
    const at = this.#outside.clock.now();
    this.#outside.journal.record({ at, kind, text, agreement: this.agreement.id });
  }
}
