import type { LogBlock } from "../ports/store.ts";
import {
  locate,
  offsetAfter,
  payloadBytesOf,
  propertiesAt,
  repack,
  newPlace,
  walkPublishes,
  type Layout,
  type PublishPlace,
} from "../wire/mqtt/publish.ts";
import type { ProtocolVersion } from "../wire/mqtt/protocol.ts";
import { encodePublish } from "../wire/mqtt/encode.ts";
import type { Properties } from "../wire/mqtt/properties.ts";

/** Where a run stands in a log: the positions [position, next) are its messages, in order. */
export interface LogPlace {
  readonly log: {
    readonly name: string;
    /** Blocks with messages at or after the position. */
    read(after: number, bytesMax: number): Promise<readonly LogBlock[]>;
  };
  readonly position: number;
  readonly next: number;
}

/**
 * Messages of one topic that came one after the other, as packets in one buffer. Whatever is
 * decided per topic is decided once per run; other encodings are made once and shared by all
 * receivers that need them.
 */
export class Run {
  readonly topic: string;
  /** QoS of the messages, whatever the layout of `packets`. */
  readonly qos: 0 | 1 | 2;
  readonly packets: Buffer;
  readonly layout: Layout;
  readonly count: number;
  /** Sum of application payload lengths. */
  readonly payloadBytes: number;
  /** Who published, as the audit trail names them; scopes the sequence numbers of producers. */
  readonly publisher: string;
  /** Published as retained. */
  readonly retain: boolean;
  /** The receiver that published it, for subscriptions with no-local. */
  readonly origin: object | undefined;
  /** Log time, milliseconds since the Unix epoch; of a live run, when an agreement first met it. */
  at: number | undefined;
  /** Of a run that a log has committed. */
  place: LogPlace | undefined;
  /** Messages of it that its log had already, by the numbers of their producers. */
  repeats = 0;
  /** It came from another node and is in the log of what was received. */
  isReceived = false;
  /** Stands before the packets' own topics when they are encoded: where a peer's stream stands. */
  readonly #prefix: Buffer | undefined;
  #encoded4: Buffer | undefined;
  #encoded5: Buffer | undefined;

  constructor(fields: {
    topic: string;
    qos: 0 | 1 | 2;
    packets: Buffer;
    layout: Layout;
    count: number;
    payloadBytes: number;
    publisher?: string;
    retain?: boolean;
    origin?: object | undefined;
    prefix?: Buffer | undefined;
  }) {
    this.topic = fields.topic;
    this.qos = fields.qos;
    this.packets = fields.packets;
    this.layout = fields.layout;
    this.count = fields.count;
    this.payloadBytes = fields.payloadBytes;
    this.publisher = fields.publisher ?? "";
    this.retain = fields.retain ?? false;
    this.origin = fields.origin;
    this.#prefix = fields.prefix;
  }

  /** One message. */
  static of(
    topic: string,
    payload: Uint8Array,
    options: {
      qos?: 0 | 1 | 2;
      retain?: boolean;
      publisher?: string;
      origin?: object;
      properties?: Properties;
    } = {},
  ): Run {
    const { properties = {}, qos = 0, retain = false, publisher = "", origin } = options;
    return new Run({
      topic,
      qos,
      packets: encodePublish(5, { topic, payload, properties }),
      layout: { version: 5, withIds: false },
      count: 1,
      payloadBytes: payload.length,
      publisher,
      retain,
      origin,
    });
  }

  /** One message out of its packet in the version 5 form, without an identifier. */
  static ofPacket(packet: Buffer, qos: 0 | 1 | 2, retain = false): Run {
    const place = newPlace();
    locate(packet, layout5, 0, place);
    return new Run({
      topic: packet.toString("utf8", place.topicAt, place.topicEnd),
      ...{ qos, retain },
      packets: packet,
      layout: layout5,
      count: 1,
      payloadBytes: place.end - place.payloadAt,
    });
  }

  /** The packets as QoS 0 of the version, not retained: the very slice that came where it fits. */
  encoded(version: ProtocolVersion): Buffer {
    const cached = version === 4 ? this.#encoded4 : this.#encoded5;
    if (cached !== undefined) return cached;
    const asIs =
      this.layout.version === version &&
      !this.layout.withIds &&
      this.#prefix === undefined &&
      (this.packets[0]! & 0x0f) === 0;
    const encoded = asIs ? this.packets : this.#repack(version, { flags: 0 });
    if (version === 4) this.#encoded4 = encoded;
    else this.#encoded5 = encoded;
    return encoded;
  }

  /** A private copy for one receiver: with packet identifiers, flags or added properties. */
  encodeFor(
    version: ProtocolVersion,
    options: { flags: number; nextId?: () => number; added?: Buffer },
  ): Buffer {
    return this.#repack(version, options);
  }

