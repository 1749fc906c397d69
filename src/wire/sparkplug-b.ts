/**
 * Sparkplug B payloads (ISO/IEC 20237; Sparkplug 3.0 §6.4): Protocol Buffers ↔ metrics. Field
 * numbers are those of the specification's schema. 64-bit values are bigint, where 2⁵³ would not
 * hold them.
 */
import { decode, encode, optional, ProtobufError, repeated, table } from "./protobuf/message.ts";
import { datatype } from "./sparkplug-datatype.ts";
import {
  type MetricProperties,
  propertiesOf,
  propertiesTable,
  type WireProperties,
  wireProperties,
} from "./sparkplug-properties.ts";

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
  /** §6.4.8 */
  readonly properties?: MetricProperties;
  /** As it was carried: `valueAs` reads it by its datatype. Data sets and templates are left out. */
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

export const payloadBytesMax = 4_194_304;
export const metricsMax = 20_000;

/** Says what is wrong with the bytes; nothing of a payload that is not whole is taken. */
export class SparkplugInvalid extends Error {}

/** A metric as the schema has it: its value is one of seven fields. */
interface WireMetric {
  readonly name?: string;
  readonly alias?: bigint;
  readonly timestamp?: bigint;
  readonly datatype?: number;
  readonly isHistorical?: boolean;
  readonly isTransient?: boolean;
  readonly isNull?: boolean;
  readonly properties?: WireProperties;
  readonly int?: number;
  readonly long?: bigint;
  readonly float?: number;
  readonly double?: number;
  readonly boolean?: boolean;
  readonly string?: string;
  readonly bytes?: Uint8Array;
}

interface WirePayload {
  readonly timestamp?: bigint;
  readonly metrics: readonly WireMetric[];
  readonly seq?: bigint;
}

const metricTable = table<WireMetric>("Metric", {
  name: optional(1, "string"),
  alias: optional(2, "uint64"),
  timestamp: optional(3, "uint64"),
  datatype: optional(4, "uint32"),
  isHistorical: optional(5, "bool"),
  isTransient: optional(6, "bool"),
  isNull: optional(7, "bool"),
  properties: optional(9, () => propertiesTable),
  int: optional(10, "uint32"),
  long: optional(11, "uint64"),
  float: optional(12, "float"),
  double: optional(13, "double"),
  boolean: optional(14, "bool"),
  string: optional(15, "string"),
  bytes: optional(16, "bytes"),
});

const payloadTable = table<WirePayload>("Payload", {
  timestamp: optional(1, "uint64"),
  metrics: repeated(2, () => metricTable),
  seq: optional(3, "uint64"),
});

/** Metrics in the payload, their sets of properties, and the properties in these. */
const limits = { depthMax: 3, messagesMax: 10 * metricsMax };

export function decodeSparkplug(bytes: Uint8Array): SparkplugPayload {
  if (bytes.length > payloadBytesMax) {
    throw new SparkplugInvalid(`${bytes.length} bytes, and at most ${payloadBytesMax} are read`);
  }
  try {
    return payloadOf(decode(payloadTable, bytes, limits));
  } catch (thrown) {
    if (!(thrown instanceof ProtobufError)) throw thrown;
    throw new SparkplugInvalid(`no Sparkplug B payload: ${thrown.message}`);
  }
}

function payloadOf({ timestamp, seq, metrics }: WirePayload): SparkplugPayload {
  if (seq !== undefined && seq > 255n) {
    throw new SparkplugInvalid(`its sequence number is ${seq}`);
  }
  if (metrics.length > metricsMax) throw new SparkplugInvalid(`it has over ${metricsMax} metrics`);
  return {
    metrics: metrics.map(metricOf),
    ...(timestamp !== undefined && { timestamp: Number(timestamp) }),
    ...(seq !== undefined && { seq: Number(seq) }),
  };
}

const carriers = ["int", "long", "float", "double", "boolean", "string", "bytes"] as const;

function metricOf({ timestamp, properties, ...wire }: WireMetric): Metric {
  const as = carriers.find((one) => wire[one] !== undefined);
  const raw = as === undefined ? {} : { raw: { as, value: wire[as]! } };
  const plain: { -readonly [Key in keyof typeof wire]: (typeof wire)[Key] } = wire;
  for (const one of carriers) delete plain[one];
  return {
    ...plain,
    ...(timestamp !== undefined && { timestamp: Number(timestamp) }),
    ...(properties !== undefined && { properties: propertiesOf(properties) }),
    ...raw,
  };
}

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

/** By datatype: how many bits an integer has, negative where it is signed. */
const bitsOf: Readonly<Record<number, number>> = {
  ...{ [datatype.int8]: -8, [datatype.int16]: -16, [datatype.int32]: -32, [datatype.int64]: -64 },
  ...{ [datatype.uint8]: 8, [datatype.uint16]: 16, [datatype.uint32]: 32, [datatype.uint64]: 64 },
  [datatype.dateTime]: 64,
};

/**
 * What carries the value under the datatype. Integers may be decimal text, as JSON has the large
 * ones. Undefined where the datatype cannot hold the value, and for bytes.
 */
export function rawOf(value: number | boolean | string, type: number): RawValue | undefined {
  const bits = bitsOf[type];
  if (bits !== undefined) return integerOf(value, bits);
  switch (type) {
    case datatype.float:
    case datatype.double: {
      if (typeof value !== "number") return undefined;
      return { as: type === datatype.float ? "float" : "double", value };
    }
    case datatype.boolean:
      return typeof value === "boolean" ? { as: "boolean", value } : undefined;
    case datatype.string:
    case datatype.text:
    case datatype.uuid:
      return typeof value === "string" ? { as: "string", value } : undefined;
    default:
      return undefined;
  }
}

function integerOf(value: number | boolean | string, bits: number): RawValue | undefined {
  if (typeof value === "boolean") return undefined;
  if (typeof value === "number" ? !Number.isInteger(value) : !/^-?\d{1,20}$/.test(value)) {
    return undefined;
  }
  const whole = BigInt(value);
  const [width, fits] =
    bits < 0 ? [-bits, BigInt.asIntN(-bits, whole)] : [bits, BigInt.asUintN(bits, whole)];
  if (fits !== whole) return undefined;
  return width === 64
    ? { as: "long", value: BigInt.asUintN(64, whole) }
    : { as: "int", value: Number(BigInt.asUintN(32, whole)) };
}

function safe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function encodeSparkplug({ timestamp, seq, metrics }: SparkplugPayload): Uint8Array {
  return encode(payloadTable, {
    metrics: metrics.map(wireOf),
    ...(timestamp !== undefined && { timestamp: BigInt(timestamp) }),
    ...(seq !== undefined && { seq: BigInt(seq) }),
  });
}

function wireOf({ raw, timestamp, properties, ...plain }: Metric): WireMetric {
  return {
    ...plain,
    ...(timestamp !== undefined && { timestamp: BigInt(timestamp) }),
    ...(properties !== undefined && { properties: wireProperties(properties) }),
    ...(raw !== undefined && { [raw.as]: unsigned(raw) }),
  };
}

/** What is signed is carried in two's complement (§6.4.17). */
function unsigned({ as, value }: RawValue): MetricValue {
  if (as === "int") return Number(value) >>> 0;
  return as === "long" ? BigInt.asUintN(64, value as bigint) : value;
}
