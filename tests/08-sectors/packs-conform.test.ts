/** What sectors' readers make of recorded data, held against the vocabularies of their packs. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/kernel/clock.ts";
import { departureOf } from "../../src/market/commission/departure.ts";
import type { Document } from "../../src/market/commission/document.ts";
import { sectors } from "../../src/sectors/list.ts";
import type { SourceInput } from "../../src/sectors/sector.ts";
import { absent as absentFolder, filesOf } from "../07-federate/recorded.ts";
import { minutesOf, observationsOf, skip as noVitals } from "./health-data.ts";
import { absent, recorded } from "./transport-data.ts";

/** How many messages one reader makes of these; fails with all that is otherwise in any of them. */
async function assertConform(sector: string, source: string, inputs: readonly SourceInput[]) {
  const pack = sectors.find(({ name }) => name === sector)!;
  const outside = { id: "recorded", clock: systemClock, pseudonym: (name: string) => name };
  const reader = await pack.sources[source]!.open(outside);
  const { messages } = structuredClone(pack.vocabulary) as Document;
  const departures = new Set<string>();
  let conforming = 0;
  for (const input of inputs) {
    for (const { payload } of reader.read(input).messages) {
      const departure = departureOf(Buffer.from(JSON.stringify(payload)), { messages });
      if (departure === undefined) conforming++;
      else departures.add(departure);
    }
  }
  assert.deepEqual([...departures], []);
  assert.ok(conforming > 0, "nothing was read");
}

const feeds = [
  "nyc-vehicle-positions.pb",
  "nyc-trip-updates.pb.bz2",
  "nyc-service-alerts.pb.bz2",
  "louisville-positions.pb",
] as const;

for (const name of feeds) {
  test(`packs - all of ${name} is by transport's vocabulary`, { skip: absent(name) }, async () => {
    await assertConform("transport", "gtfs-realtime", [{ bytes: recorded(name), from: name }]);
  });
}

const loops = "transportation/mndot-loops";

test("packs - loop detectors are by transport's", { skip: absentFolder(loops) }, async () => {
  const files = filesOf({ folder: loops, map: "", delimiter: ",", topic: () => "" });
  const inputs = files.map((from) => ({ bytes: readFileSync(from), from }));
  await assertConform("transport", "mndot-loops", inputs);
});

const plants = "energy/pv-nrel";

test("packs - a plant's measurements are by energy's", { skip: absentFolder(plants) }, async () => {
  const from = fileURLToPath(
    new URL(`../../../shared/data/${plants}/serf_west_15min.csv`, import.meta.url),
  );
  await assertConform("energy", "nrel-pv", [{ bytes: readFileSync(from), from }]);
});

test("packs - a bed's vital signs are by health's", { skip: noVitals }, async () => {
  const inputs = minutesOf("s00001").map((minute) => {
    const entry = observationsOf(minute, "Patient/1").map((resource) => ({ resource }));
    const bundle = { resourceType: "Bundle", type: "collection", entry };
    return { bytes: Buffer.from(JSON.stringify(bundle)), from: "vitals" };
  });
  await assertConform("health", "fhir", inputs);
});
