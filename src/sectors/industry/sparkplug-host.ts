import {
  decodeSparkplug,
  type Metric,
  type MetricValue,
  SparkplugInvalid,
  type SparkplugPayload,
  valueAs,
} from "../../wire/sparkplug-b.ts";
import { datatypeNames } from "../../wire/sparkplug-datatype.ts";
import { qualities } from "../../wire/sparkplug-properties.ts";
import { readSparkplugTopic, type SparkplugTopic } from "./sparkplug-topic.ts";

/** One metric of an edge node or a device of it, as it stands. */
export interface MachineReading {
  readonly group: string;
  readonly node: string;
  readonly device?: string;
  readonly metric: string;
  /** §6.4.16 */
  readonly datatype: number;
  /** Null where the machine says that it has none. */
  readonly value: Exclude<MetricValue, Uint8Array> | null;
  /** As the node writes it; absent: it does not say. */
  readonly unit?: string;
  readonly quality: Quality;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Stored while the node was offline: no state of now. */
  readonly isHistorical: boolean;
}

/** What the node thinks of its own value (§6.4.9). */
export type Quality = "good" | "bad" | "stale";

export type SparkplugProblem =
  | "payload"
  | "clock"
  | "before-birth"
  | "unknown-metric"
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
  problem(problem: SparkplugProblem, topic: SparkplugTopic, text: string): void;
  /** A birth whose table is kept: it stands until the node or the device is born anew. */
  born(topic: SparkplugTopic, metrics: readonly KnownMetric[]): void;
}

export interface SparkplugLimits {
  /** Those that are there; and as many others are known to have been asked for their birth. */
  readonly nodesMax: number;
  /** Names of all nodes and devices together; a long one counts as several. */
  readonly metricsMax: number;
  /** Between two requests for a rebirth of one node. */
  readonly rebirthMsMin: number;
}

const sparkplugLimits: SparkplugLimits = {
  nodesMax: 10_000,
  metricsMax: 1_000_000,
  rebirthMsMin: 10_000,
};

export interface KnownMetric {
  readonly name: string;
  readonly datatype: number;
  /** As the node writes it. */
  readonly unit?: string;
}

/** What a birth said: data messages carry aliases alone. */
interface Birth {
  readonly byAlias: Map<bigint, KnownMetric>;
  readonly byName: Map<string, KnownMetric>;
  /** Of the limit `metricsMax`. */
  readonly room: number;
}

