import type { ProductCounter } from "./measured.ts";
import { FilterTrie } from "./filter-trie.ts";
import { type FilterChanges, Resolved, RouteCache } from "./route-cache.ts";
import { SharedGroup } from "./share-group.ts";
import type { StreamLog } from "./stream-log.ts";
import { type LeftOver, type Receiver, type Subscription, together } from "./subscription.ts";

/** What is known of one topic: who wants it and which logs keep it. */
export class Route extends Resolved {
  readonly topicBytes: Buffer;
  readonly subscriptions: readonly Subscription[];
  /** Of one of them messages are kept over restarts. */
  readonly hasKept: boolean;
  readonly logs: readonly StreamLog[];
  /** Of the products it belongs to: each counts what is delivered. */
  readonly counters: readonly ProductCounter[];

  constructor(
    topic: string,
    changes: FilterChanges,
    found: Pick<Route, "subscriptions" | "logs" | "counters">,
  ) {
    super(topic, changes);
    this.topicBytes = Buffer.from(topic);
    this.subscriptions = found.subscriptions;
    this.hasKept = found.subscriptions.some(({ kept }) => kept === true);
    this.logs = found.logs;
    this.counters = found.counters;
  }
}

const routesMax = 65_536;

/** From topics to receivers: the filters, and a bounded cache of topics already resolved. */
export class Router {
  readonly #filters = new FilterTrie();
  readonly #routes = new RouteCache<Route>(routesMax);
  /** By share and filter. */
  readonly #groups = new Map<string, { group: SharedGroup; subscription: Subscription }>();
  readonly #logsOf: (topic: string) => readonly StreamLog[];
  readonly #countersOf: (topic: string) => readonly ProductCounter[];

  constructor(
    logsOf: (topic: string) => readonly StreamLog[],
    countersOf: (topic: string) => readonly ProductCounter[] = () => [],
  ) {
    this.#logsOf = logsOf;
    this.#countersOf = countersOf;
  }

  /** How many subscriptions there are. */
  get size(): number {
    return this.#filters.size;
  }

  /** How many shares of a filter. */
  get sharedSize(): number {
    return this.#groups.size;
  }

  subscribe(subscription: Subscription): void {
    if (subscription.share !== undefined) {
      this.#join(subscription);
      return;
    }
    this.#filters.add(subscription);
    this.#routes.changed(subscription.filter);
  }

  unsubscribe(subscription: Subscription): void {
    const shared = this.#groups.get(groupOf(subscription));
    if (subscription.share !== undefined && shared?.group.leave(subscription) === true) {
      if (shared.group.size > 0) return;
      this.#groups.delete(groupOf(subscription));
      this.unsubscribe(shared.subscription);
      return;
    }
    if (this.#filters.delete(subscription)) this.#routes.changed(subscription.filter);
  }

  /** Subscribes to each of the filters, with QoS 0; returns what ends that. */
  subscribeAll(filters: readonly string[], receiver: Receiver): () => void {
    const subscriptions = filters.map((filter): Subscription => ({ filter, receiver, qos: 0 }));
    for (const subscription of subscriptions) this.subscribe(subscription);
    return () => {
      for (const subscription of subscriptions) this.unsubscribe(subscription);
    };
  }

  /** What a subscription that was shared has left over goes to the others who share it. */
  handOn({ subscription, run }: LeftOver): void {
    this.#groups.get(groupOf(subscription))?.group.receive(run);
  }

  /** Forgets what was resolved, as when a product's topics change. */
  invalidate(): void {
    this.#routes.clear();
  }

  route(topic: string): Route {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const route = new Route(topic, this.#routes.changes, {
      subscriptions: onePerReceiver(this.#filters.match(topic)),
      logs: this.#logsOf(topic),
      counters: this.#countersOf(topic),
    });
    this.#routes.set(route);
    return route;
  }

  #join(member: Subscription): void {
    const { filter } = member;
    let shared = this.#groups.get(groupOf(member));
    if (shared === undefined) {
      const group = new SharedGroup();
      shared = { group, subscription: { filter, receiver: group, qos: 2 } };
      this.#groups.set(groupOf(member), shared);
      this.subscribe(shared.subscription);
    }
    shared.group.join(member);
  }
}

/** No share's name has a slash. */
function groupOf({ share, filter }: Subscription): string {
  return `${share?.name ?? ""}/${filter}`;
}

/** Overlapping filters of one receiver give one delivery, with the highest QoS (§3.3.4 allows it). */
function onePerReceiver(subscriptions: readonly Subscription[]): readonly Subscription[] {
  if (subscriptions.length < 2) return subscriptions;
  const byReceiver = new Map<Receiver, Subscription>();
  for (const subscription of subscriptions) {
    const known = byReceiver.get(subscription.receiver);
    byReceiver.set(
      subscription.receiver,
      known === undefined ? subscription : together(known, subscription),
    );
  }
  return byReceiver.size === subscriptions.length ? subscriptions : [...byReceiver.values()];
}
