import type { FollowedMessage, Indicator, IndicatorOutside } from "../sector.ts";
import { MachineAnomaly } from "./anomaly.ts";
import { readMeasurement } from "./device-measurement.ts";

const machinesMax = 1_000;
const channelsMax = 32;
/** Channels are those that are seen in the first so many times. */
const timesToMeet = 5;

interface Machine {
  readonly values: Map<string, number>;
  at: number;
  times: number;
  channels?: readonly string[];
  model?: MachineAnomaly;
}

/**
 * How unusual each machine behaves. What comes with one time is one sample of all its channels; the
 * first minutes teach what is usual.
 */
export class AnomalyIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #machines = new Map<string, Machine>();

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
  }

  take({ payload }: FollowedMessage): void {
    const measured = readMeasurement(payload);
    if (measured?.numValue === undefined || measured.isHistorical === true) return;
    const key = measured.refDevice.replace(/^urn:ngsi-ld:Device:/, "");
    const machine = this.#machineOf(key);
    if (machine === undefined) return;
    const at = Date.parse(measured.dateObserved);
    if (at < machine.at) {
      this.#outside.fault({ code: "order", text: `${key}: ${measured.dateObserved} came late` });
      return;
    }
    if (at > machine.at && machine.values.size > 0) this.#sample(key, machine);
    machine.at = at;
    const name = measured.controlledProperty;
    if (machine.values.has(name) || machine.values.size < channelsMax) {
      machine.values.set(name, measured.numValue);
    }
  }

  #machineOf(key: string): Machine | undefined {
    const known = this.#machines.get(key);
    if (known !== undefined) return known;
    if (this.#machines.size >= machinesMax) {
      this.#outside.fault({ code: "too-many", text: `more than ${machinesMax} machines` });
      return undefined;
    }
    const machine: Machine = { values: new Map(), at: Number.NEGATIVE_INFINITY, times: 0 };
    this.#machines.set(key, machine);
    return machine;
  }

  #sample(key: string, machine: Machine): void {
    if (++machine.times === timesToMeet) {
      machine.channels = [...machine.values.keys()];
      machine.model = new MachineAnomaly({ channels: machine.channels });
    }
    const { channels, model, values, at } = machine;
    if (channels === undefined || model === undefined) return;
    const told = model.observe(channels.map((channel) => values.get(channel) ?? Number.NaN));
    const sampledAt = new Date(at).toISOString();
    if (told === undefined) {
      this.#outside.publish(key, { value: null, isLearning: true });
      return;
    }
    const [most] = told.channels;
    this.#outside.publish(key, {
      value: Number(told.score.toFixed(2)),
      isUnusual: told.isUnusual,
      mostUnusual: most?.channel,
      sampledAt,
    });
  }
}
