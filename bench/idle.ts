/**
 * Claims: what a connection that says nothing keeps of memory, and how fast connections come in.
 * Memory is the process's resident set after so many more connections than before, as it stands:
 * nothing is collected for the purpose. As many as the limit on open files lets in.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectStep } from "./devices-load.ts";
import { type Figure, median } from "./figures.ts";
import { LoadProcess } from "./load-process.ts";
import { type BrokerName, peersOf, startBroker } from "./peers.ts";

interface IdleRow {
  readonly broker: BrokerName;
  readonly version: string;
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
    const rows: IdleRow[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const name of brokers) {
        const row = await measure(name, connections);
        if (row !== undefined) rows.push(row);
      }
    }
    figures.push(...figuresOf(rows, connections));
  }
  return figures;
}

async function measure(name: BrokerName, connections: number): Promise<IdleRow | undefined> {
  const broker = await startBroker(name);
  if (broker === undefined) return undefined;
  const { port, protocol, version } = broker;
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
      ...{ broker: name, version },
      bytesEach: (broker.residentBytes() - before.bytes) / connections,
      perSecond: connections / seconds,
      cpuMicrosEach: (cpu / connections) * 1e6,
    };
  } finally {
    await load.stop();
    await broker.stop();
  }
}

function figuresOf(rows: readonly IdleRow[], connections: number): Figure[] {
  const versions = new Map(rows.map(({ broker, version }) => [broker, version]));
  const count = connections.toLocaleString("en");
  const of = (field: "bytesEach" | "cpuMicrosEach" | "perSecond") => {
    const valueOf = (name: BrokerName): number =>
      median(rows.filter(({ broker }) => broker === name).map((row) => row[field]));
    return { comity: valueOf("comity"), peers: peersOf(versions, valueOf) };
  };
  return [
    {
      ...{ claim: "idle", what: `an idle connection of ${count}`, unit: "bytes" },
      ...of("bytesEach"),
      goals: [{ atMost: 4096 }],
    },
    {
      ...{ claim: "idle", what: `${count} connections come in`, unit: "µs CPU/connection" },
      ...of("cpuMicrosEach"),
      goals: [],
    },
    {
      ...{
        claim: "idle",
        what: `${count} connections come in, 100 at a time`,
        unit: "connections/s",
      },
      ...of("perSecond"),
      goals: [],
    },
  ];
}

function openFilesMax(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  const most = /Max open files\s+(\d+)/.exec(limits)?.[1];
  return most === undefined ? 1024 : Number(most);
}
