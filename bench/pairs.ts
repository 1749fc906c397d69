/**
 * Two brokers at once, taking turns, many times, first one and then the other first: what one costs
 * to the other, as the median of the pairs' ratios, with the interval that drawing as many pairs
 * again and again gives (95 %, 2,000 draws from a fixed seed).
 */
import type { ConnectStep, ConsumeStep, Published, PublishStep } from "./devices-load.ts";
import { median } from "./figures.ts";
import { LoadProcess, runProcess } from "./load-process.ts";
import type { LoadOptions, LoadResult } from "./load.ts";
import { type Broker, type BrokerName, startBroker } from "./peers.ts";
import { pick, seeded } from "./products.ts";

const pairsMin = 20;

/** Microseconds of CPU for one message, of a run that lasts about a second. */
type Measure = () => Promise<number>;

/** What is sent through a broker, made ready once. */
export type Work = (
  broker: Broker,
) => Promise<{ readonly measure: Measure; readonly end: () => Promise<void> }>;

export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** For people. */
  readonly label: string;
}

export function pairsOf(scale: number): number {
  return Math.max(pairsMin, Math.round(pairsMin * scale));
}

/** What the first broker's message costs to the second's. */
export async function ratioOf(
  names: readonly [BrokerName, BrokerName],
  work: Work,
  pairs: number,
): Promise<Ratio> {
  const brokers = [(await startBroker(names[0]))!, (await startBroker(names[1]))!];
  const sides = await Promise.all(brokers.map(work));
  const [one, other] = sides.map(({ measure }) => measure) as [Measure, Measure];
  const ratios: number[] = [];
  try {
    await one();
    await other();
    for (let i = 0; i < pairs; i++) {
      const inTurn = i % 2 === 0 ? [one, other] : [other, one];
      const first = await inTurn[0]!();
      const second = await inTurn[1]!();
      ratios.push(i % 2 === 0 ? first / second : second / first);
    }
  } finally {
    for (const side of sides) await side.end();
    for (const broker of brokers) await broker.stop();
  }
  const [low, high] = interval(ratios);
  const label = `${pairs} pairs, 95 % between ${low.toFixed(3)} and ${high.toFixed(3)}`;
  return { median: median(ratios), low, high, label };
}

/** `payload` in place of 64 bytes of text. */
export const firehose =
  (payload?: string): Work =>
  async (broker) => ({
    measure: () => firehoseCost(broker, payload),
    end: async () => {},
  });

async function firehoseCost(broker: Broker, payload: string | undefined): Promise<number> {
  const messages = payload === undefined ? 1_000_000 : 200_000;
  const options: LoadOptions = {
    ...{ port: broker.port, protocol: broker.protocol, pairs: 1, subscribersPerTopic: 1, qos: 0 },
    ...{ payloadBytes: 64, messages, window: 20_000, ...(payload !== undefined && { payload }) },
  };
  const before = broker.cpuSeconds();
  const { published } = await runProcess<LoadResult>("./load.ts", options);
  return ((broker.cpuSeconds() - before) / published) * 1e6;
}

/** So many devices, each a message a second, to three consumers. */
export const fleet =
  (devices: number): Work =>
  async (broker) => {
    const load = new LoadProcess("./devices-load.ts");
    const { port, protocol } = broker;
    await load.ask({ step: "consume", port, protocol, consumers: 3 } satisfies ConsumeStep);
    const connect: ConnectStep = { step: "connect", port, protocol, connections: devices };
    await load.ask(connect);
    const step: PublishStep = { step: "publish", seconds: 2 };
    const measure = async (): Promise<number> => {
      const before = broker.cpuSeconds();
      const { sent } = await load.ask<Published>(step);
      return ((broker.cpuSeconds() - before) / sent) * 1e6;
    };
    return { measure, end: () => load.stop() };
  };

/** Of the median, by drawing as many pairs again and again, from a fixed seed. */
function interval(ratios: readonly number[]): readonly [number, number] {
  const random = seeded(0x9e37_79b9);
  const medians = Array.from({ length: 2000 }, () =>
    median(ratios.map(() => pick(random, ratios))),
  );
  medians.sort((a, b) => a - b);
  return [medians[50]!, medians[1949]!];
}
