/**
 * `npm run bench -- [CLAIM] [--json] [--rounds N] [--scale X]`: one file a claim. Without a claim
 * those that have goals, as one table.
 */
import { parseArgs } from "node:util";
import { durableBench } from "./durable.ts";
import { evidenceBench } from "./evidence.ts";
import { type Figure, printFigures } from "./figures.ts";
import { fleetBench } from "./fleet.ts";
import { historyBench } from "./history.ts";
import { idleBench } from "./idle.ts";
import { latencyBench } from "./latency.ts";
import { ledgerBench } from "./ledger.ts";
import { linkBench } from "./link.ts";
import { meteringBench } from "./metering.ts";
import { mqttBench } from "./mqtt.ts";
import { negotiationBench } from "./negotiation.ts";
import { overheadBench } from "./overhead.ts";
import { policiesBench } from "./policies.ts";
import { routerBench } from "./router.ts";
import { searchBench } from "./search.ts";
import { allBenches } from "./table.ts";
import { thingsBench } from "./things.ts";
import { yearBench } from "./year.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    scale: { type: "string", default: "1" },
    readings: { type: "string", default: "1000000" },
    folder: { type: "string" },
  },
});
const options = { json: values.json, rounds: Number(values.rounds), scale: Number(values.scale) };

async function print(figures: Promise<readonly Figure[]>): Promise<void> {
  if (options.json) console.log(JSON.stringify(await figures, null, 2));
  else printFigures(await figures);
}

const claims: Readonly<Record<string, () => Promise<unknown>>> = {
  mqtt: () => print(mqttBench(options)),
  fleet: () => print(fleetBench(options)),
  overhead: () => print(overheadBench(options)),
  ledger: () => print(ledgerBench(options)),
  metering: () => print(meteringBench(options)),
  latency: () => print(latencyBench(options)),
  idle: () => print(idleBench(options)),
  durable: () => durableBench(options),
  link: () => linkBench(options),
  policies: () => policiesBench(options),
  negotiation: () => negotiationBench(options),
  evidence: () => evidenceBench(options),
  year: () => yearBench(options),
  router: async () => routerBench(options),
  search: () => searchBench(options),
  things: () => thingsBench(options),
  history: () => historyBench({ ...values, readings: Number(values.readings) }),
};
const [name] = positionals;
const claim = name === undefined ? () => allBenches(options) : claims[name];
if (claim === undefined) {
  console.error(`There is no claim "${name}". There are: ${Object.keys(claims).join(", ")}`);
  process.exitCode = 1;
} else await claim();
