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

type Form = "flag" | "uint16" | "uint32" | "varint" | "text" | "binary" | "pair";

/** Where properties stand; acknowledgement: PUBACK, PUBREC, PUBREL, PUBCOMP. */
export type PropertyPlace =
  | "connect"
  | "connack"
  | "will"
  | "publish"
  | "acknowledgement"
  | "subscribe"
  | "suback"
  | "unsubscribe"
  | "disconnect";

interface Known {
  readonly id: number;
  readonly name: keyof Properties;
  readonly form: Form;
  readonly places: readonly PropertyPlace[];
}

const message = ["publish", "will"] as const;
const greeting = ["connect", "connack"] as const;
const answers = ["connack", "acknowledgement", "suback", "disconnect"] as const;
const anywhere = ["connect", "will", "publish", "subscribe", "unsubscribe", ...answers] as const;

/** Table 2-4 of §2.2.2.2. */
const known: readonly Known[] = [
  { id: 0x01, name: "payloadFormat", form: "flag", places: message },
  { id: 0x02, name: "messageExpirySeconds", form: "uint32", places: message },
  { id: 0x03, name: "contentType", form: "text", places: message },
  { id: 0x08, name: "responseTopic", form: "text", places: message },
  { id: 0x09, name: "correlationData", form: "binary", places: message },
  { id: 0x0b, name: "subscriptionId", form: "varint", places: ["publish", "subscribe"] },
  { id: 0x11, name: "sessionExpirySeconds", form: "uint32", places: [...greeting, "disconnect"] },
  { id: 0x12, name: "assignedClientId", form: "text", places: ["connack"] },
  { id: 0x13, name: "serverKeepAlive", form: "uint16", places: ["connack"] },
  { id: 0x15, name: "authenticationMethod", form: "text", places: greeting },
  { id: 0x16, name: "authenticationData", form: "binary", places: greeting },
  { id: 0x17, name: "requestProblemInformation", form: "flag", places: ["connect"] },
  { id: 0x18, name: "willDelaySeconds", form: "uint32", places: ["will"] },
  { id: 0x19, name: "requestResponseInformation", form: "flag", places: ["connect"] },
  { id: 0x1a, name: "responseInformation", form: "text", places: ["connack"] },
  { id: 0x1c, name: "serverReference", form: "text", places: ["connack", "disconnect"] },
  { id: 0x1f, name: "reasonString", form: "text", places: answers },
  { id: 0x21, name: "receiveMaximum", form: "uint16", places: greeting },
  { id: 0x22, name: "topicAliasMaximum", form: "uint16", places: greeting },
  { id: 0x23, name: "topicAlias", form: "uint16", places: ["publish"] },
  { id: 0x24, name: "maximumQos", form: "flag", places: ["connack"] },
  { id: 0x25, name: "retainAvailable", form: "flag", places: ["connack"] },
  { id: 0x26, name: "userProperties", form: "pair", places: anywhere },
  { id: 0x27, name: "maximumPacketSize", form: "uint32", places: greeting },
  { id: 0x28, name: "wildcardAvailable", form: "flag", places: ["connack"] },
  { id: 0x29, name: "subscriptionIdsAvailable", form: "flag", places: ["connack"] },
  { id: 0x2a, name: "sharedAvailable", form: "flag", places: ["connack"] },
];

const byId = new Map(known.map((property) => [property.id, property]));

/** Zero says nothing that these could mean, and is a protocol error (§3.1.2.11, §3.8.2.1.2). */
const neverZero: ReadonlySet<keyof Properties> = new Set([
  "receiveMaximum",
  "maximumPacketSize",
  "subscriptionId",
  "topicAlias",
]);

/** Reads a property length and the properties it spans, all of which must belong there. */
export function readProperties(cursor: Cursor, place: PropertyPlace): Properties {
  const length = cursor.varint();
  if (length > cursor.left) throw malformed("the property length passes the packet's end");
  const inner = new Cursor(cursor.buffer, cursor.at, cursor.at + length);
  cursor.at += length;
  const properties: Properties = {};
  while (inner.left > 0) {
    const id = inner.varint();
    const property = byId.get(id);
    if (property === undefined) throw malformed(`there is no property 0x${id.toString(16)}`);
    if (!property.places.includes(place)) {
      throw new ProtocolError(reason.protocolError, `${property.name} does not belong there`);
    }
    if (property.form === "pair") {
      (properties.userProperties ??= []).push([inner.text(), inner.text()]);
      continue;
    }
    if (properties[property.name] !== undefined) {
      throw new ProtocolError(reason.protocolError, `${property.name} appears twice`);
    }
    const value = readValue(inner, property.form);
    if (value === 0 && neverZero.has(property.name)) {
      throw new ProtocolError(reason.protocolError, `${property.name} is 0`);
    }
    Object.assign(properties, { [property.name]: value });
  }
  return properties;
}

/** Passes one property by, whatever it is, and returns its identifier; they were read before. */
export function skipProperty(cursor: Cursor): number {
  const id = cursor.varint();
  const { form } = byId.get(id) ?? {};
  if (form === undefined) throw malformed(`there is no property 0x${id.toString(16)}`);
  if (form !== "pair") readValue(cursor, form);
  else for (let i = 0; i < 2; i++) cursor.binary();
  return id;
}

function readValue(cursor: Cursor, form: Exclude<Form, "pair">): number | string | Buffer {
  switch (form) {
    case "flag":
      return flag(cursor.byte());
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

function flag(value: number): number {
  if (value <= 1) return value;
  throw new ProtocolError(reason.protocolError, `a property that is 0 or 1 has the value ${value}`);
}

/** The property length and the properties, as they stand in a packet. */
export function encodeProperties(properties: Properties): Buffer {
  const parts: Buffer[] = [];
  for (const { id, name, form } of known) {
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
  const widths = { flag: 1, uint16: 2, uint32: 4, text: 0, binary: 0 };
  const bytes = Buffer.alloc(form === "varint" ? varintLength(value) : widths[form]);
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
