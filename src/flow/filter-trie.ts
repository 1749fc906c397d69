import type { Subscription } from "./subscription.ts";

/** Mostly one subscription stands at a filter: a set is made for the second. */
type Standing = Subscription | Set<Subscription> | undefined;

interface Level {
  /** By name. */
  children: Map<string, Level> | undefined;
  /** The child whose name is +. */
  any: Level | undefined;
  /** Subscriptions whose filter ends here. */
  here: Standing;
  /** Subscriptions whose filter ends with # below here. */
  below: Standing;
}

/**
 * Subscriptions by their filters: those without wildcards by the whole topic, the others level by
 * level. What a match costs depends on the topic's levels and on what is found, not on how many
 * there are.
 */
export class FilterTrie {
  readonly #exact = new Map<string, NonNullable<Standing>>();
  readonly #root = emptyLevel();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(subscription: Subscription): void {
    const { filter } = subscription;
    if (isExact(filter)) {
      const before = this.#exact.get(filter);
      const after = joined(before, subscription);
      if (after === undefined) return;
      if (after !== before) this.#exact.set(filter, after);
    } else {
      const [level, end] = this.#placeFor(filter);
      const after = joined(level[end], subscription);
      if (after === undefined) return;
      level[end] = after;
    }
    this.#size++;
  }

  /** False where it is not there. */
  delete(subscription: Subscription): boolean {
    const { filter } = subscription;
    if (!isExact(filter)) return this.#deleteWild(subscription);
    const before = this.#exact.get(filter);
    const after = left(before, subscription);
    if (after === false) return false;
    if (after === undefined) this.#exact.delete(filter);
    else if (after !== before) this.#exact.set(filter, after);
    this.#size--;
    return true;
  }

  /** Those whose filters match; `#` and `+` in front never match `$…` topics [MQTT-4.7.2-1]. */
  match(topic: string): Subscription[] {
    const found: Subscription[] = [];
    collect(this.#exact.get(topic), found);
    if (topic.startsWith("$")) {
      const end = endOfLevel(topic, 0);
      const own = this.#root.children?.get(topic.slice(0, end));
      if (own !== undefined) visit(own, topic, end + 1, found);
    } else visit(this.#root, topic, 0, found);
    return found;
  }

  #deleteWild(subscription: Subscription): boolean {
    const path: Level[] = [this.#root];
    const names = subscription.filter.split("/");
    const end = names.at(-1) === "#" ? "below" : "here";
    if (end === "below") names.pop();
    for (const name of names) {
      const parent = path.at(-1)!;
      const child = name === "+" ? parent.any : parent.children?.get(name);
      if (child === undefined) return false;
      path.push(child);
    }
    const level = path.at(-1)!;
    const after = left(level[end], subscription);
    if (after === false) return false;
    level[end] = after;
    this.#size--;
    prune(path, names);
    return true;
  }

  #placeFor(filter: string): [level: Level, end: "here" | "below"] {
    let level = this.#root;
    for (const name of filter.split("/")) {
      if (name === "#") return [level, "below"];
      if (name === "+") {
        level = level.any ??= emptyLevel();
        continue;
      }
      level.children ??= new Map();
      let child = level.children.get(name);
      if (child === undefined) level.children.set(name, (child = emptyLevel()));
      level = child;
    }
    return [level, "here"];
  }
}

export function isExact(filter: string): boolean {
  return !filter.includes("+") && !filter.includes("#");
}

/** Undefined where it stands there already. */
function joined(before: Standing, one: Subscription): NonNullable<Standing> | undefined {
  if (before === undefined) return one;
  if (!(before instanceof Set)) return before === one ? undefined : new Set([before, one]);
  return before.has(one) ? undefined : before.add(one);
}

/** False where it does not stand there. */
function left(before: Standing, one: Subscription): Standing | false {
  if (before instanceof Set) {
    if (!before.delete(one)) return false;
    const [only] = before;
    return before.size === 1 ? only : before;
  }
  return before === one ? undefined : false;
}

/** What matches from the level on that begins at `at`; a level's name is made where one is asked for. */
function visit(level: Level, topic: string, at: number, found: Subscription[]): void {
  collect(level.below, found);
  if (at > topic.length) {
    collect(level.here, found);
    return;
  }
  const { children, any } = level;
  if (children === undefined && any === undefined) return;
  const end = endOfLevel(topic, at);
  const named = children?.get(topic.slice(at, end));
  if (named !== undefined) visit(named, topic, end + 1, found);
  if (any !== undefined) visit(any, topic, end + 1, found);
}

function endOfLevel(topic: string, at: number): number {
  const slash = topic.indexOf("/", at);
  return slash === -1 ? topic.length : slash;
}

function collect(standing: Standing, found: Subscription[]): void {
  if (standing === undefined) return;
  if (standing instanceof Set) for (const one of standing) found.push(one);
  else found.push(standing);
}

/** Levels that hold nothing any more go. */
function prune(path: readonly Level[], names: readonly string[]): void {
  for (let depth = names.length; depth > 0; depth--) {
    const { children, any, here, below } = path[depth]!;
    if ((children ?? any ?? here ?? below) !== undefined) return;
    const parent = path[depth - 1]!;
    const name = names[depth - 1]!;
    if (name === "+") parent.any = undefined;
    else parent.children?.delete(name);
    if (parent.children?.size === 0) parent.children = undefined;
  }
}

function emptyLevel(): Level {
  return { children: undefined, any: undefined, here: undefined, below: undefined };
}
