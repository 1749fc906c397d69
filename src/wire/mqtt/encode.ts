import { varintLength, writeVarint } from "./cursor.ts";
import { packetType, type ProtocolVersion } from "./protocol.ts";
import { encodeProperties, prefixed, type Properties } from "./properties.ts";
import type { SubscriptionRequest, Will } from "./decode.ts";

export interface ConnectFields {
  readonly clientId: string;
  readonly cleanStart: boolean;
  readonly keepAliveSeconds: number;
  readonly username?: string;
  readonly password?: string;
  readonly properties?: Properties;
  readonly will?: Will;
}

function packet(first: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const out = Buffer.allocUnsafe(1 + varintLength(length) + length);
  out[0] = first;
  let at = writeVarint(out, 1, length);
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

const nothing = Buffer.alloc(0);

function propertiesFor(version: ProtocolVersion, properties: Properties = {}): Buffer {
  return version === 5 ? encodeProperties(properties) : nothing;
}

export function encodeConnect(version: ProtocolVersion, fields: ConnectFields): Buffer {
  const { will, username, password } = fields;
  const flags =
    (fields.cleanStart ? 2 : 0) |
    (will === undefined ? 0 : 4 | (will.qos << 3) | (will.retain ? 0x20 : 0)) |
    (password === undefined ? 0 : 0x40) |
    (username === undefined ? 0 : 0x80);
  const parts: Uint8Array[] = [
    prefixed(Buffer.from("MQTT")),
    Buffer.from([version, flags]),
    uint16(fields.keepAliveSeconds),
    propertiesFor(version, fields.properties),
    prefixed(Buffer.from(fields.clientId)),
  ];
  if (will !== undefined) {
    parts.push(propertiesFor(version, will.properties));
    parts.push(prefixed(Buffer.from(will.topic)), prefixed(will.payload));
  }
  if (username !== undefined) parts.push(prefixed(Buffer.from(username)));
  if (password !== undefined) parts.push(prefixed(Buffer.from(password)));
  return packet(packetType.connect << 4, ...parts);
}

/** 3.1.1 knows only return codes 0–5 (§3.2.2.3 there); 5.0's codes are mapped to the nearest. */
export function encodeConnack(
  version: ProtocolVersion,
  sessionPresent: boolean,
  reasonCode: number,
  properties: Properties = {},
): Buffer {
  const code =
    version === 5 ? reasonCode : (returnCodes.get(reasonCode) ?? (reasonCode === 0 ? 0 : 3));
  const present = sessionPresent && reasonCode === 0 ? 1 : 0; // [MQTT-3.2.2-6]
  return packet(
    packetType.connack << 4,
    Buffer.from([present, code]),
    propertiesFor(version, properties),
  );
}

const returnCodes = new Map([
  [0x84, 1],
  [0x85, 2],
  [0x88, 3],
  [0x86, 4],
  [0x87, 5],
]);

export function encodeSubscribe(
  version: ProtocolVersion,
  id: number,
  requests: readonly (Pick<SubscriptionRequest, "filter" | "qos"> & Partial<SubscriptionRequest>)[],
  properties: Properties = {},
): Buffer {
  const parts = requests.flatMap((request) => {
    const options =
      version === 5
        ? request.qos |
          (request.noLocal === true ? 4 : 0) |
          (request.retainAsPublished === true ? 8 : 0) |
          ((request.retainHandling ?? 0) << 4)
        : request.qos;
    return [prefixed(Buffer.from(request.filter)), Buffer.from([options])];
  });
  return packet(
    (packetType.subscribe << 4) | 2,
    uint16(id),
    propertiesFor(version, properties),
    ...parts,
  );
}

export function encodeSuback(
  version: ProtocolVersion,
  id: number,
  reasonCodes: readonly number[],
  properties: Properties = {},
): Buffer {
  // 3.1.1 has one failure code, 0x80 [MQTT-3.9.3-2].
  const codes =
    version === 5 ? reasonCodes : reasonCodes.map((code) => (code >= 0x80 ? 0x80 : code));
  return packet(
    packetType.suback << 4,
    uint16(id),
    propertiesFor(version, properties),
    Buffer.from(codes),
  );
}

export function encodeUnsubscribe(
  version: ProtocolVersion,
  id: number,
  filters: readonly string[],
): Buffer {
  const parts = filters.map((filter) => prefixed(Buffer.from(filter)));
  return packet((packetType.unsubscribe << 4) | 2, uint16(id), propertiesFor(version), ...parts);
}

export function encodeUnsuback(
  version: ProtocolVersion,
  id: number,
  reasonCodes: readonly number[],
): Buffer {
  if (version === 4) return packet(packetType.unsuback << 4, uint16(id));
  return packet(packetType.unsuback << 4, uint16(id), propertiesFor(5), Buffer.from(reasonCodes));
}

/** PUBACKs of success for many packets, in order, as one buffer. */
export function encodePubacks(ids: readonly number[]): Buffer {
  return encodeAcknowledgements(packetType.puback, 4, ids);
}

/** Acknowledgements in order, as one buffer; each is `reasonCode << 16 | id`. */
export function encodeAcknowledgements(
  type: number,
  version: ProtocolVersion,
  answers: readonly number[],
): Buffer {
  const out = Buffer.allocUnsafe(answers.length * 5);
  let at = 0;
  for (const answer of answers) {
    const reasonCode = version === 5 ? answer >>> 16 : 0;
    out[at] = type << 4;
    out[at + 1] = reasonCode === 0 ? 2 : 3;
    out[at + 2] = (answer >> 8) & 0xff;
    out[at + 3] = answer & 0xff;
    at += 4;
    if (reasonCode !== 0) out[at++] = reasonCode;
  }
  return out.subarray(0, at);
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP for one packet. */
export function encodeAcknowledgement(
  version: ProtocolVersion,
  type: number,
  id: number,
  reasonCode = 0,
): Buffer {
  const first = (type << 4) | (type === packetType.pubrel ? 2 : 0);
  if (version === 4 || reasonCode === 0) return packet(first, uint16(id));
  return packet(first, uint16(id), Buffer.from([reasonCode]));
}

export const pingreq = Buffer.from([packetType.pingreq << 4, 0]);
export const pingresp = Buffer.from([packetType.pingresp << 4, 0]);

export function encodeDisconnect(
  version: ProtocolVersion,
  reasonCode: number,
  properties: Properties = {},
): Buffer {
  if (version === 4) return packet(packetType.disconnect << 4);
  return packet(
    packetType.disconnect << 4,
    Buffer.from([reasonCode]),
    encodeProperties(properties),
  );
}

export interface PublishFields {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly duplicate?: boolean;
  /** Present exactly when qos > 0 [MQTT-2.2.1-2]. */
  readonly id?: number;
  readonly properties?: Properties;
}

export function encodePublish(version: ProtocolVersion, fields: PublishFields): Buffer {
  const qos = fields.qos ?? 0;
  const first =
    (packetType.publish << 4) |
    (fields.duplicate === true ? 8 : 0) |
    (qos << 1) |
    (fields.retain === true ? 1 : 0);
  return packet(
    first,
    prefixed(Buffer.from(fields.topic)),
    qos === 0 ? nothing : uint16(fields.id ?? 0),
    propertiesFor(version, fields.properties),
    fields.payload,
  );
}
