/**
 * Claim: a fleet of devices that each send now and then costs no more than with brokers that
 * enforce and count nothing: one message a second each, three consumers under agreements. Here
 * few messages come together, and what a broker does per message and per wake-up decides.
 */
import { type Figure, median } from "./figures.ts";
import { LoadProcess } from "./load-process.ts";
import type { ConnectStep, ConsumeStep, Published, PublishStep } from "./devices-load.ts";
import { type BrokerName, labels, peersOf, startBroker } from "./peers.ts";

interface FleetRow {
  readonly broker: BrokerName;
  readonly version: string;
  readonly connections: number;
  readonly cpuMicrosPerMessage: number;
  readonly lost: number;
}

const brokers: readonly BrokerName[] = [
  ...(["comity", "comity-open", "mosquitto"] as const),
  ...(["nats", "nats-mqtt", "aedes"] as const),
];
const consumers = 3;
const warmUpSeconds = 2;

export async function fleetBench(options: { rounds: number; scale: number }): Promise<Figure[]> {
  const connections = Math.max(100, Math.round(10_000 * options.scale));
  const rows: FleetRow[] = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const name of brokers) {
      const row = await measure(name, connections);
      if (row !== undefined) rows.push(row);
    }
  }
  for (const { broker, lost } of rows) {
    if (lost > 0) console.error(`fleet: ${labels[broker]} lost ${lost} messages`);
  }
  return figureOf(rows, connections);
}

async function measure(name: BrokerName, connections: number): Promise<FleetRow | undefined> {
  const broker = await startBroker(name);
  if (broker === undefined) return undefined;
  const { port, protocol, version } = broker;
  const load = new LoadProcess("./devices-load.ts");
  try {
    await load.ask({ step: "consume", port, protocol, consumers } satisfies ConsumeStep);
    await load.ask({ step: "connect", port, protocol, connections } satisfies ConnectStep);
    await load.ask({ step: "publish", seconds: warmUpSeconds } satisfies PublishStep);
    const before = broker.cpuSeconds();
    const step: PublishStep = { step: "publish", seconds: 5 };
    const { sent, received } = await load.ask<Published>(step);
    const cpuMicrosPerMessage = ((broker.cpuSeconds() - before) / sent) * 1e6;
    const lost = sent * consumers - received;
    return { broker: name, version, connections, cpuMicrosPerMessage, lost };
  } finally {
    await load.stop();
    await broker.stop();
  }
}

function figureOf(rows: readonly FleetRow[], connections: number): Figure[] {
  const valueOf = (name: BrokerName): number =>
    median(rows.filter(({ broker }) => broker === name).map((row) => row.cpuMicrosPerMessage));
  const versions = new Map(rows.map(({ broker, version }) => [broker, version]));
  return [
    {
      claim: "fleet",
      what: `${connections.toLocaleString("en")} devices × 1 message/s → ${consumers} consumers, 64 B`,
      delivery: "live",
      unit: "µs CPU/message",
      comity: valueOf("comity"),
      peers: peersOf(versions, valueOf),
      goals: [{ times: 1, than: labels.mosquitto }],
    },
  ];
}
