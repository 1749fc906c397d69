import { malformed, packetType, ProtocolError, reason, type ProtocolVersion } from "./protocol.ts";

/**
 * PUBLISH packets that stand one after the other in memory, alike in their first byte (QoS,
 * retain, duplicate) and topic. What other brokers do per message is done once per run here.
 */
export interface ScannedRun {
  /** The packets as they came. */
  readonly packets: Buffer;
  /** Fixed header byte all of them share. */
  readonly first: number;
  readonly count: number;
  /** Sum of application payload lengths. */
  readonly payloadBytes: number;
  readonly topic: Buffer;
  /** Packet identifiers in order; empty for QoS 0. */
  readonly ids: readonly number[];
  /** Some packet carries MQTT 5 properties. */
  readonly hasProperties: boolean;
}

export interface PacketSink {
  onRun(run: ScannedRun): void;
  /** Any packet but PUBLISH: its fixed header byte and the bytes after the remaining length. */
  onPacket(first: number, body: Buffer): void;
}

const noIds: readonly number[] = [];

const noBytes = Buffer.alloc(0);
const heldFirstBytes = 4096;

/**
 * Cuts a byte stream into packets. Keeps only the unfinished packet at the end of a chunk, in
 * memory that grows with what has come and never with what a header promises.
 */
export class PacketStream {
  /** Set by the sink as soon as CONNECT tells it. */
  version: ProtocolVersion = 4;
  /** A packet with more bytes than this ends the connection. */
  packetBytesMax: number;
  readonly #sink: PacketSink;
  /** The unfinished packet, at the front of a buffer with room, and how long it must get. */
  #held = noBytes;
  #heldBytes = 0;
  #neededBytes = 0;

  constructor(sink: PacketSink, packetBytesMax: number) {
    this.#sink = sink;
    this.packetBytesMax = packetBytesMax;
  }

