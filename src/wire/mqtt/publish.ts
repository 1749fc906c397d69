import { Cursor, varintLength, writeVarint } from "./cursor.ts";
import { packetType, type ProtocolVersion } from "./protocol.ts";
import { encodeProperties, readProperties, skipProperty, type Properties } from "./properties.ts";

/** How PUBLISH packets stand in a buffer: which version's form, with packet identifiers or without. */
export interface Layout {
  readonly version: ProtocolVersion;
  readonly withIds: boolean;
}

/** The QoS that the first byte of a PUBLISH packet tells. */
export function qosIn(first: number): 0 | 1 | 2 {
  return ((first >> 1) & 3) as 0 | 1 | 2;
}

/** Whether it says that the message is to be retained. */
export function isRetain(first: number): boolean {
  return (first & 1) === 1;
}

/** Where the parts of one PUBLISH packet lie in its buffer. Reused by the walker: copy to keep. */
export interface PublishPlace {
  start: number;
  topicAt: number;
  topicEnd: number;
  /** Of the packet identifier; -1 where the layout has none. */
  idAt: number;
  /** Properties with their length, [propertiesAt, payloadAt); empty in the 3.1.1 form. */
  propertiesAt: number;
  payloadAt: number;
  end: number;
}

/** Calls `visit` for each packet; the bytes are known to be well formed (they came by PacketStream). */
export function walkPublishes(
  packets: Buffer,
  layout: Layout,
  visit: (place: PublishPlace, index: number) => void,
): void {
  const place = newPlace();
  for (let at = 0, index = 0; at < packets.length; at = place.end, index++) {
    locate(packets, layout, at, place);
    visit(place, index);
  }
}

/** A place to be filled by `locate`. */
export function newPlace(): PublishPlace {
  return { start: 0, topicAt: 0, topicEnd: 0, idAt: -1, propertiesAt: 0, payloadAt: 0, end: 0 };
}

/** Sum of the application payloads' lengths. */
export function payloadBytesOf(packets: Buffer, layout: Layout): number {
  let bytes = 0;
  walkPublishes(packets, layout, (place) => {
    bytes += place.end - place.payloadAt;
  });
  return bytes;
}

export function locate(packets: Buffer, layout: Layout, at: number, place: PublishPlace): void {
  let body = at + 1;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = packets[body++]!;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  place.start = at;
  place.end = body + length;
  place.topicAt = body + 2;
  place.topicEnd = place.topicAt + ((packets[body]! << 8) | packets[body + 1]!);
  let cursor = place.topicEnd;
  place.idAt = layout.withIds ? cursor : -1;
  if (layout.withIds) cursor += 2;
  place.propertiesAt = cursor;
  place.payloadAt = layout.version === 5 ? afterProperties(packets, cursor) : cursor;
}

function afterProperties(packets: Buffer, at: number): number {
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = packets[at++]!;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return at + length;
  }
}

