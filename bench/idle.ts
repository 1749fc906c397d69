/**
 * Claims: what a connection that says nothing keeps of memory, and how fast connections come in.
 * Memory is the process's resident set after so many more connections than before, as it stands:
 * nothing is collected for the purpose. As many as the limit on open files lets in.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openFilesMax } from "../tests/process-usage.ts";
import type { ConnectStep } from "./devices-load.ts";
import type { Figure } from "./figures.ts";
import { LoadProcess } from "./load-process.ts";
import type { Broker, BrokerName } from "./peers.ts";
import { beside, inTurns, type Turn } from "./turns.ts";

interface IdleRow {
  readonly bytesEach: number;
  readonly perSecond: number;
  readonly cpuMicrosEach: number;
}

const brokers: readonly BrokerName[] = ["comity", "mosquitto", "nats", "nats-mqtt", "aedes"];
const sizes = [10_000, 50_000];
const warmUp = 1000;
const settleMs = 3000;

export async function idleBench(options: { rounds: number; scale: number }): Promise<Figure[]> {
  const room = openFilesMax() - 500 - warmUp;
  const counts = [
    ...new Set(sizes.map((size) => Math.min(room, Math.round(size * options.scale)))),
  ];
  const figures: Figure[] = [];
  for (const connections of counts) {
    const measured = (broker: Broker): Promise<IdleRow> => measure(broker, connections);
    const rows = await inTurns(options.rounds, brokers, measured);
    figures.push(...figuresOf(rows, connections));
  }
  return figures;
}

async function measure(broker: Broker, connections: number): Promise<IdleRow> {
  const { port, protocol } = broker;
  const load = new LoadProcess("./devices-load.ts");
  const connect = (count: number): Promise<{ seconds: number }> =>
    load.ask({ step: "connect", port, protocol, connections: count } satisfies ConnectStep);
  try {
    await connect(warmUp);
    await sleep(settleMs);
    const before = { bytes: broker.residentBytes(), cpu: broker.cpuSeconds() };
    const { seconds } = await connect(connections);
    const cpu = broker.cpuSeconds() - before.cpu;
    await sleep(settleMs);
    return {
      bytesEach: (broker.residentBytes() - before.bytes) / connections,
      perSecond: connections / seconds,
      cpuMicrosEach: (cpu / connections) * 1e6,
    };
  } finally {
    await load.stop();
  }
}

function figuresOf(rows: readonly (IdleRow & Turn)[], connections: number): Figure[] {
  const count = connections.toLocaleString("en");
  return [
    {
      ...{ claim: "idle", what: `an idle connection of ${count}`, unit: "bytes" },
      ...beside(rows, ({ bytesEach }) => bytesEach),
      goals: [{ atMost: 4096 }],
    },
    {
      ...{ claim: "idle", what: `${count} connections come in`, unit: "µs CPU/connection" },
      ...beside(rows, ({ cpuMicrosEach }) => cpuMicrosEach),
      goals: [],
    },
    {
      ...{
        claim: "idle",
        what: `${count} connections come in, 100 at a time`,
        unit: "connections/s",
      },
      ...beside(rows, ({ perSecond }) => perSecond),
      goals: [],
    },
  ];
}