  /** Bytes held back until the rest of their packet arrives. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Throws ProtocolError where the bytes are no MQTT. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (this.#heldBytes > 0) {
      const missing = this.#neededBytes - this.#heldBytes;
      if (rest.length < missing) {
        if (rest.length > 0) this.#hold(rest);
        return;
      }
      // Only the split packet is copied together; the rest of the chunk is read where it lies.
      this.#hold(rest.subarray(0, missing));
      const joined = this.#held.subarray(0, this.#heldBytes);
      rest = rest.subarray(missing);
      this.#held = noBytes;
      this.#heldBytes = 0;
      this.#read(joined);
    }
    if (rest.length > 0) this.#read(rest);
  }

  #read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      const next = bytes[at]! >> 4 === 3 ? this.#scanRun(bytes, at) : this.#takePacket(bytes, at);
      if (next === at) break;
      at = next;
    }
    if (at === bytes.length) return;
    const header = headerAt(bytes, at);
    const left = bytes.length - at;
    this.#neededBytes = header === 0 ? left + 1 : (header & 7) + (header >>> 3);
    this.#hold(bytes.subarray(at));
  }

  #hold(bytes: Buffer): void {
    const length = this.#heldBytes + bytes.length;
    if (length > this.#held.length) {
      const room = Math.min(this.#neededBytes, Math.max(2 * length, heldFirstBytes));
      const grown = Buffer.allocUnsafe(room);
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldBytes);
    this.#heldBytes = length;
  }

  /** The offset after the packet at `at`, or `at` itself while it is not all here. */
  #takePacket(bytes: Buffer, at: number): number {
    checkFlags(bytes[at]!);
    const header = headerAt(bytes, at);
    if (header === 0) return at;
    const body = at + (header & 7);
    const length = header >>> 3;
    this.#checkSize(length);
    if (body + length > bytes.length) return at;
    this.#sink.onPacket(bytes[at]!, bytes.subarray(body, body + length));
    return body + length;
  }

  #scanRun(bytes: Buffer, start: number): number {
    const first = bytes[start]!;
    const qos = (first >> 1) & 3;
    if (qos === 3) throw malformed("PUBLISH with QoS 3"); // [MQTT-3.3.1-4]
    if (qos === 0 && (first & 8) !== 0) throw malformed("PUBLISH with QoS 0 and DUP"); // [MQTT-3.3.1-2]
    const end = bytes.length;
    const ids: number[] | undefined = qos === 0 ? undefined : [];
    const v5 = this.version === 5;
    let at = start;
    let count = 0;
    let payloadBytes = 0;
    let topicAt = 0;
    let topicLength = -1;
    let hasProperties = false;
    try {
      while (at < end && bytes[at] === first) {
        // Remaining length; the one-byte form is by far the commonest.
        let body = at + 2;
        let length = at + 1 < end ? bytes[at + 1]! : 0x80;
        if (length >= 0x80) {
          const header = headerAt(bytes, at);
          if (header === 0) break;
          body = at + (header & 7);
          length = header >>> 3;
        }
        if (length > this.packetBytesMax) this.#checkSize(length);
        const next = body + length;
        if (next > end) break;
        if (length < 2) throw malformed("PUBLISH without a topic");
        const thisTopic = (bytes[body]! << 8) | bytes[body + 1]!;
        let cursor = body + 2 + thisTopic;
        if (topicLength === -1) {
          topicLength = thisTopic;
          topicAt = body + 2;
        } else if (thisTopic !== topicLength || !sameBytes(bytes, topicAt, body + 2, topicLength)) {
          break;
        }
        let id = 0;
        if (ids !== undefined) {
          if (cursor + 2 > next) throw malformed("PUBLISH without a packet identifier");
          id = (bytes[cursor]! << 8) | bytes[cursor + 1]!;
          if (id === 0) throw new ProtocolError(reason.protocolError, "packet identifier 0"); // [MQTT-2.2.1-3]
          cursor += 2;
        }
        if (v5) {
          if (cursor >= next) throw malformed("PUBLISH without a property length");
          if (bytes[cursor] === 0) cursor++;
          else {
            hasProperties = true;
            cursor = afterProperties(bytes, cursor, next);
          }
        }
        if (cursor > next) throw malformed("PUBLISH ends inside its topic");
        ids?.push(id);
        payloadBytes += next - cursor;
        count++;
        at = next;
      }
    } catch (error) {
      // What came before the bad packet counts; the bad one is looked at again, first in its run.
      if (count === 0) throw error;
    }
    if (count === 0) return start;
    this.#sink.onRun({
      packets: start === 0 && at === end ? bytes : bytes.subarray(start, at),
      first,
      count,
      payloadBytes,
      topic: bytes.subarray(topicAt, topicAt + topicLength),
      ids: ids ?? noIds,
      hasProperties,
    });
    return at;
  }

  #checkSize(length: number): void {
    if (length <= this.packetBytesMax) return;
    throw new ProtocolError(
      reason.packetTooLarge,
      `a packet of ${length} bytes; at most ${this.packetBytesMax} are taken`,
    );
  }
}

/** (remaining length << 3) | bytes of the fixed header; 0 while the header is incomplete. */
function headerAt(bytes: Buffer, at: number): number {
  let length = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return 0;
    length |= (byte & 0x7f) << (7 * (i - 1));
    if (byte >= 0x80) continue;
    if (byte === 0 && i > 1) throw longerThanNeeded(); // [MQTT-1.5.5-1]
    return length * 8 + i + 1;
  }
  throw malformed("the remaining length has more than four bytes");
}

function afterProperties(bytes: Buffer, at: number, end: number): number {
  let length = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i];
    if (byte === undefined || at + i >= end) break;
    length |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      if (byte === 0 && i > 0) throw longerThanNeeded(); // [MQTT-1.5.5-1]
      const after = at + i + 1 + length;
      if (after <= end) return after;
      break;
    }
  }
  throw malformed("the property length passes the packet's end");
}

/** All types but PUBLISH have fixed flags [MQTT-2.1.3-1]; type 0 is reserved. */
function checkFlags(first: number): void {
  const type = first >> 4;
  const flags =
    type === packetType.pubrel || type === packetType.subscribe || type === packetType.unsubscribe
      ? 2
      : 0;
  if (type === 0) throw malformed("packet type 0");
  if ((first & 15) !== flags) throw malformed(`packet type ${type} with wrong flags`);
}

function longerThanNeeded(): ProtocolError {
  return malformed("a variable byte integer is longer than needed");
}

function sameBytes(bytes: Buffer, a: number, b: number, length: number): boolean {
  for (let i = length - 1; i >= 0; i--) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}
