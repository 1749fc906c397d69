/**
 * Claim: how long a message is on its way, from the publisher's write to the consumer's read, at a
 * steady rate over fifty publishers. Both ends are one process, so that one clock times them; its
 * own turns are in the figures, the same for all brokers.
 */
import { type Figure, median } from "./figures.ts";
import type { LatencyOptions, LatencyResult } from "./latency-load.ts";
import { runProcess } from "./load-process.ts";
import { type BrokerName, peersOf, startBroker } from "./peers.ts";

interface LatencyRow extends LatencyResult {
  readonly broker: BrokerName;
  readonly version: string;
}

const brokers: readonly BrokerName[] = ["comity", "mosquitto", "nats", "nats-mqtt", "aedes"];
const rates = [5000, 20_000];
const quantiles = ["p50", "p99", "p999"] as const;
const names = { p50: "half", p99: "99 %", p999: "99.9 %" } as const;

export async function latencyBench(options: { rounds: number; scale: number }): Promise<Figure[]> {
  const figures: Figure[] = [];
  const seconds = Math.max(2, 5 * options.scale);
  for (const perSecond of rates) {
    const rows: LatencyRow[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const name of brokers) {
        const row = await measure(name, perSecond, seconds);
        if (row !== undefined) rows.push(row);
      }
    }
    const versions = new Map(rows.map(({ broker, version }) => [broker, version]));
    for (const quantile of quantiles) {
      const valueOf = (name: BrokerName): number =>
        median(rows.filter(({ broker }) => broker === name).map((row) => row[quantile]));
      figures.push({
        claim: "latency",
        what: `${names[quantile]} arrive within, at ${perSecond.toLocaleString("en")} messages/s, 64 B`,
        ...{ delivery: "live", unit: "ms", goals: [] },
        ...{ comity: valueOf("comity"), peers: peersOf(versions, valueOf) },
      });
    }
  }
  return figures;
}

async function measure(
  name: BrokerName,
  perSecond: number,
  seconds: number,
): Promise<LatencyRow | undefined> {
  const broker = await startBroker(name);
  if (broker === undefined) return undefined;
  const { port, protocol, version } = broker;
  try {
    const options: LatencyOptions = { port, protocol, perSecond, seconds };
    const result = await runProcess<LatencyResult>("./latency-load.ts", options);
    if (result.lost > 0) console.error(`latency: ${name} lost ${result.lost} messages`);
    return { broker: name, version, ...result };
  } finally {
    await broker.stop();
  }
}
