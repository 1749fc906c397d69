import {
  decodeSparkplug,
  type Metric,
  type MetricValue,
  SparkplugInvalid,
  type SparkplugPayload,
  valueAs,
} from "../../wire/sparkplug-b.ts";

/** What a Sparkplug topic says (Sparkplug 3.0 §4.1). */
export interface SparkplugTopic {
  readonly group: string;
  readonly type: MessageType;
  readonly node: string;
  readonly device?: string;
}

export type MessageType = "NBIRTH" | "NDATA" | "NDEATH" | "DBIRTH" | "DDATA" | "DDEATH";

/** One metric of an edge node or a device of it, as it stands. */
export interface MachineReading {
  readonly group: string;
  readonly node: string;
  readonly device?: string;
  readonly metric: string;
  /** Null where the machine says that it has none. */
  readonly value: Exclude<MetricValue, Uint8Array> | null;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Stored while the node was offline: no state of now. */
  readonly isHistorical: boolean;
}

export type SparkplugProblem =
  | "payload"
  | "before-birth"
  | "unknown-alias"
  | "sequence-gap"
  | "sequence-repeated"
  | "no-sequence"
  | "value"
  | "too-many";

export interface SparkplugListener {
  reading(reading: MachineReading): void;
  /** A node or one of its devices is there, or is no longer: what it said last is stale. */
  status(about: Omit<SparkplugTopic, "type">, isOnline: boolean, at: number): void;
  /** The node is to send its births again (§6.4.5.2: a Node Control/Rebirth command). */
  rebirth(about: { readonly group: string; readonly node: string }): void;
  problem(problem: SparkplugProblem, topic: SparkplugTopic): void;
}

export interface SparkplugLimits {
  readonly nodesMax: number;
  /** Names of all nodes and devices together. */
  readonly metricsMax: number;
  /** Between two requests for a rebirth of one node. */
  readonly rebirthMsMin: number;
}

const sparkplugLimits: SparkplugLimits = {
  nodesMax: 10_000,
  metricsMax: 1_000_000,
  rebirthMsMin: 10_000,
};

interface KnownMetric {
  readonly name: string;
  readonly datatype: number;
}

/** What a birth said: data messages carry aliases alone. */
interface Birth {
  readonly byAlias: Map<bigint, KnownMetric>;
  readonly byName: Map<string, KnownMetric>;
}

interface EdgeNode {
  /** Absent: it has died, or was not born while we listened. */
  birth?: Birth;
  readonly devices: Map<string, Birth>;
  seq: number | undefined;
  bdSeq: number | bigint | undefined;
  rebirthAskedAt: number;
}

/**
 * A host application's state of all edge nodes (Sparkplug 3.0 §5): births make the tables that data
 * is read by, deaths make them stale, and every message of a node counts on from the one before.
 * What cannot be trusted is counted, and the node is asked to be born again.
 */
export class SparkplugHost {
  readonly #listener: SparkplugListener;
  readonly #limits: SparkplugLimits;
  readonly #nodes = new Map<string, EdgeNode>();
  #metrics = 0;

  constructor(listener: SparkplugListener, limits: Partial<SparkplugLimits> = {}) {
    this.#listener = listener;
    this.#limits = { ...sparkplugLimits, ...limits };
  }

  /** `now`: milliseconds since the Unix epoch. Topics of other namespaces are none of ours. */
  receive(topicName: string, bytes: Uint8Array, now: number): void {
    const topic = readSparkplugTopic(topicName);
    if (topic === undefined) return;
    let payload: SparkplugPayload;
    try {
      payload = decodeSparkplug(bytes);
    } catch (thrown) {
      if (!(thrown instanceof SparkplugInvalid)) throw thrown;
      this.#listener.problem("payload", topic);
      return;
    }
    this.#take(topic, payload, now);
  }