/** A node that is there: it was born, and has not died. */
interface EdgeNode {
  readonly birth: Birth;
  readonly devices: Map<string, Birth>;
  /** Devices of the birth before: they are there once they are born again, which data end. */
  readonly awaited: Set<string>;
  seq: number;
  readonly bdSeq: number | bigint | undefined;
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
  /** When a node was last asked for its births, the longest ago first. */
  readonly #asked = new Map<string, number>();
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
      this.#listener.problem("payload", topic, thrown.message);
      return;
    }
    if (topic.type === "NBIRTH") this.#born(topic, payload, now);
    else this.#take(topic, this.#nodes.get(keyOf(topic)), payload, now);
  }

  #take(
    topic: SparkplugTopic,
    node: EdgeNode | undefined,
    payload: SparkplugPayload,
    now: number,
  ): void {
    // whoever is not there cannot die
    if (topic.type === "NDEATH") {
      if (node !== undefined) this.#died(topic, node, payload, now);
    } else if (node === undefined) {
      this.#doubt("before-birth", topic, now, "no NBIRTH of its node was read");
    } else if (this.#goesOn(topic, node, payload, now)) {
      if (topic.type === "DBIRTH") this.#deviceBorn(topic, node, payload, now);
      else if (topic.type === "DDEATH") this.#deviceDied(topic, node, payload, now);
      else this.#data(topic, node, payload, now);
    }
  }

  #born(topic: SparkplugTopic, payload: SparkplugPayload, now: number): void {
    const key = keyOf(topic);
    const before = this.#nodes.get(key);
    const awaited = new Set(before?.devices.keys());
    if (before !== undefined) {
      this.#awaitNoLonger(topic, before, now);
      this.#forgetNode(key, before);
    }
    const { nodesMax } = this.#limits;
    const isFull = this.#nodes.size >= nodesMax;
    if (isFull) this.#listener.problem("too-many", topic, `${nodesMax} nodes are there`);
    const birth = isFull ? undefined : this.#tableOf(topic, payload);
    if (birth === undefined) {
      if (before !== undefined) this.#gone(topic, awaited, now);
      return;
    }
    const bdSeq = bdSeqOf(payload);
    const seq = payload.seq ?? 0;
    this.#nodes.set(key, { birth, devices: new Map(), awaited, seq, bdSeq });
    this.#metrics += awaited.size;
    this.#asked.delete(key);
    this.#listener.born(topic, [...birth.byName.values()]);
    this.#listener.status(about(topic), true, timeOf(payload, now));
    this.#read(topic, birth, payload, now);
  }

  /** A will that comes late belongs to a connection that has been followed by another (§5.7). */
  #died(topic: SparkplugTopic, node: EdgeNode, payload: SparkplugPayload, now: number): void {
    const bdSeq = bdSeqOf(payload);
    if (bdSeq !== undefined && node.bdSeq !== undefined && bdSeq != node.bdSeq) return;
    this.#awaitNoLonger(topic, node, now);
    const devices = [...node.devices.keys()];
    this.#forgetNode(keyOf(topic), node);
    // a will was written when its node connected: its time is not that of the death
    this.#gone(topic, devices, now);
  }

  /** A node and devices of it, the node last. */
  #gone({ group, node }: SparkplugTopic, devices: Iterable<string>, at: number): void {
    for (const device of devices) this.#listener.status({ group, node, device }, false, at);
    this.#listener.status({ group, node }, false, at);
  }

  /** What the birth before had and the last one has not is there no more. */
  #awaitNoLonger({ group, node: name }: SparkplugTopic, node: EdgeNode, at: number): void {
    for (const device of node.awaited) {
      this.#listener.status({ group, node: name, device }, false, at);
    }
    this.#metrics -= node.awaited.size;
    node.awaited.clear();
  }

  #deviceBorn(topic: SparkplugTopic, node: EdgeNode, payload: SparkplugPayload, now: number): void {
    this.#forgetDevice(node, topic.device!);
    if (node.awaited.delete(topic.device!)) this.#metrics--;
    const birth = this.#tableOf(topic, payload);
    if (birth === undefined) return;
    node.devices.set(topic.device!, birth);
    this.#listener.born(topic, [...birth.byName.values()]);
    this.#listener.status(about(topic), true, timeOf(payload, now));
    this.#read(topic, birth, payload, now);
  }

  #deviceDied(topic: SparkplugTopic, node: EdgeNode, payload: SparkplugPayload, now: number): void {
    const isAwaited = node.awaited.delete(topic.device!);
    if (isAwaited) this.#metrics--;
    if (!isAwaited && !node.devices.has(topic.device!)) return;
    this.#forgetDevice(node, topic.device!);
    this.#listener.status(about(topic), false, timeOf(payload, now));
  }

  #data(topic: SparkplugTopic, node: EdgeNode, payload: SparkplugPayload, now: number): void {
    this.#awaitNoLonger(topic, node, now);
    const birth = topic.device === undefined ? node.birth : node.devices.get(topic.device);
    if (birth === undefined) {
      this.#doubt("before-birth", topic, now, "no DBIRTH of this device was read");
    } else this.#read(topic, birth, payload, now);
  }

  /**
   * Every message of a node and its devices has the next number, 255 is followed by 0 (§6.4.5). A
   * number that comes again is the same message again; after a gap what comes is still read, for it
   * says what it says, and the births are asked for.
   */
  #goesOn(topic: SparkplugTopic, node: EdgeNode, { seq }: SparkplugPayload, now: number): boolean {
    if (seq === undefined) {
      this.#listener.problem("no-sequence", topic, "a message without its number is not read");
      return false;
    }
    const expected = (node.seq + 1) % 256;
    if (seq === node.seq) {
      this.#listener.problem("sequence-repeated", topic, `${seq} came again`);
      return false;
    }
    node.seq = seq;
    if (seq !== expected) {
      this.#doubt("sequence-gap", topic, now, `${expected} was to come, and ${seq} came`);
    }
    return true;
  }

  #doubt(problem: SparkplugProblem, topic: SparkplugTopic, now: number, text: string): void {
    this.#listener.problem(problem, topic, text);
    const key = keyOf(topic);
    const { rebirthMsMin, nodesMax } = this.#limits;
    // a time that is not yet was asked before the clock was set back
    const isRecent = (at: number): boolean => at <= now && now - at < rebirthMsMin;
    const askedAt = this.#asked.get(key);
    if (askedAt !== undefined && isRecent(askedAt)) return;
    this.#asked.delete(key);
    if (this.#asked.size >= nodesMax) {
      const [[oldest, at]] = this.#asked as unknown as [[string, number]];
      // names that are made up one after the other are not all asked
      if (isRecent(at)) return;
      this.#asked.delete(oldest);
    }
    this.#asked.set(key, now);
    this.#listener.rebirth({ group: topic.group, node: topic.node });
  }

  #tableOf(topic: SparkplugTopic, payload: SparkplugPayload): Birth | undefined {
    const birth = birthOf(payload);
    const { metricsMax } = this.#limits;
    if (this.#metrics + birth.room > metricsMax) {
      const text = `with its ${payload.metrics.length} metrics there were over ${metricsMax}`;
      this.#listener.problem("too-many", topic, text);
      return undefined;
    }
    this.#metrics += birth.room;
    return birth;
  }

  #read(topic: SparkplugTopic, birth: Birth, payload: SparkplugPayload, now: number): void {
    const { group, node, device } = topic;
    let unknown: Metric | undefined;
    for (const metric of payload.metrics) {
      const known = knownAs(birth, metric);
      if (known === undefined) {
        unknown ??= metric;
        continue;
      }
      const value = valueOf(metric, known);
      const { name } = known;
      if (value === undefined) {
        this.#listener.problem(
          "value",
          topic,
          `${name} has none that ${typeOf(metric, known)} has`,
        );
        continue;
      }
      const at = metric.timestamp ?? payload.timestamp ?? now;
      if (at > timeMax) {
        this.#listener.problem("clock", topic, `${name} is of no time that there is`);
        continue;
      }
      const unit = unitIn(metric.properties) ?? known.unit;
      this.#listener.reading({
        ...{ group, node, metric: name, value, at, quality: qualityOf(metric) },
        ...(unit !== undefined && { unit }),
        datatype: metric.datatype ?? known.datatype,
        ...(device === undefined ? {} : { device }),
        isHistorical: metric.isHistorical === true,
      });
    }
    if (unknown === undefined) return;
    const { name = `alias ${unknown.alias}` } = unknown;
    this.#doubt("unknown-metric", topic, now, `${name} was in no birth`);
  }

  #forgetNode(key: string, node: EdgeNode): void {
    this.#nodes.delete(key);
    this.#metrics -= node.birth.room;
    for (const device of [...node.devices.keys()]) this.#forgetDevice(node, device);
  }

  #forgetDevice(node: EdgeNode, device: string): void {
    const birth = node.devices.get(device);
    if (birth === undefined) return;
    this.#metrics -= birth.room;
    node.devices.delete(device);
  }
}

