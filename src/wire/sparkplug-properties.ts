/**
 * What a Sparkplug metric says of itself beside its value (Sparkplug 3.0 §6.4.8): its quality, and
 * whatever its maker adds, such as the unit. Numbers and texts are read; sets in sets are not.
 */
import { optional, ProtobufError, repeated, table } from "./protobuf/message.ts";
import { datatype } from "./sparkplug-datatype.ts";

export type MetricProperties = Readonly<Record<string, string | number>>;

/** Values of the property `Quality` (tck-id-payloads-propertyset-quality-value-value). */
export const qualities = { bad: 0, good: 192, stale: 500 } as const;

export interface WireProperties {
  readonly keys: readonly string[];
  readonly values: readonly WireProperty[];
}

interface WireProperty {
  readonly type?: number;
  readonly int?: number;
  readonly string?: string;
}

const propertyTable = table<WireProperty>("PropertyValue", {
  type: optional(1, "uint32"),
  int: optional(3, "uint32"),
  string: optional(8, "string"),
});

export const propertiesTable = table<WireProperties>("PropertySet", {
  keys: repeated(1, "string"),
  values: repeated(2, () => propertyTable),
});

export function propertiesOf({ keys, values }: WireProperties): MetricProperties {
  // tck-id-payloads-propertyset-keys-array-size
  if (keys.length !== values.length) {
    throw new ProtobufError(`${keys.length} properties have ${values.length} values`);
  }
  const said = values.flatMap((one, at): [string, string | number][] => {
    const value = valueOf(one);
    return value === undefined ? [] : [[keys[at]!, value]];
  });
  return Object.fromEntries(said);
}

/** What is signed comes in two's complement, as in a metric. */
function valueOf({ type, int, string }: WireProperty): string | number | undefined {
  if (string !== undefined || int === undefined) return string;
  return type === datatype.uint32 ? int : int | 0;
}

export function wireProperties(properties: MetricProperties): WireProperties {
  const values = Object.values(properties).map((value): WireProperty => {
    return typeof value === "string"
      ? { type: datatype.string, string: value }
      : { type: datatype.int32, int: value >>> 0 };
  });
  return { keys: Object.keys(properties), values };
}
