import type { LookupFunction } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import type { Crash } from "../kernel/crash.ts";
import { ComityError, problemOf } from "../kernel/errors.ts";
import type { Journal } from "../kernel/journal.ts";
import { MqttClient } from "../client/mqtt.ts";
import type { MqttClientOptions } from "../client/types.ts";
import type { Flow } from "../flow/flow.ts";
import type { EndReason } from "../flow/gate.ts";
import { layout5, Run, splitByTopic } from "../flow/run.ts";
import type { Agreement } from "../market/agreement.ts";
import type { StreamAddress } from "../market/transfer.ts";
import type { ConsumerCounts } from "../meter/consumer-counts.ts";
import type { LinkState } from "../meter/traffic.ts";
import type { Store } from "../ports/store.ts";
import type { Checkpoint } from "../ports/usage.ts";
import { claimProperties, decodeControl, encodeControl, linkTopic } from "../wire/link/control.ts";
import type { ScannedRun } from "../wire/mqtt/packet-stream.ts";
import { reason } from "../wire/mqtt/protocol.ts";
import { walkPublishes } from "../wire/mqtt/publish.ts";
import { Inbound } from "./inbound.ts";
import { type LinkProblem, linkProblemOf } from "./link-problem.ts";
import type { ReceivedLog } from "./received-log.ts";
import { RetryPace } from "./retry-pace.ts";
import { levelProblem, StreamCheck } from "./stream-check.ts";

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
  readonly addressOf: (agreement: Agreement) => Promise<StreamAddress>;
  /** A fresh address, where the old one is refused. */
  readonly renew: (agreement: Agreement) => Promise<StreamAddress>;
  /** How the endpoint's host is looked up; throws where this node does not connect to it. */
  readonly lookupOf: (agreement: Agreement, endpoint: string) => LookupFunction | undefined;
  readonly onEnded: (agreement: Agreement, reason: EndReason) => void;
  /** May so many messages be taken over the agreement's life? What may not is neither kept nor paid. */
  readonly affords?: (agreement: Agreement, messages: number) => boolean;
  /** One for each name, whichever links write to it. */
  readonly logOf: (name: string) => ReceivedLog;
  /** A longer packet from the provider ends the connection. */
  readonly packetBytesMax?: number | undefined;
  readonly uncommittedBytesMax?: number | undefined;
}

