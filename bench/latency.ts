/**
 * Claim: how long a message is on its way, from the publisher's write to the consumer's read, at a
 * steady rate over fifty publishers. Both ends are one process, so that one clock times them; its
 * own turns are in the figures, the same for all brokers.
 */
import type { Figure } from "./figures.ts";
import type { LatencyOptions, LatencyResult } from "./latency-load.ts";
import { runProcess } from "./load-process.ts";
import type { Broker, BrokerName } from "./peers.ts";
import { beside, inTurns } from "./turns.ts";

const brokers: readonly BrokerName[] = ["comity", "mosquitto", "nats", "nats-mqtt", "aedes"];
const rates = [5000, 20_000];
const quantiles = ["p50", "p99", "p999"] as const;
const names = { p50: "half", p99: "99 %", p999: "99.9 %" } as const;

export async function latencyBench(options: { rounds: number; scale: number }): Promise<Figure[]> {
  const figures: Figure[] = [];
  const seconds = Math.max(2, 5 * options.scale);
  for (const perSecond of rates) {
    const measured = (broker: Broker): Promise<LatencyResult> =>
      measure(broker, perSecond, seconds);
    const rows = await inTurns(options.rounds, brokers, measured);
    for (const quantile of quantiles) {
      figures.push({
        claim: "latency",
        what: `${names[quantile]} arrive within, at ${perSecond.toLocaleString("en")} messages/s, 64 B`,
        ...{ delivery: "live", unit: "ms", goals: [] },
        ...beside(rows, (row) => row[quantile]),
      });
    }
  }
  return figures;
}

async function measure(
  { name, port, protocol }: Broker,
  perSecond: number,
  seconds: number,
): Promise<LatencyResult> {
  const options: LatencyOptions = { port, protocol, perSecond, seconds };
  const result = await runProcess<LatencyResult>("./latency-load.ts", options);
  if (result.lost > 0) console.error(`latency: ${name} lost ${result.lost} messages`);
  return result;
}
