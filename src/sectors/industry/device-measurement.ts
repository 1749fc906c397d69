/**
 * What industry says on topics, in the Smart Data Models' words (dataModel.Device, key-values): a
 * DeviceMeasurement for each value of a metric, a Device for who is there.
 */
import { objectIn } from "../../kernel/json-object.ts";
import { datatypeNames } from "../../wire/sparkplug-datatype.ts";
import { unitOf } from "../../wire/units/codes.ts";
import { levelOf } from "../sector.ts";
import type { MachineReading, Quality } from "./sparkplug-host.ts";
import type { SparkplugTopic } from "./sparkplug-topic.ts";

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
  /** UCUM where it is known, else as the machine writes it. */
  readonly unit?: string;
  /** Absent: it is good; not of the model. */
  readonly quality?: Exclude<Quality, "good">;
  /** Sparkplug's name of its datatype (§6.4.16); not of the model. */
  readonly datatype?: string;
  /** Stored while the node was offline; not of the model. */
  readonly isHistorical?: true;
}

/** Whether an edge node, or a device behind it, is there. */
export interface DevicePresence {
  readonly type: "Device";
  readonly id: string;
  readonly deviceState: "online" | "offline";
  /** ISO 8601, UTC. */
  readonly dateObserved: string;
}

type Machine = Omit<SparkplugTopic, "type">;

const deviceUrn = "urn:ngsi-ld:Device:";

export function measurementOf(reading: MachineReading): DeviceMeasurement {
  const { metric, value, at, unit, quality, isHistorical } = reading;
  const machine = encodedName(reading);
  return {
    type: "DeviceMeasurement",
    id: `urn:ngsi-ld:DeviceMeasurement:${machine}:${encodeURIComponent(metric)}`,
    refDevice: urnOf(reading),
    controlledProperty: metric,
    dateObserved: new Date(at).toISOString(),
    ...valueMembers(value),
    ...(unit !== undefined && { unit: ucumOf(unit) }),
    ...(quality !== "good" && { quality }),
    datatype: datatypeNames[reading.datatype] ?? "Unknown",
    ...(isHistorical && { isHistorical }),
  };
}

export function presenceOf(machine: Machine, isOnline: boolean, at: number): DevicePresence {
  return {
    type: "Device",
    id: urnOf(machine),
    deviceState: isOnline ? "online" : "offline",
    dateObserved: new Date(at).toISOString(),
  };
}

/** `group/node[/device]`, as levels of a topic. */
export function levelsOf(machine: Machine): string {
  return namesOf(machine).map(levelOf).join("/");
}

/** The Thing's id. */
export function urnOf(machine: Machine): string {
  return `${deviceUrn}${encodedName(machine)}`;
}

function encodedName(machine: Machine): string {
  return namesOf(machine).map(encodeURIComponent).join("/");
}

function namesOf({ group, node, device }: Machine): string[] {
  return [group, node, ...(device === undefined ? [] : [device])];
}

export function ucumOf(unit: string): string {
  return unitOf(unit)?.unit.code ?? unit;
}

function valueMembers(value: MachineReading["value"]): object {
  if (value === null) return {};
  return typeof value === "number" ? { numValue: value } : { textValue: String(value) };
}

/** What was read of a message, with whom it is about and when, in milliseconds since the epoch. */
export type MachineMessage = (DeviceMeasurement | DevicePresence) & {
  /** `group/node[/device]`; none of these names has a slash (Sparkplug 3.0 §4.1). */
  readonly machine: string;
  readonly at: number;
};

const textLengthMax = 1_000;

/** Undefined where it is neither of the two, or not whole. */
export function readMachineMessage(payload: Uint8Array): MachineMessage | undefined {
  const said = objectIn(payload);
  if (said === undefined) return undefined;
  const { type, id, refDevice, dateObserved, deviceState } = said;
  const machine = machineIn(type === "Device" ? id : refDevice);
  const at = typeof dateObserved === "string" ? Date.parse(dateObserved) : Number.NaN;
  if (Number.isNaN(at) || machine === undefined) return undefined;
  const isPresence = type === "Device" && (deviceState === "online" || deviceState === "offline");
  if (!isPresence && !isMeasurement(said)) return undefined;
  const message = said as unknown as DeviceMeasurement | DevicePresence;
  return { ...message, machine, at };
}

function machineIn(urn: unknown): string | undefined {
  if (typeof urn !== "string" || !urn.startsWith(deviceUrn)) return undefined;
  if (urn.length > textLengthMax) return undefined;
  try {
    return decodeURIComponent(urn.slice(deviceUrn.length));
  } catch {
    return undefined;
  }
}

function isMeasurement(said: Readonly<Record<string, unknown>>): boolean {
  const { type, controlledProperty: name, numValue = 0, textValue = "" } = said;
  if (type !== "DeviceMeasurement" || typeof name !== "string" || name === "") return false;
  const isValue = Number.isFinite(numValue) && typeof textValue === "string";
  const about = [name, said["datatype"] ?? "", said["unit"] ?? "", said["quality"] ?? ""];
  return isValue && about.every((one) => typeof one === "string" && one.length <= textLengthMax);
}
