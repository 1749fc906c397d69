import type { Clock } from "../../kernel/clock.ts";
import { datatype, encodeSparkplug } from "../../wire/sparkplug-b.ts";
import {
  type Fault,
  levelOf,
  type SectorMessage,
  type SourceAnswer,
  type SourceInput,
  type SourceReader,
  type SourceReading,
} from "../sector.ts";
import { measurementOf } from "./device-measurement.ts";
import { SparkplugHost } from "./sparkplug-host.ts";

/**
 * Sparkplug B in: one message a metric below `<group>/<node>[/<device>]/<metric>`, and whether the
 * node or device is there below `…/state`. What cannot be trusted is a fault, and the node is
 * asked to send its births again.
 */
export class SparkplugReader implements SourceReader {
  readonly #clock: Clock;
  readonly #host: SparkplugHost;
  #messages: SectorMessage[] = [];
  #faults: Fault[] = [];
  #answers: SourceAnswer[] = [];

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
    this.#host = new SparkplugHost({
      reading: (reading) => {
        const topic = `${below(reading)}/${levelOf(reading.metric)}`;
        this.#messages.push({ topic, payload: measurementOf(reading) });
      },
      status: (about, isOnline, at) => {
        const observed = { dateObserved: new Date(at).toISOString() };
        const payload = {
          type: "Device",
          deviceState: isOnline ? "online" : "offline",
          ...observed,
        };
        this.#messages.push({ topic: `${below(about)}/state`, payload });
      },
      rebirth: ({ group, node }) => {
        this.#answers.push({ topic: `spBv1.0/${group}/NCMD/${node}`, payload: this.#rebirth() });
      },
      problem: (code, topic) => {
        this.#faults.push({ code, text: `${topic.type} of ${below(topic)}` });
      },
    });
  }

  read({ bytes, from }: SourceInput): SourceReading {
    this.#host.receive(from, bytes, this.#clock.now());
    const reading = { messages: this.#messages, faults: this.#faults, answers: this.#answers };
    this.#messages = [];
    this.#faults = [];
    this.#answers = [];
    return reading;
  }

  /** Sparkplug 3.0 §6.4.5.2 */
  #rebirth(): Uint8Array {
    const timestamp = this.#clock.now();
    const type = { name: "Node Control/Rebirth", timestamp, datatype: datatype.boolean };
    return encodeSparkplug({
      timestamp,
      metrics: [{ ...type, raw: { as: "boolean", value: true } }],
    });
  }
}

function below(about: { readonly group: string; readonly node: string; readonly device?: string }) {
  const { group, node, device } = about;
  return [group, node, ...(device === undefined ? [] : [device])].map(levelOf).join("/");
}
