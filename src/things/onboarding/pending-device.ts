import { printable } from "../../kernel/printable.ts";
import type { Sample } from "../wot/infer.ts";

/** How a device came, and from where. */
export interface Arrival {
  readonly door: "MQTT" | "HTTP";
  readonly address: string;
}

/** The latest message of one topic. */
interface TopicSample {
  messages: number;
  bytes: number;
  /** Milliseconds since the Unix epoch. */
  at: number;
  /** How it begins. */
  payload: Buffer;
}

const topicsMax = 32;
const sampleBytesMax = 4_096;
const previewCharactersMax = 120;
const addressesMax = 4;

/** A device that knows a claim code, and a sample of what it sends: nothing of it goes further. */
export class PendingDevice {
  readonly id: string;
  readonly claim: string;
  /** What it calls itself. */
  readonly name: string;
  readonly door: Arrival["door"];
  readonly firstAt: number;
  lastAt: number;
  messages = 0;
  bytes = 0;
  /** Messages outside the code's topics: not looked at. */
  outside = 0;
  /** Messages on more topics than are kept apart. */
  beyond = 0;
  readonly #addresses = new Set<string>();
  readonly #topics = new Map<string, TopicSample>();

  constructor(id: string, of: { claim: string; name: string; door: Arrival["door"]; at: number }) {
    this.id = id;
    this.claim = of.claim;
    this.name = of.name;
    this.door = of.door;
    this.firstAt = this.lastAt = of.at;
  }

  /** Messages of one topic, the last of them with its payload. */
  take(topic: string, payload: Uint8Array, count: number, from: Arrival, at: number): void {
    this.#note(from, count, at);
    this.bytes += payload.length;
    const known = this.#topics.get(topic);
    if (known === undefined && this.#topics.size >= topicsMax) {
      this.beyond += count;
      return;
    }
    // a copy: what is kept must not pin the buffer it came in
    const start = Buffer.from(payload.subarray(0, sampleBytesMax));
    const sample = { messages: count, bytes: payload.length, at, payload: start };
    if (known !== undefined) sample.messages += known.messages;
    this.#topics.set(topic, sample);
  }

  takeOutside(count: number, from: Arrival, at: number): void {
    this.#note(from, count, at);
    this.outside += count;
  }

  /** More than one: the code or the name is used in several places. */
  get addresses(): readonly string[] {
    return [...this.#addresses];
  }

  topics(): { topic: string; messages: number; bytes: number; at: number; preview: string }[] {
    return [...this.#topics].map(([topic, { messages, bytes, at, payload }]) => {
      const preview = printable(payload.toString("utf8")).slice(0, previewCharactersMax);
      return { topic: printable(topic), messages, bytes, at, preview };
    });
  }

  /** Whole messages only: what was cut is no JSON any more. */
  samples(): readonly Sample[] {
    return [...this.#topics].flatMap(([topic, { bytes, payload }]) =>
      bytes === payload.length ? [{ topic, payload }] : [],
    );
  }

  /**
   * What it would have to publish to go on as it does: below the level of its own name where all
   * its topics stand below one, else exactly what was seen. Never more: `factory/#` is not its.
   * Where nothing was seen that it could have, below the name of its Thing.
   */
  filters(thing: string): readonly string[] {
    const topics = [...this.#topics.keys()].filter((topic) => topic === printable(topic));
    const [first] = topics;
    if (first === undefined) return [`${thing}/#`];
    const levels = first.split("/");
    const own = levels.indexOf(this.name);
    const prefix = `${levels.slice(0, own + 1).join("/")}/`;
    const isBelow = own !== -1 && topics.every((topic) => topic.startsWith(prefix));
    return isBelow ? [`${prefix}#`] : topics;
  }

  #note({ address }: Arrival, count: number, at: number): void {
    this.lastAt = at;
    this.messages += count;
    if (this.#addresses.size < addressesMax) this.#addresses.add(address);
  }
}
