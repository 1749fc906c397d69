/** What is kept of a topic; whoever keeps it as well is told by it. */
interface Resolved {
  readonly topic: string;
  isStale: boolean;
}

interface Level<R> {
  children: Map<string, Level<R>> | undefined;
  route: R | undefined;
}

/**
 * Topics that were resolved, so many at most, the oldest first to go. They stand in levels as well,
 * so that a filter that comes or goes touches the topics it matches and no others.
 */
export class RouteCache<R extends Resolved> {
  readonly #most: number;
  readonly #routes = new Map<string, R>();
  #root: Level<R> = emptyLevel();
  /** Stands before the oldest: a fresh iterator would pass all that has gone before it each time. */
  #oldest = this.#routes.values();

  constructor(most: number) {
    this.#most = most;
  }

  get(topic: string): R | undefined {
    return this.#routes.get(topic);
  }

  set(route: R): void {
    if (this.#routes.size >= this.#most) {
      const oldest = this.#oldest.next().value;
      if (oldest !== undefined) this.#forget(oldest);
    }
    this.#routes.set(route.topic, route);
    let level = this.#root;
    for (const name of route.topic.split("/")) {
      level.children ??= new Map();
      let child = level.children.get(name);
      if (child === undefined) level.children.set(name, (child = emptyLevel()));
      level = child;
    }
    level.route = route;
  }

  /** Forgets the topics that the filter matches. */
  forget(filter: string): void {
    if (filter === "#") {
      this.clear();
      return;
    }
    if (!/[+#]/.test(filter)) {
      const exact = this.#routes.get(filter);
      if (exact !== undefined) this.#forget(exact);
      return;
    }
    const found: R[] = [];
    matching(this.#root, filter.split("/"), 0, found);
    for (const route of found) this.#forget(route);
  }

  clear(): void {
    for (const route of this.#routes.values()) route.isStale = true;
    this.#routes.clear();
    this.#oldest = this.#routes.values();
    this.#root = emptyLevel();
  }

  #forget(route: R): void {
    // Whoever has kept it asks again.
    route.isStale = true;
    this.#routes.delete(route.topic);
    const path: Level<R>[] = [this.#root];
    const names = route.topic.split("/");
    for (const name of names) path.push(path.at(-1)!.children!.get(name)!);
    path.at(-1)!.route = undefined;
    for (let depth = names.length; depth > 0; depth--) {
      const { children, route: other } = path[depth]!;
      if (children !== undefined || other !== undefined) return;
      const parent = path[depth - 1]!;
      parent.children?.delete(names[depth - 1]!);
      if (parent.children?.size === 0) parent.children = undefined;
    }
  }
}

/** A `$…` topic that a wildcard in front does not match is found with the others: it is asked anew. */
function matching<R>(level: Level<R>, names: readonly string[], depth: number, found: R[]): void {
  const name = names[depth];
  if (name === undefined || name === "#") {
    if (level.route !== undefined) found.push(level.route);
    if (name === undefined || level.children === undefined) return;
    for (const child of level.children.values()) matching(child, names, depth, found);
    return;
  }
  if (level.children === undefined) return;
  if (name === "+") {
    for (const child of level.children.values()) matching(child, names, depth + 1, found);
    return;
  }
  const child = level.children.get(name);
  if (child !== undefined) matching(child, names, depth + 1, found);
}

function emptyLevel<R>(): Level<R> {
  return { children: undefined, route: undefined };
}
