/** What another process takes of the machine, from /proc: on Linux alone. */
import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = 100;

/**
 * User and system: in nanoseconds where the kernel tells them of threads, once one has ended in
 * clock ticks, which hold what ended threads used.
 */
export function cpuSeconds(pid: number): number {
  // Ticks are rounded down and read first: they are more only by what has ended.
  const ticks = cpuTicks(pid) / ticksPerSecond;
  const running = readdirSync(`/proc/${pid}/task`).map((id) => nanoseconds(pid, id));
  return Math.max(ticks, running.reduce<number>((all, one) => all + (one ?? 0), 0) / 1e9);
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

/** Of this process. */
export function openFilesMax(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? 1024);
}
