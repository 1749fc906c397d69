/** What another process takes of the machine, from /proc: on Linux alone. */
import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = 100;

/** User and system, of all its threads that still run: in nanoseconds where the kernel tells them. */
export function cpuSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`).map((id) => nanoseconds(pid, id));
  const sum = threads.reduce<number>((all, one) => all + (one ?? 0), 0);
  return sum > 0 ? sum / 1e9 : cpuTicks(pid) / ticksPerSecond;
}

/** Of a thread, by the first field of schedstat; undefined: it has just ended. */
function nanoseconds(pid: number, thread: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  } catch {
    return undefined;
  }
}

/** By fields 14 and 15 of stat. */
function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}
