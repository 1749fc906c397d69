/**
 * Sparkplug B payloads (ISO/IEC 20237; Sparkplug 3.0 §6.4): Protocol Buffers ↔ metrics. Field
 * numbers are those of the specification's schema. 64-bit values are bigint, where 2⁵³ would not
 * hold them.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

export type MetricValue = number | bigint | boolean | string | Uint8Array;

export interface Metric {
  /** Absent where the alias stands for it. */
  readonly name?: string;
  readonly alias?: bigint;
  /** Milliseconds since the Unix epoch. */
  readonly timestamp?: number;
  /** §6.4.16; data messages may leave it out, then it is the birth's. */
  readonly datatype?: number;
  readonly isHistorical?: boolean;
  readonly isTransient?: boolean;
  readonly isNull?: boolean;
  /** As it was carried: `valueAs` reads it. Data sets and templates are left out. */
  readonly raw?: RawValue;
}

export interface RawValue {
  readonly as: "int" | "long" | "float" | "double" | "boolean" | "string" | "bytes";
  readonly value: MetricValue;
}

export interface SparkplugPayload {
  readonly timestamp?: number;
  /** 0 to 255. */
  readonly seq?: number;
  readonly metrics: readonly Metric[];
}

/** §6.4.16 */
export const datatype = {
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  uint8: 5,
  uint16: 6,
  uint32: 7,
  uint64: 8,
  float: 9,
  double: 10,
  boolean: 11,
  string: 12,
  dateTime: 13,
  text: 14,
  uuid: 15,
  bytes: 17,
  file: 18,
} as const;

export const payloadBytesMax = 4_194_304;
export const metricsMax = 20_000;

/** Says what is wrong with the bytes; nothing of a payload that is not whole is taken. */
export class SparkplugInvalid extends Error {}

export function decodeSparkplug(bytes: Uint8Array): SparkplugPayload {
  if (bytes.length > payloadBytesMax) {
    throw new SparkplugInvalid(`${bytes.length} bytes, and at most ${payloadBytesMax} are read`);
  }
  try {
    return readPayload(new BinaryReader(bytes));
  } catch (thrown) {
    if (thrown instanceof SparkplugInvalid) throw thrown;
    throw new SparkplugInvalid(`no Sparkplug B payload: ${(thrown as Error).message}`);
  }
}

function readPayload(reader: BinaryReader): SparkplugPayload {
  let timestamp: number | undefined;
  let seq: number | undefined;
  const metrics: Metric[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1 && wireType === WireType.Varint) timestamp = Number(reader.uint64());
    else if (field === 2 && wireType === WireType.LengthDelimited) {
      if (metrics.length >= metricsMax) throw new SparkplugInvalid(`over ${metricsMax} metrics`);
      metrics.push(readMetric(new BinaryReader(reader.bytes())));
    } else if (field === 3 && wireType === WireType.Varint) seq = Number(reader.uint64());
    else reader.skip(wireType, field);
  }
  if (seq !== undefined && seq > 255) throw new SparkplugInvalid(`its sequence number is ${seq}`);
  return {
    metrics,
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(seq === undefined ? {} : { seq }),
  };
}

function readMetric(reader: BinaryReader): Metric {
  const metric: { -readonly [Key in keyof Metric]: Metric[Key] } = {};
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType !== wireTypes[field]) reader.skip(wireType, field);
    else if (field === 1) metric.name = reader.string();
    else if (field === 2) metric.alias = BigInt(reader.uint64());
    else if (field === 3) metric.timestamp = Number(reader.uint64());
    else if (field === 4) metric.datatype = reader.uint32();
    else if (field === 5) metric.isHistorical = reader.bool();
    else if (field === 6) metric.isTransient = reader.bool();
    else if (field === 7) metric.isNull = reader.bool();
    else if (field === 10) metric.raw = { as: "int", value: reader.uint32() };
    else if (field === 11) metric.raw = { as: "long", value: BigInt(reader.uint64()) };
    else if (field === 12) metric.raw = { as: "float", value: reader.float() };
    else if (field === 13) metric.raw = { as: "double", value: reader.double() };
    else if (field === 14) metric.raw = { as: "boolean", value: reader.bool() };
    else if (field === 15) metric.raw = { as: "string", value: reader.string() };
    else metric.raw = { as: "bytes", value: reader.bytes() };
  }
  return metric;
}

