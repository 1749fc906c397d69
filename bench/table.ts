/** All claims in one run, as one table with the goals, and its result file. */
import { drawChart } from "./chart.ts";
import { type Figure, machineFacts, printFigures, writeResults } from "./figures.ts";
import { fleetBench } from "./fleet.ts";
import { idleBench } from "./idle.ts";
import { latencyBench } from "./latency.ts";
import { linkRows } from "./link.ts";
import { ledgerBench } from "./ledger.ts";
import { meteringBench } from "./metering.ts";
import { mqttBench } from "./mqtt.ts";
import { negotiationRows } from "./negotiation.ts";
import { overheadBench } from "./overhead.ts";
import { routerRows } from "./router.ts";

interface TableOptions {
  readonly rounds: number;
  readonly scale: number;
  readonly json: boolean;
}

export async function allBenches(options: TableOptions): Promise<void> {
  const { rounds, scale, json } = options;
  const figures: Figure[] = [
    ...(await mqttBench(options)),
    ...(await fleetBench(options)),
    ...(await overheadBench(options)),
    ...(await meteringBench(options)),
    ...(await ledgerBench(options)),
    ...(await latencyBench(options)),
    ...(await idleBench(options)),
    ...twoNodes(await linkRows(options)),
    ...match(routerRows()),
    ...negotiation(await negotiationRows(scale)),
  ];
  const date = new Date().toISOString().slice(0, 10);
  const results = { date, machine: machineFacts(), rounds, scale, figures };
  const file = writeResults(results);
  drawChart(results);
  if (json) console.log(JSON.stringify(results, null, 2));
  else {
    printFigures(figures);
    console.log(`\nwritten to ${file}; the chart to docs/reference/benchmarks.svg`);
  }
}

function twoNodes(rows: Awaited<ReturnType<typeof linkRows>>): Figure[] {
  return rows.map(({ delivery, agreements, to, provider, consumer }) => ({
    claim: "link",
    what: `device → provider → link → consumer's ${to}, ${agreements} priced agreements, 70 B`,
    ...{ delivery, unit: "µs CPU/message, both nodes", comity: provider + consumer },
    ...{ peers: [], goals: [] },
  }));
}

function match(rows: ReturnType<typeof routerRows>): Figure[] {
  const [least, most] = [rows[0]!, rows.at(-1)!];
  return [
    {
      claim: "router",
      what: `a match among ${most.subscriptions.toLocaleString("en")} subscriptions`,
      unit: `times one among ${least.subscriptions.toLocaleString("en")} (${least.matchNs.toFixed(0)} ns)`,
      ...{ comity: most.matchNs / least.matchNs, peers: [], goals: [{ atMost: 1.2 }] },
    },
  ];
}

function negotiation(rows: Awaited<ReturnType<typeof negotiationRows>>): Figure[] {
  return rows.map(({ what, p50 }) => ({
    claim: "negotiation",
    what: `request → FINALIZED, two nodes on one machine, ${what}`,
    ...{ unit: "ms, half within", comity: p50, peers: [], goals: [{ atMost: 50 }] },
  }));
}
