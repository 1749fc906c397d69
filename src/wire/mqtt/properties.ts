import { Cursor, varintLength, writeVarint } from "./cursor.ts";
import { malformed, ProtocolError, reason } from "./protocol.ts";

/** MQTT 5.0 §2.2.2.2. Properties this implementation never reads are still checked for form. */
export interface Properties {
  payloadFormat?: number;
  messageExpirySeconds?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Buffer;
  subscriptionId?: number;
  sessionExpirySeconds?: number;
  assignedClientId?: string;
  serverKeepAlive?: number;
  authenticationMethod?: string;
  authenticationData?: Buffer;
  requestProblemInformation?: number;
  willDelaySeconds?: number;
  requestResponseInformation?: number;
  responseInformation?: string;
  serverReference?: string;
  reasonString?: string;
  receiveMaximum?: number;
  topicAliasMaximum?: number;
  topicAlias?: number;
  maximumQos?: number;
  retainAvailable?: number;
  userProperties?: [string, string][];
  maximumPacketSize?: number;
  wildcardAvailable?: number;
  subscriptionIdsAvailable?: number;
  sharedAvailable?: number;
}

type Form = "byte" | "uint16" | "uint32" | "varint" | "text" | "binary" | "pair";

const known: readonly (readonly [id: number, name: keyof Properties, form: Form])[] = [
  [0x01, "payloadFormat", "byte"],
  [0x02, "messageExpirySeconds", "uint32"],
  [0x03, "contentType", "text"],
  [0x08, "responseTopic", "text"],
  [0x09, "correlationData", "binary"],
  [0x0b, "subscriptionId", "varint"],
  [0x11, "sessionExpirySeconds", "uint32"],
  [0x12, "assignedClientId", "text"],
  [0x13, "serverKeepAlive", "uint16"],
  [0x15, "authenticationMethod", "text"],
  [0x16, "authenticationData", "binary"],
  [0x17, "requestProblemInformation", "byte"],
  [0x18, "willDelaySeconds", "uint32"],
  [0x19, "requestResponseInformation", "byte"],
  [0x1a, "responseInformation", "text"],
  [0x1c, "serverReference", "text"],
  [0x1f, "reasonString", "text"],
  [0x21, "receiveMaximum", "uint16"],
  [0x22, "topicAliasMaximum", "uint16"],
  [0x23, "topicAlias", "uint16"],
  [0x24, "maximumQos", "byte"],
  [0x25, "retainAvailable", "byte"],
  [0x26, "userProperties", "pair"],
  [0x27, "maximumPacketSize", "uint32"],
  [0x28, "wildcardAvailable", "byte"],
  [0x29, "subscriptionIdsAvailable", "byte"],
  [0x2a, "sharedAvailable", "byte"],
];

const byId = new Map(known.map(([id, name, form]) => [id, { name, form }]));

/** Reads a property length and the properties it spans. */
export function readProperties(cursor: Cursor): Properties {
  const length = cursor.varint();
  if (length > cursor.left) throw malformed("the property length passes the packet's end");
  const inner = new Cursor(cursor.buffer, cursor.at, cursor.at + length);
  cursor.at += length;
  const properties: Properties = {};
  while (inner.left > 0) {
    const id = inner.varint();
    const property = byId.get(id);
    if (property === undefined) throw malformed(`there is no property 0x${id.toString(16)}`);
    if (property.form === "pair") {
      (properties.userProperties ??= []).push([inner.text(), inner.text()]);
      continue;
    }
    if (properties[property.name] !== undefined) {
      throw new ProtocolError(reason.protocolError, `${property.name} appears twice`);
    }
    Object.assign(properties, { [property.name]: readValue(inner, property.form) });
  }
  return properties;
}

function readValue(cursor: Cursor, form: Exclude<Form, "pair">): number | string | Buffer {
  switch (form) {
    case "byte":
      return cursor.byte();
    case "uint16":
      return cursor.uint16();
    case "uint32":
      return cursor.uint32();
    case "varint":
      return cursor.varint();
    case "text":
      return cursor.text();
    case "binary":
      return cursor.binary();
  }
}

/** The property length and the properties, as they stand in a packet. */
export function encodeProperties(properties: Properties): Buffer {
  const parts: Buffer[] = [];
  for (const [id, name, form] of known) {
    const value = properties[name];
    if (value === undefined) continue;
    if (form === "pair") {
      for (const [key, text] of properties.userProperties ?? []) {
        parts.push(Buffer.from([id]), prefixed(Buffer.from(key)), prefixed(Buffer.from(text)));
      }
    } else {
      parts.push(Buffer.from([id]), encodeValue(form, value as number | string | Buffer));
    }
  }
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(varintLength(body.length));
  writeVarint(length, 0, body.length);
  return Buffer.concat([length, body]);
}

function encodeValue(form: Exclude<Form, "pair">, value: number | string | Buffer): Buffer {
  if (typeof value === "string") return prefixed(Buffer.from(value));
  if (typeof value !== "number") return prefixed(value);
  const width = { byte: 1, uint16: 2, uint32: 4, varint: varintLength(value), text: 0, binary: 0 };
  const bytes = Buffer.alloc(width[form]);
  if (form === "varint") writeVarint(bytes, 0, value);
  else bytes.writeUIntBE(value, 0, bytes.length);
  return bytes;
}

/** Two bytes of length, then the bytes (§1.5.4, §1.5.6). */
export function prefixed(bytes: Uint8Array): Buffer {
  if (bytes.length > 0xffff)
    throw new RangeError("a string or binary field has at most 65,535 bytes");
  const out = Buffer.allocUnsafe(2 + bytes.length);
  out.writeUInt16BE(bytes.length, 0);
  out.set(bytes, 2);
  return out;
}