  #take(topic: SparkplugTopic, payload: SparkplugPayload, now: number): void {
    const node = this.#nodeOf(topic);
    if (node === undefined) return;
    switch (topic.type) {
      case "NBIRTH":
        this.#born(topic, node, payload, now);
        return;
      case "NDEATH":
        this.#died(topic, node, payload, now);
        return;
      case "DBIRTH":
        this.#deviceBorn(topic, node, payload, now);
        return;
      case "DDEATH":
        this.#deviceDied(topic, node, payload, now);
        return;
      case "NDATA":
      case "DDATA":
        this.#data(topic, node, payload, now);
        return;
      default:
        topic.type satisfies never;
    }
  }

  #nodeOf(topic: SparkplugTopic): EdgeNode | undefined {
    const key = JSON.stringify([topic.group, topic.node]);
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    if (this.#nodes.size >= this.#limits.nodesMax) {
      this.#listener.problem("too-many", topic);
      return undefined;
    }
    const devices = new Map<string, Birth>();
    const bdSeq = undefined;
    const node: EdgeNode = { devices, seq: undefined, bdSeq, rebirthAskedAt: Number.NaN };
    this.#nodes.set(key, node);
    return node;
  }

  #born(topic: SparkplugTopic, node: EdgeNode, payload: SparkplugPayload, now: number): void {
    this.#forgetNode(node);
    const birth = this.#tableOf(topic, payload);
    if (birth === undefined) return;
    node.birth = birth;
    node.seq = payload.seq ?? 0;
    const bdSeq = payload.metrics.find(({ name }) => name === "bdSeq")?.raw?.value;
    node.bdSeq = typeof bdSeq === "bigint" || typeof bdSeq === "number" ? bdSeq : undefined;
    this.#listener.status(about(topic), true, payload.timestamp ?? now);
    this.#read(topic, birth, payload, now);
  }

  /** A will that comes late belongs to a connection that has been followed by another (§5.7). */
  #died(topic: SparkplugTopic, node: EdgeNode, payload: SparkplugPayload, now: number): void {
    const bdSeq = payload.metrics.find(({ name }) => name === "bdSeq")?.raw?.value;
    const isOfNow = bdSeq === undefined || node.bdSeq === undefined || bdSeq == node.bdSeq;
    if (node.birth === undefined || !isOfNow) return;
    const { group, node: name } = topic;
    for (const device of node.devices.keys()) {
      this.#listener.status({ group, node: name, device }, false, now);
    }
    this.#forgetNode(node);
    this.#listener.status({ group, node: name }, false, now);
  }

  #deviceBorn(topic: SparkplugTopic, node: EdgeNode, payload: SparkplugPayload, now: number): void {
    if (!this.#goesOn(topic, node, payload, now)) return;
    this.#forgetDevice(node, topic.device!);
    const birth = this.#tableOf(topic, payload);
    if (birth === undefined) return;
    node.devices.set(topic.device!, birth);
    this.#listener.status(about(topic), true, payload.timestamp ?? now);
    this.#read(topic, birth, payload, now);
  }

  #deviceDied(topic: SparkplugTopic, node: EdgeNode, payload: SparkplugPayload, now: number): void {
    if (!this.#goesOn(topic, node, payload, now)) return;
    if (!node.devices.has(topic.device!)) return;
    this.#forgetDevice(node, topic.device!);
    this.#listener.status(about(topic), false, payload.timestamp ?? now);
  }

  #data(topic: SparkplugTopic, node: EdgeNode, payload: SparkplugPayload, now: number): void {
    if (!this.#goesOn(topic, node, payload, now)) return;
    const birth = topic.device === undefined ? node.birth : node.devices.get(topic.device);
    if (birth === undefined) {
      this.#doubt("before-birth", topic, node, now);
      return;
    }
    this.#read(topic, birth, payload, now);
  }

  /**
   * Every message of a node and its devices has the next number, 255 is followed by 0 (§6.4.5). A
   * number that comes again is the same message again; after a gap what comes is still read, for it
   * says what it says, and the births are asked for.
   */
  #goesOn(topic: SparkplugTopic, node: EdgeNode, { seq }: SparkplugPayload, now: number): boolean {
    if (node.birth === undefined) {
      this.#doubt("before-birth", topic, node, now);
      return false;
    }
    if (seq === undefined) {
      this.#listener.problem("no-sequence", topic);
      return false;
    }
    if (seq === node.seq) {
      this.#listener.problem("sequence-repeated", topic);
      return false;
    }
    if (node.seq !== undefined && seq !== (node.seq + 1) % 256) {
      this.#doubt("sequence-gap", topic, node, now);
    }
    node.seq = seq;
    return true;
  }

  #doubt(problem: SparkplugProblem, topic: SparkplugTopic, node: EdgeNode, now: number): void {
    this.#listener.problem(problem, topic);
    if (now - node.rebirthAskedAt < this.#limits.rebirthMsMin) return;
    node.rebirthAskedAt = now;
    this.#listener.rebirth({ group: topic.group, node: topic.node });
  }

  #tableOf(topic: SparkplugTopic, payload: SparkplugPayload): Birth | undefined {
    if (this.#metrics + payload.metrics.length > this.#limits.metricsMax) {
      this.#listener.problem("too-many", topic);
      return undefined;
    }
    const birth: Birth = { byAlias: new Map(), byName: new Map() };
    for (const { name, alias, datatype } of payload.metrics) {
      if (name === undefined || datatype === undefined) continue;
      const known = { name, datatype };
      birth.byName.set(name, known);
      if (alias !== undefined) birth.byAlias.set(alias, known);
    }
    this.#metrics += birth.byName.size;
    return birth;
  }

  #read(topic: SparkplugTopic, birth: Birth, payload: SparkplugPayload, now: number): void {
    const { group, node, device } = topic;
    let isAliasUnknown = false;
    for (const metric of payload.metrics) {
      const known = knownAs(birth, metric);
      if (known === undefined) {
        isAliasUnknown = true;
        continue;
      }
      const value = valueOf(metric, known);
      if (value === undefined) {
        this.#listener.problem("value", topic);
        continue;
      }
      this.#listener.reading({
        ...{ group, node, metric: known.name, value },
        ...(device === undefined ? {} : { device }),
        at: metric.timestamp ?? payload.timestamp ?? now,
        isHistorical: metric.isHistorical === true,
      });
    }
    const owner = this.#nodeOf(topic);
    if (isAliasUnknown && owner !== undefined) this.#doubt("unknown-alias", topic, owner, now);
  }

  #forgetNode(node: EdgeNode): void {
    this.#metrics -= node.birth?.byName.size ?? 0;
    delete node.birth;
    for (const device of [...node.devices.keys()]) this.#forgetDevice(node, device);
    node.seq = undefined;
  }

  #forgetDevice(node: EdgeNode, device: string): void {
    this.#metrics -= node.devices.get(device)?.byName.size ?? 0;
    node.devices.delete(device);
  }
}

