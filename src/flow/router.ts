import type { Passing } from "./measured.ts";
import type { Run } from "./run.ts";
import { SharedGroup } from "./share-group.ts";
import type { StreamLog } from "./stream-log.ts";
import { type Receiver, type Subscription, together } from "./subscription.ts";

/** What is known of one topic: who wants it and which logs keep it. Valid while `generation` is current. */
export interface Route {
  readonly topic: string;
  readonly topicBytes: Buffer;
  readonly subscriptions: readonly Subscription[];
  /** Of one of them messages are kept over restarts. */
  readonly hasKept: boolean;
  readonly logs: readonly StreamLog[];
  /** Of the products it belongs to: each counts what is delivered. */
  readonly counters: readonly Passing[];
  readonly generation: number;
}

interface Level {
  readonly children: Map<string, Level>;
  /** Subscriptions whose filter ends here. */
  readonly here: Set<Subscription>;
  /** Subscriptions whose filter ends with # below here. */
  readonly below: Set<Subscription>;
}

const routesMax = 65_536;

/** From topics to receivers: a trie of filters, and a bounded cache of topics already resolved. */
export class Router {
  readonly #root = emptyLevel();
  readonly #routes = new Map<string, Route>();
  /** By share and filter. */
  readonly #groups = new Map<string, { group: SharedGroup; subscription: Subscription }>();
  readonly #logsOf: (topic: string) => readonly StreamLog[];
  readonly #countersOf: (topic: string) => readonly Passing[];
  #generation = 0;
  #size = 0;

  constructor(
    logsOf: (topic: string) => readonly StreamLog[],
    countersOf: (topic: string) => readonly Passing[] = () => [],
  ) {
    this.#logsOf = logsOf;
    this.#countersOf = countersOf;
  }

  /** How many subscriptions there are. */
  get size(): number {
    return this.#size;
  }

  /** How many shares of a filter. */
  get sharedSize(): number {
    return this.#groups.size;
  }

  get generation(): number {
    return this.#generation;
  }

  subscribe(subscription: Subscription): void {
    if (subscription.share !== undefined) {
      this.#join(subscription);
      return;
    }
    const set = this.#setFor(subscription.filter, true)!;
    if (!set.has(subscription)) this.#size++;
    set.add(subscription);
    this.invalidate();
  }

  unsubscribe(subscription: Subscription): void {
    const shared = this.#groups.get(groupOf(subscription));
    if (subscription.share !== undefined && shared?.group.leave(subscription) === true) {
      if (shared.group.size > 0) return;
      this.#groups.delete(groupOf(subscription));
      this.unsubscribe(shared.subscription);
      return;
    }
    if (this.#setFor(subscription.filter, false)?.delete(subscription) !== true) return;
    this.#size--;
    this.#prune(subscription.filter);
    this.invalidate();
  }

  /** What a subscription that was shared has left over goes to the others who share it. */
  handOn(left: Subscription, runs: readonly Run[]): void {
    const shared = this.#groups.get(groupOf(left));
    for (const run of runs) shared?.group.receive(run);
  }

  /** Forgets what was resolved, as when a product's topics change. */
  invalidate(): void {
    this.#generation++;
    this.#routes.clear();
  }

  route(topic: string): Route {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const subscriptions = onePerReceiver(this.#match(topic));
    const route: Route = {
      topic,
      topicBytes: Buffer.from(topic),
      subscriptions,
      hasKept: subscriptions.some(({ kept }) => kept === true),
      logs: this.#logsOf(topic),
      counters: this.#countersOf(topic),
      generation: this.#generation,
    };
    if (this.#routes.size >= routesMax) this.#routes.delete(this.#routes.keys().next().value!);
    this.#routes.set(topic, route);
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

  #match(topic: string): Subscription[] {
    const found: Subscription[] = [];
    const levels = topic.split("/");
    const own = topic.startsWith("$");
    const visit = (level: Level, depth: number): void => {
      // A wildcard at the front does not match $… topics [MQTT-4.7.2-1].
      const wild = depth > 0 || !own;
      if (wild) for (const subscription of level.below) found.push(subscription);
      if (depth === levels.length) {
        for (const subscription of level.here) found.push(subscription);
        return;
      }
      const exact = level.children.get(levels[depth]!);
      if (exact) visit(exact, depth + 1);
      const any = wild ? level.children.get("+") : undefined;
      if (any) visit(any, depth + 1);
    };
    visit(this.#root, 0);
    return found;
  }

  #setFor(filter: string, create: boolean): Set<Subscription> | undefined {
    let level = this.#root;
    for (const name of filter.split("/")) {
      if (name === "#") return level.below;
      let child = level.children.get(name);
      if (child === undefined) {
        if (!create) return undefined;
        child = emptyLevel();
        level.children.set(name, child);
      }
      level = child;
    }
    return level.here;
  }

  #prune(filter: string): void {
    const path: [Level, string][] = [];
    let level = this.#root;
    for (const name of filter.split("/")) {
      if (name === "#") break;
      const child = level.children.get(name);
      if (child === undefined) break;
      path.push([level, name]);
      level = child;
    }
    for (const [parent, name] of path.reverse()) {
      const child = parent.children.get(name)!;
      if (child.children.size > 0 || child.here.size > 0 || child.below.size > 0) return;
      parent.children.delete(name);
    }
  }
}

/** No share's name has a slash. */
function groupOf({ share, filter }: Subscription): string {
  return `${share?.name ?? ""}/${filter}`;
}

function emptyLevel(): Level {
  return { children: new Map(), here: new Set(), below: new Set() };
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
