import type { Clock } from "../../kernel/clock.ts";
import { encodeSparkplug, type Metric, rawOf } from "../../wire/sparkplug-b.ts";
import { datatype, datatypeNames } from "../../wire/sparkplug-datatype.ts";
import { qualities } from "../../wire/sparkplug-properties.ts";
import type { Composer, FollowedMessage } from "../sector.ts";
import { type DeviceMeasurement, readMachineMessage } from "./device-measurement.ts";

/** Fewer than a payload may have, with those of the session. */
const metricsMax = 10_000;

interface Kept {
  readonly metric: Metric;
  readonly machine: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/**
 * Sparkplug B out: a birth certificate (Sparkplug 3.0 §6.4.19) with the last value of every metric,
 * named `group/node[/device]/metric`, so that a stream that was bought is one edge node's metrics.
 * What belongs to a node or device that is no longer there is left out.
 */
export class SparkplugComposer implements Composer {
  readonly #clock: Clock;
  /** By name, the longest unheard of first. */
  readonly #kept = new Map<string, Kept>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  take({ payload }: FollowedMessage): void {
    const message = readMachineMessage(payload);
    if (message?.type === "Device") {
      if (message.deviceState === "offline") this.#forget(message.machine);
    } else if (message !== undefined && message.isHistorical !== true) {
      this.#keep(message, message.machine, message.at);
    }
  }

  compose(): Uint8Array {
    const timestamp = this.#clock.now();
    const metrics = [...this.#kept.values()].map(({ metric }) => metric);
    return encodeSparkplug({
      timestamp,
      seq: 0,
      metrics: [...ofTheSession(timestamp), ...metrics],
    });
  }

  #keep(measured: DeviceMeasurement, machine: string, at: number): void {
    const name = `${machine}/${measured.controlledProperty}`;
    const before = this.#kept.get(name);
    if (before !== undefined && before.at > at) return;
    const metric = metricOf(measured, name, at);
    if (metric === undefined) return;
    this.#kept.delete(name);
    this.#kept.set(name, { metric, machine, at });
    if (this.#kept.size > metricsMax) this.#kept.delete(this.#kept.keys().next().value!);
  }

  /** Of a node that goes each device is told to be gone as well. */
  #forget(gone: string): void {
    for (const [name, { machine }] of this.#kept) if (machine === gone) this.#kept.delete(name);
  }
}

/** §6.4.19: a birth has both. */
function ofTheSession(timestamp: number): readonly Metric[] {
  return [
    { name: "bdSeq", timestamp, datatype: datatype.int64, raw: { as: "long", value: 0n } },
    {
      ...{ name: "Node Control/Rebirth", timestamp, datatype: datatype.boolean },
      raw: { as: "boolean", value: false },
    },
  ];
}

/** Undefined where its datatype cannot hold its value, or its time is before there was any. */
function metricOf(measured: DeviceMeasurement, name: string, timestamp: number) {
  if (timestamp < 0) return undefined;
  const { numValue, textValue } = measured;
  const value = numValue ?? textValue;
  const other = numValue === undefined ? datatype.string : datatype.double;
  const known = datatypeNames.indexOf(measured.datatype ?? "");
  const type = known > 0 ? known : other;
  const about = { name, timestamp, datatype: type, ...propertiesOf(measured) };
  if (value === undefined) return { ...about, isNull: true };
  const raw = rawOf(type === datatype.boolean ? value === "true" : value, type);
  return raw && { ...about, raw };
}

function propertiesOf({ unit, quality }: DeviceMeasurement): Pick<Metric, "properties"> {
  if (unit === undefined && quality === undefined) return {};
  const properties = {
    ...(unit !== undefined && { engUnit: unit }),
    ...(quality !== undefined && { Quality: qualities[quality] ?? qualities.bad }),
  };
  return { properties };
}