  #repack(
    version: ProtocolVersion,
    options: { flags: number; nextId?: () => number; added?: Buffer },
  ): Buffer {
    return repack(this.packets, this.count, {
      from: this.layout,
      to: version,
      ...options,
      ...(this.#prefix === undefined ? {} : { prefix: this.#prefix }),
    });
  }

  /** Each message's place in `packets`; the place object is reused between calls. */
  walk(visit: (place: PublishPlace, index: number) => void): void {
    walkPublishes(this.packets, this.layout, visit);
  }

  /** The same run with other packets (fewer messages, or less of each), in the version 5 form. */
  with(packets: readonly Buffer[], layout: Layout, payloadBytes: number): Run {
    return this.#sameWith(Buffer.concat(packets), layout, packets.length, payloadBytes);
  }

  /** The same in memory of its own: what is kept long must not pin a read buffer. */
  own(): Run {
    return this.#part(Buffer.from(this.packets), this.count, 0);
  }

  /** Its first `count` messages, in the same memory. */
  first(count: number): Run {
    const packets = this.packets.subarray(0, offsetAfter(this.packets, count));
    return this.#part(packets, count, 0);
  }

  /** What comes behind its first `count` messages, in the same memory. */
  after(count: number): Run {
    const packets = this.packets.subarray(offsetAfter(this.packets, count));
    return this.#part(packets, this.count - count, count);
  }

  #part(packets: Buffer, count: number, skipped: number): Run {
    const { layout, place } = this;
    const payloadBytes = payloadBytesOf(packets, layout);
    const run = this.#sameWith(packets, layout, count, payloadBytes, this.#prefix);
    if (place !== undefined) {
      const position = place.position + skipped;
      run.place = { log: place.log, position, next: position + count };
    }
    return run;
  }

  #sameWith(
    packets: Buffer,
    layout: Layout,
    count: number,
    payloadBytes: number,
    prefix?: Buffer,
  ): Run {
    const { topic, qos, publisher, retain, origin } = this;
    const fields = { topic, qos, publisher, retain, origin, prefix };
    const run = new Run({ ...fields, packets, layout, count, payloadBytes });
    run.at = this.at;
    run.place = this.place;
    return run;
  }

  /** The last message alone, in memory of its own. */
  last(): Run {
    const packets = this.encoded(5);
    let start = 0;
    let payloadBytes = 0;
    walkPublishes(packets, layout5, (place) => {
      ({ start } = place);
      payloadBytes = place.end - place.payloadAt;
    });
    return this.with([packets.subarray(start)], layout5, payloadBytes);
  }

  /** The last message's payload. */
  lastPayload(): Buffer {
    let start = 0;
    let end = 0;
    this.walk((place) => {
      start = place.payloadAt;
      ({ end } = place);
    });
    return this.packets.subarray(start, end);
  }

  /**
   * A single message as it leaves after waiting here: with what is left of its expiry interval
   * [MQTT-3.3.2-6], undefined where nothing is left [MQTT-3.3.2-5].
   */
  waited(ms: number): Run | undefined {
    if (this.layout.version !== 5) return this;
    const place = newPlace();
    locate(this.packets, this.layout, 0, place);
    const properties = propertiesAt(this.packets, place);
    const { messageExpirySeconds } = properties;
    if (messageExpirySeconds === undefined) return this;
    const left = messageExpirySeconds - Math.floor(ms / 1000);
    if (left <= 0) return undefined;
    const payload = this.packets.subarray(place.payloadAt, place.end);
    const changed = { ...properties, messageExpirySeconds: left };
    const packet = encodePublish(5, { topic: this.topic, payload, properties: changed });
    return this.with([packet], layout5, this.payloadBytes);
  }
}

export const layout5: Layout = { version: 5, withIds: false };

/**
 * Splits packets of many topics (version 5, without identifiers) into runs of one topic each, in
 * order. Where they keep their first byte they have its QoS; a log's that do not are of QoS 1.
 */
export function splitByTopic(packets: Buffer, visit: (run: Run) => void, prefix?: string): void {
  const prefixBytes = prefix === undefined ? undefined : Buffer.from(prefix);
  const place = newPlace();
  const next = newPlace();
  for (let at = 0; at < packets.length;) {
    locate(packets, layout5, at, place);
    let { end } = place;
    let count = 1;
    let payloadBytes = place.end - place.payloadAt;
    const topic = packets.subarray(place.topicAt, place.topicEnd);
    while (end < packets.length) {
      locate(packets, layout5, end, next);
      if (packets[end] !== packets[at]) break;
      if (packets.compare(topic, 0, topic.length, next.topicAt, next.topicEnd) !== 0) break;
      payloadBytes += next.end - next.payloadAt;
      end = next.end;
      count++;
    }
    visit(
      new Run({
        topic: (prefix ?? "") + topic.toString("utf8"),
        qos: (packets[at]! & 6) === 4 ? 2 : 1,
        retain: (packets[at]! & 1) === 1,
        packets: packets.subarray(at, end),
        layout: layout5,
        count,
        payloadBytes,
        prefix: prefixBytes,
      }),
    );
    at = end;
  }
}