/** The offset after the first `count` packets. */
export function offsetAfter(packets: Buffer, count: number): number {
  let at = 0;
  for (let i = 0; i < count; i++) {
    let body = at + 1;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = packets[body++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    at = body + length;
  }
  return at;
}

export interface RepackOptions {
  readonly from: Layout;
  readonly to: ProtocolVersion;
  /** First byte of each new packet without its type: duplicate, QoS and retain. */
  readonly flags: number;
  /** Put before each topic. */
  readonly prefix?: Buffer;
  /** The next packet identifier, for QoS 1 and 2. */
  readonly nextId?: () => number;
  /** MQTT 5 properties added in front of the publisher's own (a subscription identifier). */
  readonly added?: Buffer;
}

const emptyProperties = Buffer.from([0]);

/** The same messages in another form. Always a private copy. */
export function repack(packets: Buffer, count: number, options: RepackOptions): Buffer {
  const { from, to, prefix, nextId, added } = options;
  const first = (packetType.publish << 4) | options.flags;
  const extra = (prefix?.length ?? 0) + (added?.length ?? 0) + 10;
  const out = Buffer.allocUnsafe(packets.length + count * extra);
  let at = 0;
  walkPublishes(packets, from, (place) => {
    const topicLength = place.topicEnd - place.topicAt + (prefix?.length ?? 0);
    const payloadLength = place.end - place.payloadAt;
    const own = forwardable(packets, place, to, added);
    const length = 2 + topicLength + (nextId ? 2 : 0) + own.length + payloadLength;
    out[at] = first;
    at = writeVarint(out, at + 1, length);
    out[at] = topicLength >> 8;
    out[at + 1] = topicLength & 0xff;
    at += 2;
    if (prefix) at += prefix.copy(out, at);
    at += packets.copy(out, at, place.topicAt, place.topicEnd);
    if (nextId) {
      const id = nextId();
      out[at] = id >> 8;
      out[at + 1] = id & 0xff;
      at += 2;
    }
    if (own === emptyProperties) out[at++] = 0;
    else at += own.copy(out, at);
    at += packets.copy(out, at, place.payloadAt, place.end);
  });
  return out.subarray(0, at);
}

const nothing = Buffer.alloc(0);

/** The properties section for the new packet: a server forwards all but the hop-by-hop ones. */
function forwardable(
  packets: Buffer,
  place: PublishPlace,
  to: ProtocolVersion,
  added?: Buffer,
): Buffer {
  if (to === 4) return nothing;
  const own = place.payloadAt - place.propertiesAt > 1;
  if (!own && !added) return emptyProperties;
  const inner = own ? innerProperties(packets, place) : nothing;
  const length = inner.length + (added?.length ?? 0);
  const section = Buffer.allocUnsafe(varintLength(length) + length);
  let at = writeVarint(section, 0, length);
  if (added) at += added.copy(section, at);
  inner.copy(section, at);
  return section;
}

/** A packet's properties (version 5) as they stand in it, without their length. */
export function innerProperties(packets: Buffer, place: PublishPlace): Buffer {
  const cursor = new Cursor(packets, place.propertiesAt, place.payloadAt);
  cursor.varint();
  return packets.subarray(cursor.at, place.payloadAt);
}

/** Takes time off the expiry interval that a packet of version 5 tells; below 0 it does not go. */
export function lowerExpiry(packets: Buffer, place: PublishPlace, seconds: number): void {
  const cursor = new Cursor(packets, place.propertiesAt, place.payloadAt);
  cursor.varint();
  while (cursor.left > 0) {
    if (skipProperty(cursor) !== messageExpiry) continue;
    const at = cursor.at - 4;
    packets.writeUInt32BE(Math.max(0, packets.readUInt32BE(at) - seconds), at);
  }
}

/** Message Expiry Interval (§3.3.2.3.3). */
const messageExpiry = 0x02;

/** The properties of one packet in the version 5 form. */
export function propertiesAt(packets: Buffer, place: PublishPlace): Properties {
  if (place.payloadAt - place.propertiesAt <= 1) return {};
  return readProperties(new Cursor(packets, place.propertiesAt, place.payloadAt), "publish");
}

/**
 * What goes on to others as it came must be in order: a subscription identifier must not come from
 * a client [MQTT-3.3.4-6], a response topic has no wildcards [MQTT-3.3.2-14]. Returns what is
 * wrong, or undefined.
 */
export function publisherPropertiesProblem(properties: Properties): string | undefined {
  if (properties.subscriptionId !== undefined) return "a subscription identifier";
  if (/[+#]/.test(properties.responseTopic ?? "")) return "a wildcard in its response topic";
  return undefined;
}

/** A subscription identifier property (§3.8.2.1.2), to be added while repacking. */
export function subscriptionIdProperty(id: number): Buffer {
  const section = encodeProperties({ subscriptionId: id });
  return section.subarray(1);
}
