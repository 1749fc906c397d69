import { objectIn } from "../../kernel/json-object.ts";
import type { MachineReading } from "./sparkplug-host.ts";

/**
 * One metric of a machine as DeviceMeasurement of the Smart Data Models (dataModel.Device) has it,
 * in key-values form. Numbers stand in `numValue`, everything else in `textValue`.
 */
export interface DeviceMeasurement {
  readonly type: "DeviceMeasurement";
  readonly id: string;
  /** The edge node, or the device behind it. */
  readonly refDevice: string;
  /** The metric's name. */
  readonly controlledProperty: string;
  /** ISO 8601, UTC. */
  readonly dateObserved: string;
  readonly numValue?: number;
  /** Text, `true` or `false`, and integers beyond 2⁵³; where both are absent there is no value. */
  readonly textValue?: string;
  /** Stored while the node was offline. */
  readonly isHistorical?: true;
}

function machineName({ group, node, device }: Omit<MachineReading, "metric" | "value">) {
  return [group, node, ...(device === undefined ? [] : [device])].join("/");
}

export function measurementOf(reading: MachineReading): DeviceMeasurement {
  const { metric, value, at, isHistorical } = reading;
  const machine = machineName(reading);
  return {
    type: "DeviceMeasurement",
    id: `urn:ngsi-ld:DeviceMeasurement:${machine}:${metric}`,
    refDevice: `urn:ngsi-ld:Device:${machine}`,
    controlledProperty: metric,
    dateObserved: new Date(at).toISOString(),
    ...valueMembers(value),
    ...(isHistorical ? { isHistorical: true } : {}),
  };
}

function valueMembers(value: MachineReading["value"]): object {
  if (value === null) return {};
  return typeof value === "number" && Number.isFinite(value)
    ? { numValue: value }
    : { textValue: String(value) };
}

/** A message that is one, or undefined. */
export function readMeasurement(payload: Uint8Array): DeviceMeasurement | undefined {
  const said = objectIn(payload);
  if (said === undefined) return undefined;
  const { type, refDevice, controlledProperty, dateObserved } = said;
  if (type !== "DeviceMeasurement" || typeof dateObserved !== "string") return undefined;
  if (typeof refDevice !== "string" || typeof controlledProperty !== "string") return undefined;
  return Number.isNaN(Date.parse(dateObserved))
    ? undefined
    : (said as unknown as DeviceMeasurement);
}
