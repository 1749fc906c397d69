/** `npm run bench -- CLAIM [--json] [--rounds N] [--scale X]`: one file a claim. */
import { parseArgs } from "node:util";
import { durableBench } from "./durable.ts";
import { historyBench } from "./history.ts";
import { linkBench } from "./link.ts";
import { mqttBench } from "./mqtt.ts";
import { policiesBench } from "./policies.ts";
import { negotiationBench } from "./negotiation.ts";
import { routerBench } from "./router.ts";
import { searchBench } from "./search.ts";
import { thingsBench } from "./things.ts";

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
const claims: Readonly<Record<string, () => Promise<unknown>>> = {
  mqtt: () => mqttBench(options),
  durable: () => durableBench(options),
  link: () => linkBench(options),
  policies: () => policiesBench(options),
  negotiation: () => negotiationBench(options),
  router: async () => routerBench(options),
  search: () => searchBench(options),
  things: () => thingsBench(options),
  history: () => historyBench({ ...values, readings: Number(values.readings) }),
};
const claim = claims[positionals[0] ?? ""];
if (claim === undefined) {
  console.error(`Name a claim: ${Object.keys(claims).join(", ")} (npm run bench -- mqtt)`);
  process.exitCode = 1;
} else await claim();
