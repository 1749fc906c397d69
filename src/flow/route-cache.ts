import { matcherOf } from "../kernel/topic.ts";
import { isExact } from "./filter-trie.ts";

/** What was resolved before more changes than that is resolved anew. */
const recentMax = 32;

/** Filters with wildcards that came or went: the last of them, and how many there have been. */
export class FilterChanges {
  readonly #recent: ((topic: string) => boolean)[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(filter: string): void {
    this.#recent[this.#count++ % recentMax] = matcherOf(filter);
  }

  /** Since then one came or went that matches the topic, or there were too many to tell. */
  touched(topic: string, since: number): boolean {
    if (this.#count - since > recentMax) return true;
    for (let i = since; i < this.#count; i++) {
      if (this.#recent[i % recentMax]!(topic)) return true;
    }
    return false;
  }
}

/** What was resolved of a topic. Whoever keeps it asks before each use whether it still holds. */
export class Resolved {
  readonly topic: string;
  readonly #changes: FilterChanges;
  /** How many changes there had been when it last held. */
  #seen: number;
  #isStale = false;

  constructor(topic: string, changes: FilterChanges) {
    this.topic = topic;
    this.#changes = changes;
    this.#seen = changes.count;
  }

  get isStale(): boolean {
    const { count } = this.#changes;
    if (this.#seen !== count && !this.#isStale) {
      this.#isStale = this.#changes.touched(this.topic, this.#seen);
      this.#seen = count;
    }
    return this.#isStale;
  }

  end(): void {
    this.#isStale = true;
  }
}

/**
 * Topics that were resolved, so many at most, the oldest first to go. A filter that comes or goes
 * costs the same however many there are: without wildcards it ends the one topic that it is, and
 * with them each topic compares it when it is next asked for.
 */
export class RouteCache<R extends Resolved> {
  readonly changes = new FilterChanges();
  readonly #most: number;
  readonly #routes = new Map<string, R>();
  /** Stands before the oldest: a fresh iterator would pass all that has gone before it each time. */
  #oldest = this.#routes.values();

  constructor(most: number) {
    this.#most = most;
  }

  get(topic: string): R | undefined {
    const route = this.#routes.get(topic);
    return route?.isStale === false ? route : undefined;
  }

  set(route: R): void {
    const { topic } = route;
    // What is put anew stands behind all others.
    if (!this.#routes.delete(topic) && this.#routes.size >= this.#most) {
      const oldest = this.#oldest.next().value;
      if (oldest !== undefined) this.#forget(oldest);
    }
    this.#routes.set(topic, route);
  }

  /** A filter came or went: the topics that it matches do not hold any longer. */
  changed(filter: string): void {
    if (!isExact(filter)) {
      this.changes.add(filter);
      return;
    }
    const route = this.#routes.get(filter);
    if (route !== undefined) this.#forget(route);
  }

  clear(): void {
    for (const route of this.#routes.values()) route.end();
    this.#routes.clear();
    this.#oldest = this.#routes.values();
  }

  /** Whoever has kept it asks again. */
  #forget(route: R): void {
    route.end();
    this.#routes.delete(route.topic);
  }
}
