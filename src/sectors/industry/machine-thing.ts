import { datatype } from "../../wire/sparkplug-datatype.ts";
import type { DescribedProperty, DescribedThing } from "../sector.ts";
import { levelOf } from "../sector.ts";
import { levelsOf, ucumOf, urnOf } from "./device-measurement.ts";
import type { KnownMetric } from "./sparkplug-host.ts";
import type { SparkplugTopic } from "./sparkplug-topic.ts";

/** What a birth names is what the machine can be asked for: each metric is a property of it. */
export function machineThing(
  topic: SparkplugTopic,
  metrics: readonly KnownMetric[],
): DescribedThing {
  const below = levelsOf(topic);
  const measured = metrics.map((metric): [string, DescribedProperty] => [
    metric.name,
    { topic: `${below}/${levelOf(metric.name)}`, schema: schemaOf(metric) },
  ]);
  const state = { topic: `${below}/${stateLevel}`, schema: stateSchema };
  const properties = Object.fromEntries([...measured, [stateLevel, state]]);
  const { group, node, device } = topic;
  const title = device === undefined ? `${node} (${group})` : `${device} (${group}/${node})`;
  return { id: urnOf(topic), title, properties };
}

/** No metric's level: a `$` at the beginning of a name is percent-encoded. */
export const stateLevel = "$state";

const time = { type: "string", format: "date-time" };
const stateSchema = {
  ...{ title: "Whether it is there", type: "object", required: ["deviceState", "dateObserved"] },
  properties: { deviceState: { type: "string", enum: ["online", "offline"] }, dateObserved: time },
};

/** A DeviceMeasurement's members that carry the value; where it has none both are absent. */
function schemaOf({ name: title, datatype: type, unit }: KnownMetric) {
  const isWhole = type >= datatype.int8 && type <= datatype.uint32;
  const isLong = type === datatype.int64 || type === datatype.uint64 || type === datatype.dateTime;
  const isNumber = isWhole || isLong || type === datatype.float || type === datatype.double;
  const numValue = {
    type: isWhole || isLong ? "integer" : "number",
    ...(unit !== undefined && { unit: ucumOf(unit) }),
  };
  const textValue =
    type === datatype.boolean ? { type: "string", enum: ["true", "false"] } : { type: "string" };
  const properties = {
    ...(isNumber && { numValue }),
    // what a double would not hold is text
    ...((!isNumber || isLong) && { textValue }),
    dateObserved: time,
  };
  return { title, type: "object", required: ["dateObserved"], properties };
}
