import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { twoNodes, until } from "../two-nodes.ts";
import {
  absent,
  assertCounted,
  assertSameRows,
  assertStated,
  expectedRows,
  hasSigned,
  monthsSince,
  type Price,
  readCsv,
  readWholeLog,
  type Recording,
  replay,
} from "./recorded.ts";

interface DataSet {
  readonly folder: string;
  readonly product: string;
  readonly topics: readonly string[];
  readonly price: Price;
  readonly recordings: readonly Recording[];
}

const skab = (part: string): Recording => ({
  folder: `industry/skab-pump-testbed/${part}`,
  map: `{ topic: "pumps/${part}/{file}", payload: "*", time: datetime, delimiter: ";" }`,
  delimiter: ";",
  topic: (file) => `pumps/${part}/${file}`,
});

const dataSets: readonly DataSet[] = [
  {
    folder: "transportation/mndot-loops",
    product: "loops",
    topics: ["loops/+"],
    price: { amount: "0.0017", currency: "EUR", perMessages: 7 },
    recordings: [
      {
        folder: "transportation/mndot-loops",
        map: `{ topic: "loops/{file}", payload: { at: timestamp, reading: value }, time: timestamp }`,
        delimiter: ",",
        topic: (file) => `loops/${file}`,
        members: { at: "timestamp", reading: "value" },
      },
    ],
  },
  {
    folder: "agriculture/soil-moisture-sydney",
    product: "soil",
    topics: ["soil/#"],
    price: { amount: "0.000001", currency: "EUR", perMessages: 1 },
    recordings: [
      {
        folder: "agriculture/soil-moisture-sydney",
        map: `{ topic: "soil/sydney/{file}", payload: "*", time: "{day} {hour}:00" }`,
        delimiter: ",",
        topic: (file) => `soil/sydney/${file}`,
      },
    ],
  },
  {
    folder: "industry/skab-pump-testbed",
    product: "pumps",
    topics: ["pumps/#"],
    price: { amount: "0.05", currency: "EUR", perMessages: 1000 },
    recordings: [skab("other"), skab("valve1"), skab("valve2")],
  },
  {
    folder: "energy/pv-nrel",
    product: "sun",
    topics: ["sun/+"],
    price: { amount: "12.345678", currency: "EUR", perMessages: 1_000_000 },
    recordings: [
      {
        folder: "energy/pv-nrel",
        map: `{ topic: "sun/{file}", payload: "*" }`,
        delimiter: ",",
        topic: (file) => `sun/${file}`,
      },
    ],
  },
];

for (const { folder, product, topics, price, recordings } of dataSets) {
  const title = `recorded data - ${folder} is the consumer's row for row, counted and billed`;
  test(title, { skip: absent(folder) }, async (t) => {
    const startedAt = Date.now();
    const world = await twoNodes();
    const maps = await mkdtemp(join(tmpdir(), "comity-maps-"));
    t.after(async () => {
      await world.close();
      await rm(maps, { recursive: true });
    });
    const offered = { id: product, title: folder, topics, delivery: "logged", terms: { price } };
    await world.share({ ...offered, delivery: "logged" });
    const expected = recordings.flatMap((recording) => expectedRows(recording));
    assert.ok(expected.length > 1000, "the files have rows");
    const acknowledge = async (): Promise<number> => {
      let acknowledged = 0;
      for (const recording of recordings)
        acknowledged += await replay(world.provider, maps, recording);
      return acknowledged;
    };
    assert.equal(await acknowledge(), expected.length);
    // All of it once more: a replay that is repeated adds nothing.
    assert.equal(await acknowledge(), expected.length);

    const sides = [world.provider.http, world.consumer.http];
    const usages = () => Promise.all(sides.map((http) => http.usage()));
    await until("both sides have signed for every row", hasSigned(usages, expected.length), 30_000);
    const lines = await readWholeLog(world.consumer.http, `from/provider/${product}`);
    assertSameRows(lines, expected);
    assertCounted(await usages(), lines);
    await assertStated(sides, monthsSince(startedAt), price, expected.length);
  });
}

test("recorded data - the comparison's own reader takes quotes, empty cells and empty lines", () => {
  const text = '\uFEFFa,"b ""c""",\r\n1,"x,\ny",\n\n\n"",2,3';
  assert.deepEqual(readCsv(text, ","), [
    { line: 1, cells: ["a", 'b "c"', ""] },
    { line: 2, cells: ["1", "x,\ny", ""] },
    { line: 6, cells: ["", "2", "3"] },
  ]);
});
