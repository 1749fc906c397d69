/**
 * Claim: CPU per message on the live firehose, grant and meter on, beside other brokers in the
 * same run. A row's figure is the broker process's CPU time (user and system) over the messages
 * published; brokers take turns, and medians over the rounds are compared.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LoadOptions, LoadResult } from "./load.ts";
import { startBroker, type Broker, type BrokerName } from "./peers.ts";

interface Scenario {
  readonly name: string;
  readonly load: Omit<LoadOptions, "port" | "protocol" | "messages">;
  readonly brokers: readonly BrokerName[];
  /** As many as make a CPU time that the clock's 10 ms steps do not blur. */
  readonly messages: (broker: BrokerName) => number;
}

const shape = { payloadBytes: 64, subscribersPerTopic: 1 } as const;
const slow: ReadonlySet<BrokerName> = new Set(["mosquitto", "aedes"]);
const qos0 = {
  brokers: ["comity", "comity-open", "nats", "nats-mqtt", "mosquitto", "aedes"],
  messages: (broker: BrokerName) => (slow.has(broker) ? 300_000 : 3_000_000),
} as const;
const qos1 = {
  brokers: ["comity", "comity-open", "nats-mqtt", "mosquitto", "aedes"],
  messages: (broker: BrokerName) => (broker.startsWith("comity") ? 1_000_000 : 100_000),
} as const;

const scenarios: readonly Scenario[] = [
  { name: "1→1 QoS 0, 64 B, live", load: { ...shape, pairs: 1, qos: 0, window: 20_000 }, ...qos0 },
  { name: "8→8 QoS 0, 64 B, live", load: { ...shape, pairs: 8, qos: 0, window: 5_000 }, ...qos0 },
  { name: "8→8 QoS 1, 64 B, live", load: { ...shape, pairs: 8, qos: 1, window: 500 }, ...qos1 },
];

interface Row {
  readonly scenario: string;
  readonly broker: string;
  readonly version: string;
  readonly cpuMicrosPerMessage: number;
  readonly messagesPerSecond: number;
  readonly lost: number;
}

export async function mqttBench(options: {
  rounds: number;
  scale: number;
  json: boolean;
}): Promise<void> {
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    const measured = new Map<BrokerName, Row[]>();
    for (let round = 0; round < options.rounds; round++) {
      for (const name of scenario.brokers) {
        const row = await measure(scenario, name, options.scale);
        if (row !== undefined) measured.set(name, [...(measured.get(name) ?? []), row]);
      }
    }
    for (const list of measured.values()) rows.push(medianRow(list));
  }
  if (options.json) console.log(JSON.stringify(rows, null, 2));
  else print(rows);
}

async function measure(
  scenario: Scenario,
  name: BrokerName,
  scale: number,
): Promise<Row | undefined> {
  const broker = await startBroker(name);
  if (broker === undefined) return undefined;
  try {
    const messages = Math.round(scenario.messages(name) * scale);
    const options = { ...scenario.load, messages };
    await load(broker, { ...options, messages: Math.ceil(messages / 5) });
    const before = broker.cpuSeconds();
    const result = await load(broker, options);
    const cpu = broker.cpuSeconds() - before;
    return {
      scenario: scenario.name,
      broker: labels[name],
      version: broker.version,
      cpuMicrosPerMessage: (cpu / result.published) * 1e6,
      messagesPerSecond: result.published / result.seconds,
      lost: result.published * scenario.load.subscribersPerTopic - result.received,
    };
  } finally {
    await broker.stop();
  }
}

const labels: Readonly<Record<BrokerName, string>> = {
  comity: "Comity, grant and meter on",
  "comity-open": "Comity, no agreement",
  nats: "nats-server, its own protocol",
  "nats-mqtt": "nats-server, MQTT",
  mosquitto: "mosquitto",
  aedes: "aedes",
};

function load(
  broker: Broker,
  options: Omit<LoadOptions, "port" | "protocol">,
): Promise<LoadResult> {
  const { port, protocol } = broker;
  const file = fileURLToPath(new URL("./load.ts", import.meta.url));
  const child = spawn(process.execPath, [file, JSON.stringify({ ...options, port, protocol })], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 120_000,
  });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on("exit", (code) => {
      if (code === 0) resolve(JSON.parse(out) as LoadResult);
      else reject(new Error(`the load on ${broker.name} ended with ${code}`));
    });
  });
}

function medianRow(rows: readonly Row[]): Row {
  const sorted = [...rows].sort((a, b) => a.cpuMicrosPerMessage - b.cpuMicrosPerMessage);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function print(rows: readonly Row[]): void {
  let scenario = "";
  for (const row of rows) {
    if (row.scenario !== scenario) {
      scenario = row.scenario;
      console.log(`\n${scenario}`);
    }
    const ours = rows.find((other) => other.scenario === scenario)!;
    const ratio = row.cpuMicrosPerMessage / ours.cpuMicrosPerMessage;
    console.log(
      `  ${`${row.broker} ${row.version}`.padEnd(44)}` +
        `${row.cpuMicrosPerMessage.toFixed(3).padStart(8)} µs CPU/message ` +
        `${ratio.toFixed(1).padStart(6)}×` +
        `${Math.round(row.messagesPerSecond).toLocaleString("en").padStart(12)}/s` +
        (row.lost > 0 ? `  ${row.lost} lost` : ""),
    );
  }
}
