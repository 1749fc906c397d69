import type { Clock } from "../../kernel/clock.ts";
import { objectIn } from "../../kernel/json-object.ts";
import { encodeSparkplug } from "../../wire/sparkplug-b.ts";
import { datatype } from "../../wire/sparkplug-datatype.ts";
import {
  type DescribedThing,
  type Fault,
  levelOf,
  type SectorMessage,
  type SourceAnswer,
  type SourceInput,
  type SourceKept,
  type SourceReader,
  type SourceReading,
} from "../sector.ts";
import { levelsOf, measurementOf, presenceOf, readMachineMessage } from "./device-measurement.ts";
import { machineThing, stateLevel } from "./machine-thing.ts";
import {
  type KnownMetric,
  type MachineReading,
  SparkplugHost,
  type SparkplugProblem,
} from "./sparkplug-host.ts";
import type { SparkplugTopic } from "./sparkplug-topic.ts";

const certificates = "$sparkplug/certificates/";

/** Commands to nodes, the state of the host itself, and births as a Sparkplug aware server has them. */
export const sparkplugAnswersOn = [
  "spBv1.0/+/NCMD/+",
  "spBv1.0/STATE/+",
  `${certificates}spBv1.0/+/NBIRTH/+`,
  `${certificates}spBv1.0/+/DBIRTH/+/+`,
];

/** Of the birth certificates that are kept. */
const certificatesMax = 20_000;
const certificateBytesMax = 67_108_864;

/** What belongs to the session between node and host, and is no measurement. */
const ofTheSession = /^(bdSeq$|Node Control\/|Device Control\/)/;
/** What a Description of a machine may name; those with more are read, and not described. */
const propertiesMax = 1_000;

/**
 * Sparkplug B in, as a host application (Sparkplug 3.0 §5): one message a metric under
 * `group/node[/device]/metric`, and one whether a node or device is there under `…/$state`. It asks
 * nodes for their births where it needs them, says that it is there, and keeps the births.
 */
export class SparkplugReader implements SourceReader {
  readonly #clock: Clock;
  readonly #stateTopic: string;
  readonly #host: SparkplugHost;
  /** Bytes by topic. */
  readonly #certificates = new Map<string, number>();
  #certificateBytes = 0;
  #messages: SectorMessage[] = [];
  #faults: Fault[] = [];
  #answers: SourceAnswer[] = [];
  #described: DescribedThing[] = [];
  #input: SourceInput = { bytes: new Uint8Array(), from: "" };

  constructor({ clock, id }: { readonly clock: Clock; readonly id: string }) {
    this.#clock = clock;
    this.#stateTopic = `spBv1.0/STATE/${id}`;
    this.#host = new SparkplugHost({
      reading: (reading) => this.#reading(reading),
      status: (machine, isOnline, at) => {
        const payload = presenceOf(machine, isOnline, at);
        this.#messages.push({
          topic: `${levelsOf(machine)}/${stateLevel}`,
          payload,
          retain: true,
        });
      },
      rebirth: (node) => this.#rebirth(node),
      problem: (problem, topic, text) => this.#problem(problem, topic, text),
      born: (topic, metrics) => {
        if (this.#keepCertificate()) this.#describe(topic, metrics);
      },
    });
  }

  /** Who was there when this node ended is there again with its next birth, and not before. */
  begin(kept: readonly SourceKept[]): SourceReading {
    const messages = kept.flatMap(({ topic, payload }) => {
      const said = topic.endsWith(`/${stateLevel}`) ? readMachineMessage(payload) : undefined;
      if (said?.type !== "Device" || said.deviceState === "offline") return [];
      const { type, id } = said;
      const dateObserved = new Date(this.#clock.now()).toISOString();
      return [{ topic, payload: { type, id, deviceState: "offline", dateObserved }, retain: true }];
    });
    return { messages, faults: [], answers: [this.#state(true)] };
  }

  end(): SourceReading {
    return { messages: [], faults: [], answers: [this.#state(false)] };
  }

  read(input: SourceInput): SourceReading {
    this.#messages = [];
    this.#faults = [];
    this.#answers = [];
    this.#described = [];
    this.#input = input;
    if (input.from === this.#stateTopic) this.#readOwnState(input.bytes);
    else this.#host.receive(input.from, input.bytes, this.#clock.now());
    return {
      ...{ messages: this.#messages, faults: this.#faults },
      ...{ answers: this.#answers, described: this.#described },
    };
  }

  #reading(reading: MachineReading): void {
    if (ofTheSession.test(reading.metric)) return;
    const topic = `${levelsOf(reading)}/${levelOf(reading.metric)}`;
    this.#messages.push({ topic, payload: measurementOf(reading) });
  }

  #problem(problem: SparkplugProblem, { type, ...about }: SparkplugTopic, text: string): void {
    this.#faults.push({ code: problem, text: `${levelsOf(about)}: ${type}: ${text}` });
  }

  /** §6.4.20: QoS 0, not retained, no sequence number. */
  #rebirth({ group, node }: Pick<SparkplugTopic, "group" | "node">): void {
    const timestamp = this.#clock.now();
    const payload = encodeSparkplug({
      timestamp,
      metrics: [
        {
          ...{ name: "Node Control/Rebirth", timestamp, datatype: datatype.boolean },
          raw: { as: "boolean", value: true },
        },
      ],
    });
    const topic = `spBv1.0/${group}/NCMD/${node}`;
    this.#answers.push({ topic, payload, qos: 0, retain: false });
  }

  /** §10.1.4: the births, as they were sent, for who comes later. */
  #keepCertificate(): boolean {
    const { from, bytes } = this.#input;
    const before = this.#certificates.get(from);
    const total = this.#certificateBytes + bytes.length - (before ?? 0);
    const isFull = before === undefined && this.#certificates.size >= certificatesMax;
    if (isFull || total > certificateBytesMax) {
      this.#faults.push({ code: "certificate", text: `the birth on ${from} is not kept` });
      return false;
    }
    this.#certificates.set(from, bytes.length);
    this.#certificateBytes = total;
    const topic = `${certificates}${from}`;
    this.#answers.push({ topic, payload: bytes, qos: 1, retain: true });
    return true;
  }

  #describe(topic: SparkplugTopic, metrics: readonly KnownMetric[]): void {
    const measured = metrics.filter(({ name }) => !ofTheSession.test(name));
    if (measured.length <= propertiesMax) this.#described.push(machineThing(topic, measured));
    else {
      const text = `${levelsOf(topic)} has ${measured.length} metrics`;
      this.#faults.push({ code: "description", text });
    }
  }

  /** §6.4.26: JSON, QoS 1, retained. */
  #state(online: boolean): SourceAnswer {
    const text = JSON.stringify({ online, timestamp: this.#clock.now() });
    return { topic: this.#stateTopic, payload: Buffer.from(text), qos: 1, retain: true };
  }

  /** A host that is there does not leave it said that it is not. */
  #readOwnState(bytes: Uint8Array): void {
    if (objectIn(bytes)?.["online"] === false) this.#answers.push(this.#state(true));
  }
}
