import { readFileSync } from "node:fs";
import os from "node:os";

/** What the newcomer's own machine says about itself: no simulation. */
export interface MachineReading {
  /** Share of the processors' time that was used since the last reading, 0–1. */
  readonly load: number;
  readonly memoryUsed: number;
  readonly memoryTotal: number;
  /** Bytes a second since the last reading; absent where the system does not tell. */
  readonly received?: number;
  readonly sent?: number;
}

/** Where the numbers come from; passed in so that a test can give its own. */
export interface MachineSource {
  /** Milliseconds of processor time, idle and in all. */
  cpu(): { readonly idle: number; readonly total: number };
  memory(): { readonly used: number; readonly total: number };
  /** Bytes since the machine started; undefined where the system does not tell. */
  network(): { readonly received: number; readonly sent: number } | undefined;
}

export const thisMachine: MachineSource = {
  cpu() {
    let idle = 0;
    let total = 0;
    for (const { times } of os.cpus()) {
      idle += times.idle;
      total += times.user + times.nice + times.sys + times.idle + times.irq;
    }
    return { idle, total };
  },
  memory: () => ({ used: os.totalmem() - os.freemem(), total: os.totalmem() }),
  network() {
    try {
      return parseNetDev(readFileSync("/proc/net/dev", "utf8"));
    } catch {
      return undefined; // only Linux has the file
    }
  },
};

/** Sums all interfaces of Linux's /proc/net/dev, the loopback included: the world's own traffic. */
export function parseNetDev(text: string): { received: number; sent: number } {
  let received = 0;
  let sent = 0;
  for (const line of text.split("\n")) {
    const [, numbers] = line.split(":");
    if (numbers === undefined) continue;
    const columns = numbers.trim().split(/\s+/).map(Number);
    received += columns[0] ?? 0;
    sent += columns[8] ?? 0;
  }
  return { received, sent };
}

/** Returns a function that reads what changed since it was last called. */
export function watchMachine(source: MachineSource, monotonic: () => number): () => MachineReading {
  let cpu = source.cpu();
  let network = source.network();
  let at = monotonic();
  return () => {
    const nowCpu = source.cpu();
    const nowNetwork = source.network();
    const nowAt = monotonic();
    const total = nowCpu.total - cpu.total;
    const seconds = Math.max(0.001, (nowAt - at) / 1000);
    const load = total > 0 ? 1 - (nowCpu.idle - cpu.idle) / total : 0;
    const memory = source.memory();
    const reading = {
      load: Math.min(1, Math.max(0, load)),
      memoryUsed: memory.used,
      memoryTotal: memory.total,
      ...(network &&
        nowNetwork && {
          received: (nowNetwork.received - network.received) / seconds,
          sent: (nowNetwork.sent - network.sent) / seconds,
        }),
    };
    cpu = nowCpu;
    network = nowNetwork;
    at = nowAt;
    return reading;
  };
}