const { Varint, LengthDelimited, Bit32, Bit64 } = WireType;
const wireTypes: Readonly<Record<number, WireType>> = {
  ...{ 1: LengthDelimited, 2: Varint, 3: Varint, 4: Varint, 5: Varint, 6: Varint, 7: Varint },
  ...{ 10: Varint, 11: Varint, 12: Bit32, 13: Bit64, 14: Varint },
  ...{ 15: LengthDelimited, 16: LengthDelimited },
};

/**
 * The value by its datatype: what is signed comes in two's complement (§6.4.17). A 64-bit integer
 * is a number where it is safe. Undefined where what was carried does not fit the datatype.
 */
export function valueAs(raw: RawValue, type: number): MetricValue | undefined {
  const { as, value } = raw;
  switch (type) {
    case datatype.int8:
    case datatype.int16:
    case datatype.int32:
      return typeof value === "number" && as === "int" ? value | 0 : undefined;
    case datatype.uint8:
    case datatype.uint16:
    case datatype.uint32:
      // some implementations carry 32 bits in the long field
      return as === "int" || as === "long" ? Number(value) : undefined;
    case datatype.int64:
      return typeof value === "bigint" ? safe(BigInt.asIntN(64, value)) : undefined;
    case datatype.uint64:
    case datatype.dateTime:
      return typeof value === "bigint" ? safe(value) : undefined;
    case datatype.float:
    case datatype.double:
      return as === "float" || as === "double" ? value : undefined;
    case datatype.boolean:
      return as === "boolean" ? value : undefined;
    case datatype.string:
    case datatype.text:
    case datatype.uuid:
      return as === "string" ? value : undefined;
    case datatype.bytes:
    case datatype.file:
      return as === "bytes" ? value : undefined;
    default:
      return undefined;
  }
}

function safe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function encodeSparkplug({ timestamp, seq, metrics }: SparkplugPayload): Uint8Array {
  const writer = new BinaryWriter();
  if (timestamp !== undefined) writer.tag(1, Varint).uint64(timestamp);
  for (const metric of metrics) writer.tag(2, LengthDelimited).bytes(encodeMetric(metric));
  if (seq !== undefined) writer.tag(3, Varint).uint64(seq);
  return writer.finish();
}

function encodeMetric(metric: Metric): Uint8Array {
  const writer = new BinaryWriter();
  if (metric.name !== undefined) writer.tag(1, LengthDelimited).string(metric.name);
  if (metric.alias !== undefined) writer.tag(2, Varint).uint64(metric.alias);
  if (metric.timestamp !== undefined) writer.tag(3, Varint).uint64(metric.timestamp);
  if (metric.datatype !== undefined) writer.tag(4, Varint).uint32(metric.datatype);
  if (metric.isHistorical === true) writer.tag(5, Varint).bool(true);
  if (metric.isTransient === true) writer.tag(6, Varint).bool(true);
  if (metric.isNull === true) writer.tag(7, Varint).bool(true);
  if (metric.raw !== undefined) writeValue(writer, metric.raw);
  return writer.finish();
}

function writeValue(writer: BinaryWriter, { as, value }: RawValue): void {
  switch (as) {
    case "int":
      writer.tag(10, Varint).uint32(Number(value) >>> 0);
      return;
    case "long":
      writer.tag(11, Varint).uint64(BigInt.asUintN(64, value as bigint));
      return;
    case "float":
      writer.tag(12, Bit32).float(Number(value));
      return;
    case "double":
      writer.tag(13, Bit64).double(Number(value));
      return;
    case "boolean":
      writer.tag(14, Varint).bool(value === true);
      return;
    case "string":
      writer.tag(15, LengthDelimited).string(String(value));
      return;
    case "bytes":
      writer.tag(16, LengthDelimited).bytes(value as Uint8Array);
      return;
    default:
      as satisfies never;
  }
}