/** `spBv1.0/group/TYPE/node[/device]`; commands and states of hosts are not ours to read. */
export function readSparkplugTopic(topic: string): SparkplugTopic | undefined {
  const [namespace, group, type, node, device, ...more] = topic.split("/");
  if (namespace !== "spBv1.0" || more.length > 0 || !group || !node) return undefined;
  if (!isMessageType(type) || (type.startsWith("D") && !device)) return undefined;
  // seen in the field: a device's data under the node's type
  return { group, type, node, ...(device ? { device } : {}) };
}

const messageTypes: ReadonlySet<string> = new Set<MessageType>([
  ...(["NBIRTH", "NDATA", "NDEATH"] as const),
  ...(["DBIRTH", "DDATA", "DDEATH"] as const),
]);

function isMessageType(type: string | undefined): type is MessageType {
  return type !== undefined && messageTypes.has(type);
}

function about({ group, node, device }: SparkplugTopic): Omit<SparkplugTopic, "type"> {
  return { group, node, ...(device === undefined ? {} : { device }) };
}

function knownAs({ byAlias, byName }: Birth, { name, alias }: Metric): KnownMetric | undefined {
  return name === undefined ? byAlias.get(alias ?? -1n) : byName.get(name);
}

function valueOf(metric: Metric, known: KnownMetric): MachineReading["value"] | undefined {
  if (metric.isNull === true) return null;
  if (metric.raw === undefined) return undefined;
  const value = valueAs(metric.raw, metric.datatype ?? known.datatype);
  return value instanceof Uint8Array ? undefined : value;
}
