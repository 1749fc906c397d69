import { Cursor } from "./cursor.ts";
import { malformed, ProtocolError, reason, type ProtocolVersion } from "./protocol.ts";
import { readProperties, type Properties } from "./properties.ts";

export interface Connect {
  readonly version: ProtocolVersion;
  readonly clientId: string;
  readonly cleanStart: boolean;
  readonly keepAliveSeconds: number;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  readonly properties: Properties;
  readonly will: Will | undefined;
}

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly properties: Properties;
}

export interface SubscriptionRequest {
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 0: send retained, 1: only for a new subscription, 2: never. */
  readonly retainHandling: 0 | 1 | 2;
}

export interface Subscribe {
  readonly id: number;
  readonly properties: Properties;
  readonly requests: readonly SubscriptionRequest[];
}

/** Acknowledgements PUBACK, PUBREC, PUBREL, PUBCOMP. */
export interface Acknowledgement {
  readonly id: number;
  readonly reasonCode: number;
}

/** CONNECT, §3.1. Throws with unsupportedVersion for other protocols than 3.1.1 and 5.0. */
export function decodeConnect(body: Buffer): Connect {
  const cursor = new Cursor(body);
  const name = cursor.text();
  const level = cursor.byte();
  if (name !== "MQTT") throw new ProtocolError(reason.unsupportedVersion, "not MQTT"); // [MQTT-3.1.2-1]
  if (level !== 4 && level !== 5) {
    throw new ProtocolError(reason.unsupportedVersion, `protocol level ${level}`); // [MQTT-3.1.2-2]
  }
  const flags = cursor.byte();
  if ((flags & 1) !== 0) throw malformed("CONNECT with its reserved flag set"); // [MQTT-3.1.2-3]
  const keepAliveSeconds = cursor.uint16();
  const properties = level === 5 ? readProperties(cursor, "connect") : {};
  if (properties.authenticationData && properties.authenticationMethod === undefined) {
    // §3.1.2.11.10
    throw new ProtocolError(reason.protocolError, "authentication data without a method");
  }
  const clientId = cursor.text();
  const will = decodeWill(cursor, flags, level);
  const hasName = (flags & 0x80) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  if (level === 4 && hasPassword && !hasName) throw malformed("password without user name"); // [MQTT-3.1.2-22]
  const username = hasName ? cursor.text() : undefined;
  const password = hasPassword ? cursor.binary() : undefined;
  if (cursor.left > 0) throw malformed("CONNECT has bytes after its payload");
  const cleanStart = (flags & 2) !== 0;
  return {
    version: level,
    clientId,
    cleanStart,
    keepAliveSeconds,
    username,
    password,
    properties,
    will,
  };
}

function decodeWill(cursor: Cursor, flags: number, level: ProtocolVersion): Will | undefined {
  const qos = (flags >> 3) & 3;
  if ((flags & 4) === 0) {
    if ((flags & 0x38) !== 0) throw malformed("will flags without a will"); // [MQTT-3.1.2-11]
    return undefined;
  }
  if (qos === 3) throw malformed("will with QoS 3"); // [MQTT-3.1.2-12]
  const properties = level === 5 ? readProperties(cursor, "will") : {};
  const topic = cursor.text();
  const payload = Buffer.from(cursor.binary());
  return { topic, payload, qos: qos as 0 | 1 | 2, retain: (flags & 0x20) !== 0, properties };
}

