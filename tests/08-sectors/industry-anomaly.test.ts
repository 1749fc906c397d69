/** The recorded pump test bed in as Sparkplug, shared, and scored by who bought it. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { encodeSparkplug, type Metric } from "../../src/wire/sparkplug-b.ts";
import { datatype } from "../../src/wire/sparkplug-datatype.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { type Sample, scoresOf } from "./anomaly-by-hand.ts";

const recorded = new URL("../../../shared/data/industry/skab-pump-testbed/", import.meta.url);
const skip = existsSync(recorded) ? false : "the recorded data (../shared) is not there";

interface Experiment {
  readonly device: string;
  readonly channels: readonly string[];
  readonly rows: readonly (Sample & { readonly isFault: boolean })[];
}

function experiments(): readonly Experiment[] {
  return ["valve1", "valve2", "other"].flatMap((folder) =>
    readdirSync(new URL(folder, recorded)).map((file): Experiment => {
      const text = readFileSync(new URL(`${folder}/${file}`, recorded), "utf8");
      const [head = "", ...lines] = text.trim().split(/\r?\n/);
      const rows = lines.map((line) => {
        const [at = "", ...cells] = line.split(";");
        const values = cells.slice(0, 8).map(Number);
        const isFault = Number(cells[8]) === 1;
        return { at: Date.parse(`${at.replace(" ", "T")}Z`), values, isFault };
      });
      const device = `${folder}-${file.replace(".csv", "")}`;
      return { device, channels: head.split(";").slice(1, 9), rows };
    }),
  );
}

let nodes: TwoNodes;
before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

test(
  "industry - sixteen experiments of a pump, scored by the other organisation as by hand",
  { skip },
  async (t) => {
    const { provider, consumer } = nodes;
    const { template } = await provider.http.sector("industry");
    await nodes.share({
      ...{ id: "pumps", title: "A test bed's pumps", topics: ["plant/#"], sector: "industry" },
      ...template.product,
      terms: template.terms,
    });
    const from = { way: "topic", address: "spBv1.0/#" } as const;
    await provider.http.addSource({ kind: "sparkplug-b", from, topic: "plant" });
    await consumer.http.addIndicator({ kind: "anomaly", filters: ["from/provider/pumps/#"] });
    const told = new Map<string, ToldFigure>();
    const listener = await nodes.mqtt("consumer");
    await listener.subscribe("indicators/industry/anomaly/#", { qos: 1 }, ({ payload }) => {
      const figure = JSON.parse(Buffer.from(payload).toString("utf8")) as ToldFigure;
      if (figure.value !== null) told.set(`${figure.key} ${Date.parse(figure.asOf)}`, figure);
    });
    const all = experiments();
    await publish(all);
    const rows = all.reduce((sum, one) => sum + one.rows.length, 0);
    // a message a reading, and one that the node and each device is there
    const messages = 8 * rows + all.length + 1;
    await until(
      "all readings are followed",
      async () => (await consumer.http.indicators())[0]?.messages === messages,
      120_000,
    );
    const expected = rows - 400 * all.length;
    await until("the last samples are scored too", async () => {
      await consumer.http.figures("anomaly");
      return told.size === expected;
    });
    const [counts, byHand] = [newCounts(), newCounts()];
    for (const { device, rows: own } of all) {
      const scores = scoresOf(own);
      for (const { at, isFault } of own.slice(400)) {
        const score = scores.get(at)!;
        const { value, unusual } = told.get(`testbed/rig/${device} ${at}`) ?? assert.fail();
        assert.ok(Math.abs(value! - score) < 0.00051 + 1e-6 * score, `${value} is not ${score}`);
        count(counts, unusual, isFault);
        count(byHand, score >= 3, isFault);
      }
    }
    assert.deepEqual(counts, byHand);
    const precision = counts.found / (counts.found + counts.falsely);
    const recall = counts.found / (counts.found + counts.missed);
    t.diagnostic(`precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)} of ${rows} rows`);
    assert.ok(precision > 0.7 && recall > 0.75);
    assert.deepEqual((await provider.http.sources())[0]?.faults, {});
  },
);

interface ToldFigure {
  readonly key: string;
  readonly value: number | null;
  readonly unusual: boolean;
  readonly asOf: string;
}

type Counts = ReturnType<typeof newCounts>;

function newCounts() {
  return { found: 0, missed: 0, falsely: 0, quiet: 0 };
}

function count(counts: Counts, isUnusual: boolean, isFault: boolean): void {
  if (isUnusual) counts[isFault ? "found" : "falsely"]++;
  else counts[isFault ? "missed" : "quiet"]++;
}

/** One edge node, a device an experiment: births name the channels, data carry aliases alone. */
async function publish(all: readonly Experiment[]): Promise<void> {
  const { provider } = nodes;
  const edge = await nodes.mqtt("provider");
  const under: Promise<unknown>[] = [];
  let sent = 0;
  const say = async (path: string, timestamp: number, metrics: readonly Metric[]) => {
    const bytes = encodeSparkplug({ timestamp, seq: sent++ % 256, metrics });
    under.push(edge.publish(`spBv1.0/testbed/${path}`, bytes, { qos: 1 }));
    // a source that is too far behind leaves out what comes
    if (sent % 5_000 !== 0) return;
    await Promise.all(under.splice(0));
    await until("the source has read them", async () => {
      // its own state is a message too
      return ((await provider.http.sources())[0]?.reads ?? 0) > sent;
    });
  };
  const raw = { as: "long", value: 0n } as const;
  await say("NBIRTH/rig", all[0]!.rows[0]!.at, [{ name: "bdSeq", datatype: datatype.int64, raw }]);
  for (const { device, channels, rows } of all) {
    for (const [index, { at, values }] of rows.entries()) {
      const isBirth = index === 0;
      const metrics = values.map((value, channel): Metric => ({
        ...(isBirth && { name: channels[channel]!, datatype: datatype.double }),
        ...{ alias: BigInt(channel), raw: { as: "double", value } },
      }));
      await say(`${isBirth ? "DBIRTH" : "DDATA"}/rig/${device}`, at, metrics);
    }
  }
  await Promise.all(under);
}
