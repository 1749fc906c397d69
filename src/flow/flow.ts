/**
 * The data plane's heart. Runs of messages come in from connections and links; the router says
 * who wants them; logged streams are made durable first; grants are enforced where packets leave.
 * It never speaks to a socket and never decides a contract.
 */
import type { Clock } from "../kernel/clock.ts";
import type { Crash } from "../kernel/crash.ts";
import type { Entropy } from "../kernel/id.ts";
import { matches, overlaps } from "../kernel/topic.ts";
import { logOfProduct, type Grant } from "../market/grant.ts";
import type { Product } from "../market/product.ts";
import type { LogBlock, Store, Write } from "../ports/store.ts";
import type { UsagePort } from "../ports/usage.ts";
import { BusyTopics } from "./busy-topics.ts";
import { FlowCounts } from "./counts.ts";
import type { Gate } from "./gate.ts";
import { Grants } from "./grants.ts";
import { QualityMeter } from "./quality.ts";
import { ReceivedStreams } from "./received-streams.ts";
import { Retained, type RetainedLimits } from "./retained.ts";
import { Router, type Route } from "./router.ts";
import type { Run } from "./run.ts";
import { readStart, startWrite } from "./start-position.ts";
import { StreamLog } from "./stream-log.ts";
import type { Subscription } from "./subscription.ts";

export interface FlowOutside {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly usage: UsagePort;
  readonly crash: Crash;
  /** Of this node alone, the same for ever: pseudonyms are made with it. */
  readonly secret: Uint8Array;
}

/** Of the log that keeps what persistent sessions wait for. */
export const sessionLogName = "sessions";

interface LoggedStream {
  readonly filters: readonly string[];
  readonly log: StreamLog;
}

export class Flow {
  readonly router: Router;
  readonly retained: Retained;
  readonly grants: Grants;
  readonly quality: QualityMeter;
  readonly outside: FlowOutside;
  readonly counts = new FlowCounts();
  readonly busyTopics = new BusyTopics();
  readonly received: ReceivedStreams;
  readonly #logged = new Map<string, LoggedStream>();
  readonly #withdrawn = new Set<(log: StreamLog) => void>();
  #sessionLog: StreamLog | undefined;

  /** What the node itself tells on topics of its own; undefined: nothing. */
  ownTopics: { matching(filter: string): readonly Run[] } | undefined;

  private constructor(outside: FlowOutside, retained: Retained, quality: QualityMeter) {
    this.outside = outside;
    this.retained = retained;
    this.quality = quality;
    this.received = new ReceivedStreams(outside.store);
    this.router = new Router(
      (topic) => this.#logsOf(topic),
      (topic) => quality.countersOf(topic),
    );
    quality.onProducts(() => this.router.invalidate());
    this.grants = new Grants(outside);
  }

  static async open(
    outside: FlowOutside,
    limits: { readonly retained?: Partial<RetainedLimits> | undefined } = {},
  ): Promise<Flow> {
    const { store, clock } = outside;
    const quality = await QualityMeter.open({ store, clock });
    return new Flow(outside, await Retained.open(store, clock, limits.retained), quality);
  }

