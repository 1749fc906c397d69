/** Packets that no well-behaved codec makes: fields in any order, with any flags. */

/** A control packet: its first byte, the remaining length, and what is in it. */
export function packet(first: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([bytes(first), varint(body.length), body]);
}

export function bytes(...values: readonly number[]): Buffer {
  return Buffer.from(values);
}

export function uint16(value: number): Buffer {
  return bytes(value >> 8, value & 0xff);
}

export function uint32(value: number): Buffer {
  return Buffer.concat([uint16(value >>> 16), uint16(value & 0xffff)]);
}

export function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    out.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Buffer.from(out);
}

/** Two bytes of length, then the text; bytes are taken as they are, well-formed or not. */
export function text(value: string | Uint8Array): Buffer {
  const content = Buffer.from(value);
  return Buffer.concat([uint16(content.length), content]);
}

/** A property length and the properties. */
export function properties(...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([varint(body.length), body]);
}

/** The flags of CONNECT, §3.1.2.3. */
export const connectFlag = {
  reserved: 0x01,
  clean: 0x02,
  will: 0x04,
  willQos1: 0x08,
  willQos2: 0x10,
  willRetain: 0x20,
  password: 0x40,
  username: 0x80,
} as const;

export interface ConnectFields {
  readonly name?: string;
  readonly level?: number;
  readonly properties?: Uint8Array;
}

/** A CONNECT whose flags need not fit what follows them; `level` 5 has properties. */
export function connectBytes(
  level: 4 | 5,
  flags: number,
  payload: readonly Uint8Array[],
  more: ConnectFields = {},
): Buffer {
  return packet(
    0x10,
    text(more.name ?? "MQTT"),
    bytes(more.level ?? level, flags),
    uint16(0),
    ...(level === 5 ? [more.properties ?? bytes(0)] : []),
    ...payload,
  );
}

/** PUBLISH of QoS 0 without a payload, with these properties. */
export function publishBytes(topic: string, ...parts: readonly Uint8Array[]): Buffer {
  return packet(0x30, text(topic), properties(...parts));
}
