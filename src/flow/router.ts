import type { Passing } from "./measured.ts";
import type { Run } from "./run.ts";
import type { StreamLog } from "./stream-log.ts";

/** Who receives: an MQTT session, an event stream, a link's feed. */
export interface Receiver {
  /** Takes a run that one of its subscriptions matched; must not throw. */
  receive(run: Run, subscription: Subscription): void;
}

export interface Subscription {
  readonly filter: string;
  readonly receiver: Receiver;
  /** The most the receiver wants. */
  readonly qos: 0 | 1 | 2;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** MQTT 5 subscription identifiers, as encoded properties. */
  readonly identifier?: Buffer;
  /** What it receives with QoS 1 or 2 waits for it over restarts. */
  readonly kept?: boolean;
  /** Where logs stood when it was made; what stands before is not for it. Absent: nothing waited. */
  readonly since?: ReadonlyMap<string, number>;
}

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

  get generation(): number {
    return this.#generation;
  }

  subscribe(subscription: Subscription): void {
    const set = this.#setFor(subscription.filter, true)!;
    if (!set.has(subscription)) this.#size++;
    set.add(subscription);
    this.invalidate();
  }

  unsubscribe(subscription: Subscription): void {
    if (this.#setFor(subscription.filter, false)?.delete(subscription) !== true) return;
    this.#size--;
    this.#prune(subscription.filter);
    this.invalidate();
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

/** One delivery for both: all the identifiers [MQTT-3.3.4-4], and no more withheld than by either. */
export function together(a: Subscription, b: Subscription): Subscription {
  const identifiers = [a.identifier, b.identifier].filter((one) => one !== undefined);
  return {
    ...(a.qos < b.qos ? b : a),
    noLocal: a.noLocal === true && b.noLocal === true,
    retainAsPublished: a.retainAsPublished === true || b.retainAsPublished === true,
    ...(identifiers.length === 0 ? {} : { identifier: Buffer.concat(identifiers) }),
  };
}
