/**
 * Reads a Sparkplug payload field by field, by the numbers of the specification's schema; it shares
 * nothing with the codec under test.
 */
export interface OraclePayload {
  readonly timestamp?: number;
  readonly seq?: number;
  readonly metrics: readonly OracleMetric[];
}

interface OracleMetric {
  readonly name?: string;
  readonly timestamp?: number;
  readonly datatype?: number;
  readonly isNull: boolean;
  /** The unit, and whatever else stands in its set of properties. */
  readonly properties: Readonly<Record<string, string | number | undefined>>;
  readonly value?: number | bigint | boolean | string;
}

type Fields = Map<number, (bigint | Buffer)[]>;

export function readSparkplug(bytes: Uint8Array): OraclePayload {
  const fields = fieldsOf(Buffer.from(bytes));
  const metrics = (fields.get(2) ?? []).map((one) => metricOf(fieldsOf(one as Buffer)));
  return { ...numbers(fields, { timestamp: 1, seq: 3 }), metrics };
}

function metricOf(fields: Fields): OracleMetric {
  const text = (number: number) => (fields.get(number)?.[0] as Buffer | undefined)?.toString();
  const [int, long, float, double, flag] = [10, 11, 12, 13, 14].map((n) => fields.get(n)?.[0]);
  const name = text(1);
  const value =
    (int as bigint | undefined) ??
    (long as bigint | undefined) ??
    (float as Buffer | undefined)?.readFloatLE() ??
    (double as Buffer | undefined)?.readDoubleLE() ??
    (flag === undefined ? text(15) : flag === 1n);
  return {
    ...(name !== undefined && { name }),
    ...numbers(fields, { timestamp: 3, datatype: 4 }),
    isNull: fields.get(7)?.[0] === 1n,
    properties: propertiesOf(fields.get(9)?.[0] as Buffer | undefined),
    ...(value !== undefined && { value }),
  };
}

function propertiesOf(bytes: Buffer | undefined): OracleMetric["properties"] {
  const set = fieldsOf(bytes ?? Buffer.alloc(0));
  const values = (set.get(2) ?? []).map((one) => fieldsOf(one as Buffer));
  const said = values.map((value, at) => [
    String(set.get(1)?.[at]),
    value.get(8)?.[0]?.toString() ?? Number(value.get(3)?.[0]),
  ]);
  return Object.fromEntries(said) as OracleMetric["properties"];
}

function numbers(fields: Fields, names: Readonly<Record<string, number>>): Record<string, number> {
  const found = Object.entries(names).flatMap(([name, number]) => {
    const value = fields.get(number)?.[0];
    return value === undefined ? [] : [[name, Number(value)] as const];
  });
  return Object.fromEntries(found);
}

function fieldsOf(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const tag = Number(varint());
    const wireType = tag & 7;
    const value =
      wireType === 0 ? varint() : take(wireType === 1 ? 8 : wireType === 5 ? 4 : Number(varint()));
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}
