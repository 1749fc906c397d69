import { datatype } from "../../wire/sparkplug-b.ts";
import type { DescribedProperty, DescribedThing } from "../sector.ts";
import { levelOf } from "../sector.ts";
import { levelsOf, urnOf } from "./device-measurement.ts";
import type { SparkplugTopic } from "./sparkplug-topic.ts";

/** What a birth names is what the machine can be asked for: each metric is a property of it. */
export function machineThing(
  topic: SparkplugTopic,
  metrics: readonly { readonly name: string; readonly datatype: number }[],
): DescribedThing {
  const below = levelsOf(topic);
  const measured = metrics.map(({ name, datatype: type }): [string, DescribedProperty] => [
    name,
    { topic: `${below}/${levelOf(name)}`, schema: schemaOf(name, type) },
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
function schemaOf(title: string, type: number) {
  const isWhole = type >= datatype.int8 && type <= datatype.uint32;
  const isLong = type === datatype.int64 || type === datatype.uint64 || type === datatype.dateTime;
  const isNumber = isWhole || isLong || type === datatype.float || type === datatype.double;
  const numValue = { type: isWhole || isLong ? "integer" : "number" };
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
