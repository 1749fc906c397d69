import type { JsonObject } from "../kernel/json-object.ts";
import { isObject } from "../kernel/json-object.ts";

const topicsMax = 1_000;

/**
 * The growth of counters that only rise, such as a water meter's cubic metres: one a topic, read
 * from a member of its messages. One that falls was put back, and counts on from there.
 */
export class Counters {
  readonly #path: readonly string[];
  readonly #last = new Map<string, number>();
  total = 0;
  resets = 0;

  /** `path`: names joined by dots. */
  constructor(path: string) {
    this.#path = path.split(".");
  }

  get isEmpty(): boolean {
    return this.#last.size === 0;
  }

  /** True: the message has the member, and it was counted. */
  take(topic: string, said: JsonObject): boolean {
    let value: unknown = said;
    for (const name of this.#path) {
      value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    }
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0) return false;
    const before = this.#last.get(topic);
    if (before === undefined && this.#last.size >= topicsMax) return false;
    this.#last.set(topic, value);
    if (before === undefined) return true;
    if (value >= before) this.total += value - before;
    else this.resets++;
    return true;
  }
}
