/**
 * Claim: what an agreement adds to a message, enforced and counted, to what the same broker takes
 * without one. Both run at once and take turns, many times, first one and then the other first;
 * the figure is the median of the pairs' ratios, with the interval that a resampling of the pairs
 * gives (95 %, 2,000 draws from a fixed seed).
 */
import type { ConnectStep, ConsumeStep, Published, PublishStep } from "./devices-load.ts";
import { type Figure, median } from "./figures.ts";
import { LoadProcess, runProcess } from "./load-process.ts";
import type { LoadOptions, LoadResult } from "./load.ts";
import { type Broker, startBroker } from "./peers.ts";
import { pick, seeded } from "./products.ts";

const pairsMin = 20;
const fleetDevices = 2000;
const reading = JSON.stringify({
  id: "sensor-0001",
  at: 1_795_000_000,
  temperature: 21.5,
  humidity: 40,
});

/** Microseconds of CPU for one message, of a run that lasts about a second. */
type Measure = () => Promise<number>;

export async function overheadBench(options: { scale: number }): Promise<Figure[]> {
  const pairs = Math.max(pairsMin, Math.round(pairsMin * options.scale));
  return [
    await compared("firehose 1→1 QoS 0, 64 B", pairs, "comity", firehose(), [{ atMost: 1.1 }]),
    await compared(
      `fleet of ${fleetDevices.toLocaleString("en")} devices × 1/s → 3`,
      pairs,
      "comity",
      fleet,
      [{ atMost: 1.1 }],
    ),
    await compared(
      "firehose of JSON readings, two of four members sold",
      pairs,
      "comity-view",
      firehose(reading),
      [],
    ),
  ];
}

async function compared(
  what: string,
  pairs: number,
  name: "comity" | "comity-view",
  prepare: (broker: Broker) => Promise<{ measure: Measure; end: () => Promise<void> }>,
  goals: Figure["goals"],
): Promise<Figure> {
  const brokers = [(await startBroker(name))!, (await startBroker("comity-open"))!];
  const sides = await Promise.all(brokers.map(prepare));
  const [under, open] = sides.map(({ measure }) => measure) as [Measure, Measure];
  const ratios: number[] = [];
  try {
    await under();
    await open();
    for (let i = 0; i < pairs; i++) {
      const inTurn = i % 2 === 0 ? [under, open] : [open, under];
      const first = await inTurn[0]!();
      const second = await inTurn[1]!();
      ratios.push(i % 2 === 0 ? first / second : second / first);
    }
  } finally {
    for (const side of sides) await side.end();
    for (const broker of brokers) await broker.stop();
  }
  const [low, high] = interval(ratios);
  const label = `${what}, ${pairs} pairs, 95 % between ${low.toFixed(3)} and ${high.toFixed(3)}`;
  return {
    claim: "overhead",
    what: `under agreement against without: ${label}`,
    ...{
      delivery: "live",
      unit: "times the CPU/message",
      comity: median(ratios),
      peers: [],
      goals,
    },
  };
}

/** `payload` in place of 64 bytes of text. */
const firehose = (payload?: string) => async (broker: Broker) => ({
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

async function fleet(broker: Broker) {
  const load = new LoadProcess("./devices-load.ts");
  const { port, protocol } = broker;
  await load.ask({ step: "consume", port, protocol, consumers: 3 } satisfies ConsumeStep);
  const connect: ConnectStep = { step: "connect", port, protocol, connections: fleetDevices };
  await load.ask(connect);
  const step: PublishStep = { step: "publish", seconds: 2 };
  const measure = async (): Promise<number> => {
    const before = broker.cpuSeconds();
    const { sent } = await load.ask<Published>(step);
    return ((broker.cpuSeconds() - before) / sent) * 1e6;
  };
  return { measure, end: () => load.stop() };
}

/** Of the median, by drawing as many pairs again and again, from a fixed seed. */
function interval(ratios: readonly number[]): readonly [number, number] {
  const random = seeded(0x9e37_79b9);
  const medians = Array.from({ length: 2000 }, () =>
    median(ratios.map(() => pick(random, ratios))),
  );
  medians.sort((a, b) => a - b);
  return [medians[50]!, medians[1949]!];
}