/** Said again at most so often, though it came and went. */
const sayAgainMs = 60_000;
const renewEveryMs = 60_000;
/** A connection that lasts so long has no problem, though nothing may have come. */
const steadyMs = 10_000;

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
  readonly #check: StreamCheck;
  readonly #pace = new RetryPace();
  readonly #ready = Promise.withResolvers<void>();
  #problem: LinkProblem | undefined;
  readonly #saidAt = new Map<LinkProblem, number>();
  /** The connection ended by a problem that the next one will have as well. */
  #stuck = false;
  #renewedAt = -Infinity;
  #retry: NodeJS.Timeout | undefined;
  #lagMs: number | undefined;

  constructor(agreement: Agreement, outside: LinkOutside) {
    this.agreement = agreement;
    this.#outside = outside;
    const stands = `from/${outside.nameOf(agreement.provider)}/${agreement.product}`;
    this.#prefix = `${stands}/`;
    this.#check = new StreamCheck(agreement.topics, this.#prefix);
    this.#log = agreement.delivery === "logged" ? outside.logOf(stands) : undefined;
    this.#ready.promise.catch(() => {}); // it is said in the journal, whoever waits
  }

  get state(): LinkState {
    return this.#state;
  }

  /** What keeps the stream away, until some comes again or a connection lasts. */
  get problem(): LinkProblem | undefined {
    return this.#problem;
  }

  /** Settles when the provider has said where the stream is, or first failed to. */
  get ready(): Promise<void> {
    return this.#ready.promise;
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
    this.#pace.progressed();
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
    this.#stuck = false;
    try {
      why = await this.#connection();
    } catch (error) {
      why = problemOf(error);
      this.#onBroken(error);
    }
    this.#client = undefined;
    this.#running = false;
    if (this.#state === "up") {
      this.#state = "down";
      if (this.#problem === undefined) this.#say("link.down", `${this.#name} broke: ${why}`);
    }
    if (this.#closed || this.#cut) return;
    this.#retry = setTimeout(() => this.start(), this.#pace.nextMs(this.#stuck));
  }

  /** One connection, from its greeting to its end; resolves with why it ended. */
  async #connection(): Promise<string> {
    const { id } = this.agreement;
    const { counts } = this.#outside;
    // Whatever the last connection still had under way is part of the claim.
    await this.#inbound?.settled();
    const committed = await counts.last(id);
    const address = await this.#address();
    if (this.#closed || this.#cut) return "closed";
    const inbound = this.#newInbound(committed);
    const client = new MqttClient(address, (run) => this.#onRun(run, inbound, client));
    this.#client = client;
    this.#inbound = inbound;
    try {
      await client.connected;
    } catch (error) {
      if (await this.#renewed(client.reasonCode)) return problemOf(error);
      throw error;
    }
    try {
      await client.subscribe(linkTopic(id), {
        properties: committed === undefined ? {} : claimProperties(committed),
      });
    } catch (error) {
      client.destroy();
      throw error;
    }
    if (this.#closed) return "closed";
    this.#state = "up";
    if (this.#problem === "waiting") this.#problem = undefined;
    if (this.#problem === undefined) this.#say("link.up", `${this.#name} is up`);
    const steady = setTimeout(() => (this.#problem = undefined), steadyMs).unref();
    const problem = await client.closed;
    clearTimeout(steady);
    if (client.reasonCode === undefined) return problem;
    const { reasonCode } = client;
    throw new ComityError("CONNECT_FAILED", { url: address.url, problem, reasonCode });
  }

  async #address(): Promise<MqttClientOptions> {
    const { addressOf, lookupOf, packetBytesMax } = this.#outside;
    try {
      const { endpoint: url, username, token: password } = await addressOf(this.agreement);
      const lookup = lookupOf(this.agreement, url);
      this.#ready.resolve();
      const limits = packetBytesMax === undefined ? {} : { packetBytesMax };
      return { url, username, password, lookup, keepAliveSeconds: 20, ...limits };
    } catch (error) {
      this.#ready.reject(error);
      const isKnown = error instanceof ComityError && linkProblemOf(error) !== undefined;
      const hasEnded = error instanceof ComityError && error.code === "AGREEMENT_ENDED";
      if (!isKnown && !hasEnded && !this.#closed) {
        const text = `The stream ${this.agreement.title} cannot be fetched yet`;
        this.#sayOnce("waiting", `${text}: ${problemOf(error)}`);
      }
      throw error;
    }
  }

  #onBroken(error: unknown): void {
    if (!(error instanceof ComityError) || this.#closed) return;
    if (error.code === "AGREEMENT_ENDED") this.end();
    const kind = linkProblemOf(error);
    if (kind !== undefined) this.#stop(kind, `${this.#name} is refused: ${problemOf(error)}`);
  }

  #newInbound(committed: Checkpoint | undefined): Inbound {
    const { uncommittedBytesMax } = this.#outside;
    return new Inbound({
      agreement: this.agreement.id,
      log: this.#log,
      committed,
      store: this.#outside.store,
      crash: this.#outside.crash,
      ...(uncommittedBytesMax === undefined ? {} : { uncommittedBytesMax }),
      writesFor: (checkpoint) => this.#outside.counts.writesFor(this.agreement.id, checkpoint),
      onCommitted: (checkpoint, added) => this.#onCommitted(checkpoint, added),
      onFailure: (failure) => {
        const text = `What came from ${this.#peer} cannot be stored or handed on`;
        this.#stop("failed", `${text}: ${problemOf(failure)}`);
      },
    });
  }

  #onRun(scanned: ScannedRun, inbound: Inbound, client: MqttClient): void {
    // After a problem the rest of what came with it is not looked at.
    if (client !== this.#client) return;
    try {
      if (scanned.topic.toString("utf8") === linkTopic(this.agreement.id)) {
        const problem = levelProblem(scanned);
        if (problem === undefined) this.#onControl(scanned, inbound, client);
        else this.#onFault(problem);
        return;
      }
      const problem =
        this.#check.problem(scanned) ??
        inbound.take(scanned.packets, scanned.count, scanned.payloadBytes);
      if (problem !== undefined) this.#onFault(problem);
      else if (this.#log === undefined) this.#deliver(this.#runOf(scanned));
    } catch (failure) {
      // What another organisation sends never ends this process.
      this.#stop("failed", `${this.#name} cannot be taken in: ${problemOf(failure)}`);
    }
  }

  #onFault(problem: string): void {
    this.#stop("fault", `${this.#peer} sent for ${this.agreement.title}: ${problem}`);
  }

  #onControl(scanned: ScannedRun, inbound: Inbound, client: MqttClient): void {
    walkPublishes(scanned.packets, layout5, (place) => {
      if (client !== this.#client) return;
      const control = decodeControl(scanned.packets.subarray(place.payloadAt, place.end));
      if (control?.t === "checkpoint") {
        const { epoch, position, messages, payloadBytes, at } = control;
        const { clock } = this.#outside;
        this.#lagMs = Math.max(0, clock.now() - at);
        if (this.#outside.affords?.(this.agreement, messages) === false) return this.#leave();
        const problem = inbound.checkpoint({ epoch, position, messages, payloadBytes }, at);
        if (problem === undefined) return;
        this.#stop("disagrees", `Counts for ${this.agreement.title} disagree: ${problem}`);
      } else if (control?.t === "end") void this.#onEnd(control.reason, inbound);
    });
  }

  /** Nothing more is taken; who set the limit ends the agreement. */
  #leave(): void {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    client?.destroy();
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
    this.#pace.progressed();
    this.#problem = undefined;
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
  #runOf(scanned: ScannedRun): Run {
    return new Run({
      topic: this.#prefix + scanned.topic.toString("utf8"),
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

  /** Has the provider given another token, after it refused the kept one? */
  async #renewed(reasonCode: number | undefined): Promise<boolean> {
    const isRefused =
      reasonCode === reason.badUserNameOrPassword || reasonCode === reason.notAuthorized;
    const now = this.#outside.clock.monotonic();
    if (!isRefused || this.#closed || now - this.#renewedAt < renewEveryMs) return false;
    this.#renewedAt = now;
    await this.#outside.renew(this.agreement);
    return true;
  }

  /** Ends the connection, and tries again ever less often: the next would end as this one does. */
  #stop(problem: LinkProblem, text: string): void {
    this.#stuck = true;
    const client = this.#client;
    this.#client = undefined;
    client?.destroy();
    this.#sayOnce(problem, text);
  }

  get #peer(): string {
    return this.#outside.nameOf(this.agreement.provider);
  }

  get #name(): string {
    return `The link from ${this.#peer} for ${this.agreement.title}`;
  }

  /** Once while it lasts, and not each time where it comes and goes. */
  #sayOnce(problem: LinkProblem, text: string): void {
    if (this.#problem === problem) return;
    this.#problem = problem;
    const now = this.#outside.clock.monotonic();
    if (now - (this.#saidAt.get(problem) ?? -Infinity) < sayAgainMs) return;
    this.#saidAt.set(problem, now);
    this.#say(`link.${problem}`, text);
  }

  #say(kind: string, text: string): void {
    const at = this.#outside.clock.now();
    this.#outside.journal.record({ at, kind, text, agreement: this.agreement.id });
  }
}