  /** Opens the product's log where it is logged; its messages are durable from then on. */
  async serve(product: Pick<Product, "id" | "topics" | "delivery">): Promise<void> {
    if (product.delivery !== "logged" || this.#logged.has(product.id)) return;
    const log = await StreamLog.open(logOfProduct(product.id), {
      ...this.outside,
      deliver: (run) => this.deliver(run, this.router.route(run.topic)),
    });
    this.#logged.set(product.id, { filters: product.topics, log });
    this.router.invalidate();
  }

  /** Opens the log of messages that persistent sessions wait for; without it none is kept. */
  async keepForSessions(): Promise<StreamLog> {
    const log = await StreamLog.open(sessionLogName, {
      ...this.outside,
      isVerbatim: true,
      deliver: (run) => this.#deliverKept(run),
    });
    this.#sessionLog = log;
    return log;
  }

  /** The logs that may hold messages of the filters. */
  logsOf(filters: readonly string[]): StreamLog[] {
    return [...this.#sessionLogs(), ...this.productLogsOf(filters)];
  }

  /** Those of them that are of products. */
  productLogsOf(filters: readonly string[]): StreamLog[] {
    const logs: StreamLog[] = [];
    for (const { filters: own, log } of this.#logged.values()) {
      if (own.some((one) => filters.some((filter) => overlaps(one, filter)))) logs.push(log);
    }
    return logs;
  }

  /** What a product's log is of; nothing where it is offered no more. */
  topicsOf(name: string): readonly string[] {
    return this.#named(name)?.filters ?? [];
  }

  /** Called with a log that nothing more comes to. Returns what stops listening. */
  onWithdrawn(listener: (log: StreamLog) => void): () => void {
    this.#withdrawn.add(listener);
    return () => this.#withdrawn.delete(listener);
  }

  withdraw(productId: string): void {
    const logged = this.#logged.get(productId);
    if (logged === undefined) return;
    this.#logged.delete(productId);
    this.router.invalidate();
    for (const listener of this.#withdrawn) listener(logged.log);
  }

  logOf(productId: string): StreamLog | undefined {
    return this.#logged.get(productId)?.log;
  }

  /** What an agreement is served from; undefined: it is on a live stream, or the log is not open. */
  logUnder({ log, product }: Grant): StreamLog | undefined {
    return log === undefined ? undefined : this.logOf(product);
  }

  trimmed(name: string, begins: number): void {
    this.#named(name)?.log.trimmed(begins);
  }

  /** Blocks of any log, from memory where this node writes it and it is recent. */
  async readLog(name: string, after: number, bytesMax: number): Promise<readonly LogBlock[]> {
    const log = this.#named(name)?.log;
    return log?.read(after, bytesMax) ?? this.outside.store.readLog(name, after, bytesMax);
  }

  /** Lets an agreement deliver. Its start in the log is fixed at the first call, durably. */
  async open(grant: Grant): Promise<Gate> {
    const log = this.logUnder(grant);
    const { store } = this.outside;
    if (log !== undefined && (await readStart(store, grant.agreement)) === undefined) {
      const start = { epoch: log.epoch, position: log.end };
      await store.commit([startWrite(grant.agreement, start)]);
    }
    return this.grants.open(grant);
  }

  /**
   * Takes messages in. Undefined: they are done with; a promise: done when it resolves, which is
   * when they are durable, and `writes` with them. Whoever sent them with QoS 1 is acknowledged
   * then, not before.
   */
  publish(
    run: Run,
    route: Route = this.router.route(run.topic),
    writes: readonly Write[] = [],
  ): Promise<unknown> | undefined {
    this.#took(run);
    if (route.logs.length === 0) {
      const retaining = run.retain ? this.retained.set(run) : undefined;
      const keeping = this.#keep(run, route, writes);
      this.deliver(run, route, keeping !== undefined);
      return retaining && keeping ? Promise.all([retaining, keeping]) : (retaining ?? keeping);
    }
    // A topic of several logged products is delivered once: by the first one's log.
    const appended = route.logs.map((log, index) =>
      index === 0 ? log.append(run, true, writes) : log.append(run, false),
    );
    const durable = Promise.all(appended);
    // What the log did not take is nobody's last message either.
    return run.retain ? durable.then(() => this.retained.set(run)) : durable;
  }

  /** What another organisation's node delivered: no product of this one, and in a log already. */
  arrive(run: Run): void {
    this.#took(run);
    const route = this.router.route(run.topic);
    const keeping = this.#keep(run, route, []);
    keeping?.catch(() => {
      // The store is gone and says so itself.
    });
    this.deliver(run, route, keeping !== undefined);
  }

  #took(run: Run): void {
    this.counts.took(run);
    this.busyTopics.take(run.topic, run.count, run.payloadBytes);
  }

  /** What a new subscription has at once. */
  retainedFor(filter: string): readonly Run[] {
    const kept = this.retained.matching(filter);
    if (!filter.startsWith("$SYS/")) return kept;
    return [...kept, ...(this.ownTopics?.matching(filter) ?? [])];
  }

  /** To everybody here who subscribed; those whose messages are kept may get it by their log. */
  deliver(run: Run, route: Route, skipsKept = false): void {
    for (const counter of route.counters) {
      counter.messages += run.count;
      if (!counter.wantsSample) continue;
      run.at ??= this.outside.clock.now();
      counter.take(run);
    }
    for (const subscription of route.subscriptions) {
      if (!skipsKept || subscription.kept !== true) hand(run, subscription);
    }
  }

  /** Undefined: nothing of it is to be durable. */
  #keep(run: Run, route: Route, writes: readonly Write[]): Promise<unknown> | undefined {
    if (run.qos > 0 && route.hasKept && this.#sessionLog !== undefined) {
      return this.#sessionLog.append(run, true, writes);
    }
    return writes.length > 0 ? this.outside.store.commit(writes) : undefined;
  }

  #deliverKept(run: Run): void {
    for (const subscription of this.router.route(run.topic).subscriptions) {
      if (subscription.kept === true) hand(run, subscription);
    }
  }

  /** Undefined: everything taken in on the route is durable; else a promise of that. */
  flushed(route: Route): Promise<unknown> | undefined {
    const logs = route.hasKept ? [...route.logs, ...this.#sessionLogs()] : route.logs;
    const behind = logs.filter((log) => log.pendingBytes > 0);
    return behind.length === 0 ? undefined : Promise.all(behind.map((log) => log.flushed()));
  }

  /** Bytes taken into logs and not yet durable. */
  pendingBytes(route: Route): number {
    let bytes = 0;
    for (const log of route.logs) bytes += log.pendingBytes;
    if (route.hasKept) bytes += this.#sessionLog?.pendingBytes ?? 0;
    return bytes;
  }

  /** Everything taken in is durable, or cannot be. */
  async settled(): Promise<void> {
    const logs = [...this.#logged.values()].map(({ log }) => log);
    for (const log of [...logs, ...this.#sessionLogs()]) await log.flushed().catch(() => {});
  }

  async close(): Promise<void> {
    await this.settled();
    this.retained.close();
    await this.quality.close();
    await this.grants.close();
  }

  /** By the name of its log. */
  #named(name: string): LoggedStream | undefined {
    for (const stream of this.#logged.values()) if (stream.log.name === name) return stream;
    return undefined;
  }

  #sessionLogs(): readonly StreamLog[] {
    return this.#sessionLog === undefined ? [] : [this.#sessionLog];
  }

  #logsOf(topic: string): readonly StreamLog[] {
    const logs: StreamLog[] = [];
    for (const { filters, log } of this.#logged.values()) {
      if (filters.some((filter) => matches(filter, topic))) logs.push(log);
    }
    return logs;
  }
}

/** Unless its receiver published it and wants nothing of its own back [MQTT-3.8.3-3]. */
function hand(run: Run, subscription: Subscription): void {
  const { noLocal, receiver } = subscription;
  if (noLocal !== true || run.origin !== receiver) receiver.receive(run, subscription);
}