function about({ group, node, device }: SparkplugTopic): Omit<SparkplugTopic, "type"> {
  return { group, node, ...(device === undefined ? {} : { device }) };
}

const charsPerName = 64;

/** A device that has no metrics takes room as well. */
function birthOf({ metrics }: SparkplugPayload): Birth {
  const [byAlias, byName] = [new Map<bigint, KnownMetric>(), new Map<string, KnownMetric>()];
  let room = 1;
  for (const { name, alias, datatype, properties } of metrics) {
    if (name === undefined || datatype === undefined) continue;
    const unit = unitIn(properties);
    const known = { name, datatype, ...(unit !== undefined && { unit }) };
    byName.set(name, known);
    if (alias !== undefined) byAlias.set(alias, known);
    room += 1 + Math.floor((name.length + (unit?.length ?? 0)) / charsPerName);
  }
  return { byAlias, byName, room };
}

function knownAs({ byAlias, byName }: Birth, { name, alias }: Metric): KnownMetric | undefined {
  return name === undefined ? byAlias.get(alias ?? -1n) : byName.get(name);
}

/** 9999-12-31, in milliseconds. */
const timeMax = 253_402_300_799_999;

function keyOf({ group, node }: SparkplugTopic): string {
  return `${group}/${node}`;
}

function timeOf({ timestamp }: SparkplugPayload, now: number): number {
  return timestamp !== undefined && timestamp <= timeMax ? timestamp : now;
}

function bdSeqOf({ metrics }: SparkplugPayload): number | bigint | undefined {
  const value = metrics.find(({ name }) => name === "bdSeq")?.raw?.value;
  return typeof value === "bigint" || typeof value === "number" ? value : undefined;
}

function typeOf(metric: Metric, known: KnownMetric): string {
  const type = metric.datatype ?? known.datatype;
  return datatypeNames[type] ?? `datatype ${type}`;
}

/** No property of the specification, but what gateways in the field call it. */
function unitIn(properties: Metric["properties"]): string | undefined {
  const unit = properties?.["engUnit"];
  return typeof unit === "string" && unit !== "" ? unit : undefined;
}

/** 0, 192 and 500 are all that it may be; unsaid it is good. */
function qualityOf({ properties }: Metric): Quality {
  const quality = properties?.["Quality"] ?? qualities.good;
  if (quality === qualities.good) return "good";
  return quality === qualities.stale ? "stale" : "bad";
}

/** Not a number is no value either: JSON could not say it. */
function valueOf(metric: Metric, known: KnownMetric): MachineReading["value"] | undefined {
  if (metric.isNull === true) return null;
  if (metric.raw === undefined) return undefined;
  const value = valueAs(metric.raw, metric.datatype ?? known.datatype);
  if (typeof value === "number" && !Number.isFinite(value)) return undefined;
  return value instanceof Uint8Array ? undefined : value;
}
