import {
  type FollowedMessage,
  type Indicator,
  type IndicatorKind,
  type IndicatorOutside,
  levelOf,
} from "../sector.ts";
import { type Anomaly, anomalyThreshold, MachineAnomaly } from "./anomaly.ts";
import { type MachineMessage, readMachineMessage } from "./device-measurement.ts";

const machinesMax = 2_000;
const channelsPerMachineMax = 32;
/** Of all machines: what is learnt of each takes room. */
const channelsMax = 4_096;
/** Those that deviate most are told. */
const channelsTold = 3;
const learnSamples = 400;
/** What goes back further is no late reading, but a clock that was put right. */
const lateMsMax = 3_600_000;

export const anomaly: IndicatorKind = {
  title: "How unusual a machine behaves",
  unit: "1",
  formula:
    "√(T²/n) of each channel's mean over 32 samples and its power in the lower and the upper " +
    `half of its spectrum, against the first ${learnSamples} samples, when it has to run well ` +
    `(Hotelling's T²); about 1 is usual, from ${anomalyThreshold} on it is unusual`,
  source: "https://www.itl.nist.gov/div898/handbook/pmc/section5/pmc543.htm",
  open: (outside) => new AnomalyIndicator(outside),
};

interface Machine {
  /** By name of the channel, its last value. */
  readonly latest: Map<string, number>;
  /** Of the sample that is being gathered, or was gathered last. */
  at: number;
  isGathering: boolean;
  /** Since the last beat. */
  isHeard: boolean;
  channels: readonly string[];
  judge: MachineAnomaly | undefined;
  hasLearnt: boolean;
}

/**
 * A machine is an edge node or a device; its numbers that are of the same time are one sample. A
 * channel that says nothing at that time is as it was: metrics are told when they change.
 */
class AnomalyIndicator implements Indicator {
  readonly #outside: IndicatorOutside;
  readonly #machines = new Map<string, Machine>();
  #channels = 0;

  constructor(outside: IndicatorOutside) {
    this.#outside = outside;
  }

  take({ payload }: FollowedMessage): void {
    const message = readMachineMessage(payload);
    if (message === undefined) return;
    const key = message.machine.split("/").map(levelOf).join("/");
    if (message.type === "Device") {
      if (message.deviceState === "offline" && this.#machines.has(key)) this.#gone(key, message.at);
    } else if (isMeasured(message)) this.#measured(key, message.controlledProperty, message);
  }

  /** A sample of which nothing more came for a while is whole. */
  beat(): void {
    for (const [key, machine] of this.#machines) {
      if (machine.isGathering && !machine.isHeard) this.#sample(key, machine);
      machine.isHeard = false;
    }
  }

  #measured(key: string, channel: string, { numValue, at }: Measured): void {
    const machine = this.#machineOf(key);
    if (machine === undefined) return;
    const backMs = machine.at - at;
    if (backMs > 0) {
      this.#outside.fault({ code: "clock", text: `${key}: ${channel} goes back by ${backMs} ms` });
      if (backMs <= lateMsMax) return;
      machine.isGathering = false;
      machine.at = Number.NEGATIVE_INFINITY;
    }
    if (at > machine.at) {
      if (machine.isGathering) this.#sample(key, machine);
      machine.at = at;
      machine.isGathering = true;
    }
    machine.isHeard = true;
    if (!machine.latest.has(channel) && !this.#takesChannel(key, machine, channel)) return;
    machine.latest.set(channel, numValue);
  }

  #machineOf(key: string): Machine | undefined {
    let machine = this.#machines.get(key);
    if (machine !== undefined) return machine;
    if (this.#machines.size >= machinesMax) {
      this.#outside.fault({ code: "too-many", text: `${key}: over ${machinesMax} machines` });
      return undefined;
    }
    machine = {
      ...{ latest: new Map<string, number>(), at: Number.NEGATIVE_INFINITY, channels: [] },
      ...{ isGathering: false, isHeard: false, judge: undefined, hasLearnt: false },
    };
    this.#machines.set(key, machine);
    return machine;
  }

  #takesChannel(key: string, { latest, hasLearnt }: Machine, channel: string): boolean {
    if (hasLearnt) return false;
    if (latest.size >= channelsPerMachineMax || this.#channels >= channelsMax) {
      const text = `${key}: ${channel} is one channel too many`;
      this.#outside.fault({ code: "too-many", text });
      return false;
    }
    this.#channels++;
    return true;
  }

  #sample(key: string, machine: Machine): void {
    machine.isGathering = false;
    const { latest } = machine;
    // a channel that was not there before: what was learnt without it counts no more
    if (machine.judge === undefined || latest.size > machine.channels.length) {
      machine.channels = [...latest.keys()];
      machine.judge = new MachineAnomaly({ channels: machine.channels, learnSamples });
    }
    const told = machine.judge.observe(machine.channels.map((channel) => latest.get(channel)!));
    if (told === undefined) {
      this.#outside.publish(key, { value: null, learning: true });
      return;
    }
    machine.hasLearnt = true;
    this.#outside.publish(key, { ...figureOf(told), asOf: timeOf(machine.at) });
  }

  #gone(key: string, at: number): void {
    const machine = this.#machines.get(key)!;
    machine.isGathering = false;
    this.#outside.publish(key, { value: null, online: false, asOf: timeOf(at) });
  }
}

type Measured = Extract<MachineMessage, { type: "DeviceMeasurement" }> & {
  readonly numValue: number;
};

/** What is stale, bad or was kept while there was no connection says nothing of now; no date does. */
function isMeasured(message: MachineMessage): message is Measured {
  return (
    message.type === "DeviceMeasurement" &&
    message.numValue !== undefined &&
    message.isHistorical !== true &&
    message.quality === undefined &&
    message.datatype !== "DateTime"
  );
}

function figureOf({ score, isUnusual, channels }: Anomaly) {
  return {
    value: rounded(score, 3),
    unusual: isUnusual,
    channels: channels.slice(0, channelsTold).map(({ channel, trend, slow, fast }) => ({
      ...{ channel, trend: rounded(trend, 2) },
      ...{ slow: rounded(slow, 2), fast: rounded(fast, 2) },
    })),
  };
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
