/**
 * What a bench found, in one form for all of them: Comity's figure beside its peers' of the same
 * run, and the goals it is held against. Table, result file and chart are made of these.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";

export interface Figure {
  readonly claim: string;
  readonly what: string;
  /** Kept before it is acknowledged or delivered, or not; absent: no messages are in it. */
  readonly delivery?: "live" | "logged";
  readonly unit: string;
  readonly comity: number;
  readonly peers: readonly Peer[];
  readonly goals: readonly Goal[];
}

interface Peer {
  readonly name: string;
  readonly version: string;
  readonly value: number;
}

/** Less is better for `atMost` and `times`, more for `atLeast`. */
export type Goal =
  | { readonly atMost: number }
  | { readonly atLeast: number }
  /** So many times less than the peer named, or than the best of all. */
  | { readonly times: number; readonly than: string };

export interface Verdict {
  readonly text: string;
  /** Undefined: the peer it is held against was not there. */
  readonly met: boolean | undefined;
}

const best = "the best";

export function verdictOf({ comity, peers }: Figure, goal: Goal): Verdict {
  if ("atMost" in goal) return { text: `≤ ${goal.atMost}`, met: comity <= goal.atMost };
  if ("atLeast" in goal) {
    return { text: `≥ ${goal.atLeast.toLocaleString("en")}`, met: comity >= goal.atLeast };
  }
  const text = `≥ ${goal.times}× ${goal.than}`;
  const rivals = peers.filter(({ name }) =>
    goal.than === best ? !isOurs(name) : name === goal.than,
  );
  if (rivals.length === 0) return { text, met: undefined };
  const least = Math.min(...rivals.map(({ value }) => value));
  return { text, met: least / comity >= goal.times };
}

/** Comity in another form stands beside it, and is no rival. */
export function isOurs(name: string): boolean {
  return name.startsWith("Comity");
}

/** The table of all that was measured. */
export function printFigures(figures: readonly Figure[]): void {
  for (const figure of figures) {
    const { what, delivery, unit, comity, peers, goals } = figure;
    const kind = delivery === undefined ? "" : `, ${delivery}`;
    console.log(`\n${what}${kind} (${unit})`);
    console.log(`  ${"Comity".padEnd(34)}${short(comity).padStart(12)}`);
    for (const { name, version, value } of peers) {
      const ratio = `${(value / comity).toFixed(1)}×`;
      console.log(
        `  ${`${name} ${version}`.padEnd(34)}${short(value).padStart(12)}${ratio.padStart(9)}`,
      );
    }
    for (const goal of goals) {
      const { text, met } = verdictOf(figure, goal);
      const verdict = met === undefined ? "not compared" : met ? "met" : "MISSED";
      console.log(`  goal ${text}: ${verdict}`);
    }
  }
}

export interface Results {
  /** Day of the run, YYYY-MM-DD. */
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly scale: number;
  readonly figures: readonly Figure[];
}

interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly kernel: string;
  readonly node: string;
}

export function machineFacts(): Machine {
  return {
    cpu: cpus()[0]?.model ?? arch(),
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
  };
}

/** `bench/results/YYYY-MM-DD.json`; a later run of the day takes its place. */
export function writeResults(results: Results): string {
  const folder = new URL("./results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${results.date}.json`, folder);
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  return file.pathname;
}

/** Three digits that say something. */
export function short(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