/** SUBSCRIBE, §3.8. */
export function decodeSubscribe(body: Buffer, version: ProtocolVersion): Subscribe {
  const cursor = new Cursor(body);
  const id = packetId(cursor);
  const properties = version === 5 ? readProperties(cursor, "subscribe") : {};
  const requests: SubscriptionRequest[] = [];
  while (cursor.left > 0) {
    const filter = cursor.text();
    const options = cursor.byte();
    const qos = options & 3;
    const retainHandling = (options >> 4) & 3;
    if (qos === 3 || retainHandling === 3) throw malformed("SUBSCRIBE with a reserved option");
    if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0) {
      throw malformed("SUBSCRIBE with reserved bits set"); // [MQTT-3.8.3-5]
    }
    const noLocal = (options & 4) !== 0;
    if (noLocal && filter.startsWith("$share/")) {
      throw new ProtocolError(reason.protocolError, "no-local on a shared subscription"); // [MQTT-3.8.3-4]
    }
    requests.push({
      filter,
      qos: qos as 0 | 1 | 2,
      noLocal,
      retainAsPublished: (options & 8) !== 0,
      retainHandling: retainHandling as 0 | 1 | 2,
    });
  }
  if (requests.length === 0) throw new ProtocolError(reason.protocolError, "SUBSCRIBE is empty"); // [MQTT-3.8.3-2]
  return { id, properties, requests };
}

/** UNSUBSCRIBE, §3.10. */
export function decodeUnsubscribe(
  body: Buffer,
  version: ProtocolVersion,
): { readonly id: number; readonly filters: readonly string[] } {
  const cursor = new Cursor(body);
  const id = packetId(cursor);
  if (version === 5) readProperties(cursor, "unsubscribe");
  const filters: string[] = [];
  while (cursor.left > 0) filters.push(cursor.text());
  if (filters.length === 0) throw new ProtocolError(reason.protocolError, "UNSUBSCRIBE is empty"); // [MQTT-3.10.3-2]
  return { id, filters };
}

export function decodeAcknowledgement(body: Buffer, version: ProtocolVersion): Acknowledgement {
  const cursor = new Cursor(body);
  const id = packetId(cursor);
  // A reason code of success may be left out (§3.4.2.1).
  const reasonCode = version === 5 && cursor.left > 0 ? cursor.byte() : reason.success;
  if (version === 5 && cursor.left > 0) readProperties(cursor, "acknowledgement");
  if (cursor.left > 0) throw malformed("an acknowledgement has bytes after its content");
  return { id, reasonCode };
}

export function decodeDisconnect(
  body: Buffer,
  version: ProtocolVersion,
): { readonly reasonCode: number; readonly properties: Properties } {
  if (body.length === 0) return { reasonCode: 0, properties: {} };
  if (version === 4) throw malformed("DISCONNECT with content");
  const cursor = new Cursor(body);
  const reasonCode = cursor.byte();
  const properties = cursor.left > 0 ? readProperties(cursor, "disconnect") : {};
  if (cursor.left > 0) throw malformed("DISCONNECT has bytes after its content");
  return { reasonCode, properties };
}

export function decodeConnack(
  body: Buffer,
  version: ProtocolVersion,
): {
  readonly sessionPresent: boolean;
  readonly reasonCode: number;
  readonly properties: Properties;
} {
  const cursor = new Cursor(body);
  const sessionPresent = (cursor.byte() & 1) === 1;
  const reasonCode = cursor.byte();
  const properties = version === 5 && cursor.left > 0 ? readProperties(cursor, "connack") : {};
  return { sessionPresent, reasonCode, properties };
}

/** SUBACK and UNSUBACK: the reason code of each filter, in order. */
export function decodeSuback(
  body: Buffer,
  version: ProtocolVersion,
): {
  readonly id: number;
  readonly reasonCodes: readonly number[];
  readonly properties: Properties;
} {
  const cursor = new Cursor(body);
  const id = packetId(cursor);
  const properties = version === 5 ? readProperties(cursor, "suback") : {};
  return { id, properties, reasonCodes: [...cursor.buffer.subarray(cursor.at, cursor.end)] };
}

function packetId(cursor: Cursor): number {
  const id = cursor.uint16();
  if (id === 0) throw new ProtocolError(reason.protocolError, "packet identifier 0"); // [MQTT-2.2.1-3]
  return id;
}
