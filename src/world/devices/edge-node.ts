import { decodeSparkplug, encodeSparkplug } from "../../wire/sparkplug-b.ts";
import { datatype } from "../../wire/sparkplug-datatype.ts";
import type { Metric, RawValue } from "../../wire/sparkplug-b.ts";
import type { SimClock } from "../sim-clock.ts";
import type { Device, Emission } from "./device.ts";

/** A device behind the edge node: what it measures, by the metrics' names. */
export interface EdgeDevice {
  readonly name: string;
  read(): Readonly<Record<string, number | boolean>>;
}

export interface EdgeNodeOptions {
  readonly name: string;
  readonly title: string;
  /** Sparkplug's group and the node's id in it. */
  readonly group: string;
  readonly node: string;
  readonly everyMs: number;
  readonly clock: SimClock;
  readonly devices: readonly EdgeDevice[];
  /** Where the node's source publishes what it reads. */
  readonly readBelow: string;
}

type Values = ReturnType<EdgeDevice["read"]>;

const rebirthMetric = "Node Control/Rebirth";

/**
 * A Sparkplug B edge node (ISO/IEC 20237): its births name what data carry by alias alone, data
 * tell only what changed, a will tells its death, and it is born again when a host asks for it.
 */
export function edgeNode(options: EdgeNodeOptions): Device {
  const { name, title, group, node, everyMs, clock, devices, readBelow } = options;
  const told = new Map<string, Values>();
  let session: "down" | "unborn" | "born" = "unborn";
  let bdSeq = 0;
  let seq = 0;

  const topicOf = (type: string, device?: string): string =>
    `spBv1.0/${group}/${type}/${node}${device === undefined ? "" : `/${device}`}`;
  const below = (...levels: readonly string[]): string =>
    [readBelow, group, node, ...levels].join("/");

  function emission(
    topic: string,
    metrics: readonly Metric[],
    becomes: readonly string[],
  ): Emission {
    const data = encodeSparkplug({ timestamp: Math.floor(clock.now()), seq, metrics });
    seq = (seq + 1) % 256;
    return { topic, data, becomes };
  }

  function births(readings: ReadonlyMap<EdgeDevice, Values>): Emission[] {
    seq = 0;
    const rebirth = { name: rebirthMetric, datatype: datatype.boolean, raw: rawOf(false) };
    const node = [bdSeqMetric(bdSeq), rebirth];
    const born = [...readings].map(([device, values]) => {
      told.set(device.name, values);
      const metrics = Object.entries(values).map(([metric, value], alias): Metric => {
        const type = typeof value === "boolean" ? datatype.boolean : datatype.double;
        return { name: metric, alias: BigInt(alias), datatype: type, raw: rawOf(value) };
      });
      const names = ["$state", ...Object.keys(values)];
      return { device, metrics, becomes: names.map((one) => below(device.name, one)) };
    });
    return [
      emission(topicOf("NBIRTH"), node, [below("$state")]),
      ...born.map((one) => emission(topicOf("DBIRTH", one.device.name), one.metrics, one.becomes)),
    ];
  }

  /** What changed, by alias. */
  function data(device: EdgeDevice, values: Values): Emission[] {
    const before = told.get(device.name) ?? {};
    told.set(device.name, values);
    const changed = Object.entries(values).flatMap(([metric, value], alias) =>
      value === before[metric] ? [] : [{ metric, alias: BigInt(alias), raw: rawOf(value) }],
    );
    if (changed.length === 0) return [];
    return [
      emission(
        topicOf("DDATA", device.name),
        changed.map(({ alias, raw }): Metric => ({ alias, raw })),
        changed.map(({ metric }) => below(device.name, metric)),
      ),
    ];
  }

  return {
    name,
    title,
    kind: "edge node",
    publish: [`spBv1.0/${group}/+/${node}/#`],
    everyMs,
    tick() {
      const readings = new Map(devices.map((device) => [device, device.read()]));
      if (session === "down") return [];
      if (session === "born") return [...readings].flatMap((reading) => data(...reading));
      session = "born";
      return births(readings);
    },
    // Sparkplug 3.0 §5.4: each CONNECT has a will with the number that the next birth has
    will() {
      bdSeq = (bdSeq + 1) % 256;
      session = "down";
      const payload = encodeSparkplug({
        timestamp: Math.floor(clock.now()),
        metrics: [bdSeqMetric(bdSeq)],
      });
      return { topic: topicOf("NDEATH"), payload };
    },
    connected() {
      session = "unborn";
    },
    obeys: {
      filter: topicOf("NCMD"),
      command: () => {},
      take(payload) {
        const { metrics } = decodeSparkplug(payload);
        const isAsked = metrics.some(
          (one) => one.name === rebirthMetric && one.raw?.value === true,
        );
        if (isAsked && session === "born") session = "unborn";
      },
    },
  };
}

function bdSeqMetric(value: number): Metric {
  const raw = { as: "long", value: BigInt(value) } as const;
  return { name: "bdSeq", datatype: datatype.int64, raw };
}

function rawOf(value: number | boolean): RawValue {
  return typeof value === "boolean" ? { as: "boolean", value } : { as: "double", value };
}
