import type { Clock } from "../kernel/clock.ts";
import type { JsonObject } from "../kernel/json-object.ts";
import type { Thing, Things } from "../things/directory.ts";
import {
  type Flag,
  type Odd,
  readingCheck,
  type ReadingCheck,
} from "../things/wot/reading-check.ts";
import { propertiesOf, topicOf } from "../things/wot/thing-description.ts";
import type { Flow } from "./flow.ts";
import type { Receiver, Subscription } from "./subscription.ts";
import type { Run } from "./run.ts";

export interface Reading {
  readonly payload: Buffer;
  /** When it came, milliseconds since the Unix epoch. */
  readonly at: number;
}

/** What was odd about a property's readings since the node started. */
export interface Flagged {
  readonly property: string;
  /** Where in an object; absent: the reading as a whole. */
  readonly member?: string;
  /** Of the last reading; absent: nothing. */
  readonly now?: Flag;
  readonly counts: Readonly<Partial<Record<Flag, number>>>;
}

interface Followed {
  readonly property: string;
  readonly schema: JsonObject;
  /** Made when the first reading comes: most Things of a large node are silent. */
  check: ReadingCheck | undefined;
  readonly subscription: Subscription;
  last: Reading | undefined;
  now: Odd | undefined;
  /** By member: no more than the Description names. */
  odd: Map<string, Partial<Record<Flag, number>>> | undefined;
}

const payloadBytesMax = 65_536;
const bytesMax = 67_108_864;

/**
 * The last value of each property that a Thing's Description names, and whether it is what the
 * Description says. A reading that is not is flagged and counted; it is delivered like any other.
 * Looked at is the last message of each run, so that a burst costs what one message does.
 */
export class Readings implements Receiver {
  readonly #flow: Flow;
  readonly #clock: Clock;
  /** By topic: more Things than one may publish on it. */
  readonly #followed = new Map<string, Map<string, Followed>>();
  #bytes = 0;

  constructor({ flow, clock, things }: { flow: Flow; clock: Clock; things: Things }) {
    this.#flow = flow;
    this.#clock = clock;
    for (const thing of things.list()) this.#follow(thing);
    things.onChanged(({ before, after }) => {
      if (before) this.#leave(before);
      if (after) this.#follow(after);
    });
  }

  /** Undefined where none came since the node started and none was retained. */
  last(thing: Thing, property: string): Reading | undefined {
    const topic = topicOf(thing, property);
    const known = this.#followed.get(topic)?.get(thing.id)?.last;
    if (known !== undefined) return known;
    const [kept] = this.#flow.retained.keptOf(topic);
    return kept && { payload: kept.run.lastPayload(), at: kept.at };
  }

  /** Properties with odd readings, in the Description's order. */
  flagged(thing: Thing): Flagged[] {
    return Object.keys(propertiesOf(thing)).flatMap((name) => {
      const followed = this.#followed.get(topicOf(thing, name))?.get(thing.id);
      return [...(followed?.odd ?? [])].map(([member, counts]) => {
        const now = followed?.now?.member === member ? followed.now.flag : undefined;
        return { property: name, ...(member !== "" && { member }), ...(now && { now }), counts };
      });
    });
  }

  receive(run: Run): void {
    const payload = run.lastPayload();
    const at = (run.at ??= this.#clock.now());
    for (const followed of this.#followed.get(run.topic)?.values() ?? []) {
      this.#keep(followed, payload, at);
      const odd = (followed.check ??= readingCheck(followed.schema))(payload);
      followed.now = odd;
      if (odd !== undefined) count(followed, odd);
    }
  }

  /** One that does not fit leaves none: an older one is not the last. */
  #keep(followed: Followed, payload: Buffer, at: number): void {
    this.#bytes -= followed.last?.payload.length ?? 0;
    const fits = payload.length <= payloadBytesMax && this.#bytes + payload.length <= bytesMax;
    // a copy: the slice would hold the whole chunk that came from the socket
    followed.last = fits ? { payload: Buffer.from(payload), at } : undefined;
    this.#bytes += followed.last?.payload.length ?? 0;
  }

  #follow(thing: Thing): void {
    for (const [property, schema] of Object.entries(propertiesOf(thing))) {
      const filter = topicOf(thing, property);
      const followers = this.#followed.get(filter) ?? new Map<string, Followed>();
      const [other] = followers.values();
      const subscription = other?.subscription ?? { filter, receiver: this, qos: 0 };
      followers.set(thing.id, {
        ...{ property, schema, check: undefined, subscription },
        ...{ last: undefined, now: undefined, odd: undefined },
      });
      this.#followed.set(filter, followers);
      this.#flow.router.subscribe(subscription);
    }
  }

  #leave(thing: Thing): void {
    for (const property of Object.keys(propertiesOf(thing))) {
      const filter = topicOf(thing, property);
      const followers = this.#followed.get(filter);
      const followed = followers?.get(thing.id);
      if (followers === undefined || followed === undefined) continue;
      this.#bytes -= followed.last?.payload.length ?? 0;
      followers.delete(thing.id);
      if (followers.size > 0) continue;
      this.#followed.delete(filter);
      this.#flow.router.unsubscribe(followed.subscription);
    }
  }
}

function count(followed: Followed, { flag, member }: Odd): void {
  const all = (followed.odd ??= new Map());
  const counts = all.get(member) ?? {};
  counts[flag] = (counts[flag] ?? 0) + 1;
  all.set(member, counts);
}
