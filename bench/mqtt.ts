/**
 * Claim: CPU per message of the live firehose, of fan-out and of QoS 1, grant and meter on, beside
 * other brokers in the same run. A figure is the broker process's CPU time (user and system) over
 * the messages that subscribers got; brokers take turns, and medians over the rounds are compared.
 */
import type { Figure, Goal } from "./figures.ts";
import type { LoadOptions, LoadResult } from "./load.ts";
import { runProcess } from "./load-process.ts";
import { type Broker, type BrokerName, labels } from "./peers.ts";
import { beside, inTurns, type Turn } from "./turns.ts";

interface Scenario {
  readonly what: string;
  readonly load: Omit<LoadOptions, "port" | "protocol" | "messages">;
  readonly ours: BrokerName;
  readonly brokers: readonly BrokerName[];
  /** Published; as many as make a CPU time that can be told. */
  readonly messages: (broker: BrokerName) => number;
  readonly goals: readonly Goal[];
  /** Of the messages a second, which are told then as well. */
  readonly perSecondGoal?: Goal;
}

const shape = { payloadBytes: 64, subscribersPerTopic: 1 } as const;
const slow: ReadonlySet<BrokerName> = new Set(["mosquitto", "aedes"]);
const rivals = ["nats", "nats-mqtt", "mosquitto", "aedes"] as const;
const firehose = {
  ours: "comity",
  brokers: ["comity-open", ...rivals],
  messages: (broker: BrokerName) => (slow.has(broker) ? 300_000 : 3_000_000),
  goals: [
    { times: 5, than: labels.nats },
    { times: 50, than: labels.mosquitto },
  ],
} as const;
const fanOut = (subscribers: number) =>
  ({
    load: { ...shape, pairs: 1, subscribersPerTopic: subscribers, qos: 0, window: 2000 },
    ours: "comity",
    brokers: ["comity-open", ...rivals],
    messages: (broker: BrokerName) => (slow.has(broker) ? 400_000 : 8_000_000) / subscribers,
    goals: [{ times: 10, than: "the best" }],
  }) as const;
const qos1 = {
  load: { ...shape, pairs: 8, qos: 1, window: 500 },
  messages: (broker: BrokerName) => (broker.startsWith("comity") ? 1_000_000 : 100_000),
} as const;
const qos1Brokers = ["nats-mqtt", "mosquitto", "aedes"] as const;

const scenarios: readonly Scenario[] = [
  {
    what: "1→1 QoS 0, 64 B",
    load: { ...shape, pairs: 1, qos: 0, window: 20_000 },
    ...firehose,
  },
  {
    what: "8→8 QoS 0, 64 B",
    load: { ...shape, pairs: 8, qos: 0, window: 5000 },
    ...firehose,
  },
  { what: "1→50 QoS 0, 64 B", ...fanOut(50) },
  { what: "1→1,000 QoS 0, 64 B", ...fanOut(1000) },
  {
    what: "8→8 QoS 1, 64 B",
    ...{ ...qos1, ours: "comity", brokers: ["comity-open", ...qos1Brokers] },
    goals: [{ times: 10, than: "the best" }],
  },
  {
    what: "8→8 QoS 1, 64 B, acknowledged after fsync (peers: from memory)",
    ...{ ...qos1, ours: "comity-logged", brokers: qos1Brokers, goals: [] },
    load: { ...qos1.load, window: 4000 },
    perSecondGoal: { atLeast: 100_000 },
  },
];

interface Row {
  readonly cpuMicros: number;
  readonly perSecond: number;
}

export async function mqttBench(options: { rounds: number; scale: number }): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const scenario of scenarios) {
    const names = [scenario.ours, ...scenario.brokers];
    const measured = (broker: Broker): Promise<Row> =>
      measure(broker, scenario, Math.round(scenario.messages(broker.name) * options.scale));
    const rows = await inTurns(options.rounds, names, measured);
    figures.push(...figuresOf(scenario, rows));
  }
  return figures;
}

async function measure(broker: Broker, scenario: Scenario, messages: number): Promise<Row> {
  const { name, port, protocol } = broker;
  const load = (count: number): Promise<LoadResult> =>
    runProcess("./load.ts", { ...scenario.load, messages: count, port, protocol });
  await load(Math.ceil(messages / 5));
  const before = broker.cpuSeconds();
  const { published, received, seconds } = await load(messages);
  const cpu = broker.cpuSeconds() - before;
  const lost = published * scenario.load.subscribersPerTopic - received;
  if (lost > 0) console.error(`${scenario.what}: ${labels[name]} lost ${lost} messages`);
  return { cpuMicros: (cpu / received) * 1e6, perSecond: received / seconds };
}

function figuresOf({ what, ours, ...scenario }: Scenario, rows: readonly (Row & Turn)[]): Figure[] {
  const delivery = ours === "comity-logged" ? "logged" : "live";
  const isFanOut = scenario.load.subscribersPerTopic > 1;
  const unit = isFanOut ? "µs CPU/delivered message" : "µs CPU/message";
  const cpu: Figure = {
    ...{ claim: "mqtt", what, delivery, unit },
    ...beside(rows, ({ cpuMicros }) => cpuMicros, ours),
    goals: scenario.goals,
  };
  if (scenario.perSecondGoal === undefined) return [cpu];
  const perSecond: Figure = {
    ...{ ...cpu, unit: "messages/s", goals: [scenario.perSecondGoal] },
    ...beside(rows, (row) => row.perSecond, ours),
  };
  return [cpu, perSecond];
}
