/**
 * Claim: a fleet of devices that each send now and then costs no more than with brokers that
 * enforce and count nothing: one message a second each, three consumers under agreements. Here
 * few messages come together, and what a broker does per message and per wake-up decides.
 */
import type { Figure } from "./figures.ts";
import { LoadProcess } from "./load-process.ts";
import type { ConnectStep, ConsumeStep, Published, PublishStep } from "./devices-load.ts";
import { type Broker, type BrokerName, labels } from "./peers.ts";
import { beside, inTurns } from "./turns.ts";

const brokers: readonly BrokerName[] = [
  ...(["comity", "comity-open", "mosquitto"] as const),
  ...(["nats", "nats-mqtt", "aedes"] as const),
];
const consumers = 3;
const warmUpSeconds = 2;

export async function fleetBench(options: { rounds: number; scale: number }): Promise<Figure[]> {
  const connections = Math.max(100, Math.round(10_000 * options.scale));
  const rows = await inTurns(options.rounds, brokers, (broker) => measure(broker, connections));
  return [
    {
      claim: "fleet",
      what: `${connections.toLocaleString("en")} devices × 1 message/s → ${consumers} consumers, 64 B`,
      delivery: "live",
      unit: "µs CPU/message",
      ...beside(rows, ({ cpuMicros }) => cpuMicros),
      goals: [{ times: 1, than: labels.mosquitto }],
    },
  ];
}

async function measure(broker: Broker, connections: number): Promise<{ cpuMicros: number }> {
  const { name, port, protocol } = broker;
  const load = new LoadProcess("./devices-load.ts");
  try {
    await load.ask({ step: "consume", port, protocol, consumers } satisfies ConsumeStep);
    await load.ask({ step: "connect", port, protocol, connections } satisfies ConnectStep);
    await load.ask({ step: "publish", seconds: warmUpSeconds } satisfies PublishStep);
    const before = broker.cpuSeconds();
    const step: PublishStep = { step: "publish", seconds: 5 };
    const { sent, received } = await load.ask<Published>(step);
    const cpuMicros = ((broker.cpuSeconds() - before) / sent) * 1e6;
    const lost = sent * consumers - received;
    if (lost > 0) console.error(`fleet: ${labels[name]} lost ${lost} messages`);
    return { cpuMicros };
  } finally {
    await load.stop();
  }
}
