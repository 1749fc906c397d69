/** A recorded machine in as Sparkplug B, shared under the template, judged by who bought it. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { MachineAnomaly } from "../../src/sectors/industry/anomaly.ts";
import {
  datatype,
  decodeSparkplug,
  encodeSparkplug,
  type Metric,
} from "../../src/wire/sparkplug-b.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";

const recorded = new URL(
  "../../../shared/data/industry/skab-pump-testbed/valve1/0.csv",
  import.meta.url,
);
const skip = existsSync(recorded) ? false : "the recorded data (../shared) is not there";
const start = Date.UTC(2020, 2, 9, 10);
const rowsSent = 520;

let nodes: TwoNodes;

before(async () => {
  nodes = await twoNodes();
});
after(() => nodes.close());

function birth(channels: readonly string[], seq: number): Uint8Array {
  const metrics = channels.map((name, at): Metric => {
    return { name, alias: BigInt(at), datatype: datatype.double, isNull: true };
  });
  return encodeSparkplug({ timestamp: start, seq, metrics });
}

function data(values: readonly number[], seq: number, timestamp: number): Uint8Array {
  const metrics = values.map((value, at): Metric => {
    return { alias: BigInt(at), raw: { as: "double", value } };
  });
  return encodeSparkplug({ timestamp, seq, metrics });
}

test(
  "industry - a recorded pump end to end, with the score another organisation sees",
  { skip },
  async () => {
    const { provider, consumer } = nodes;
    const [head = "", ...lines] = readFileSync(recorded, "utf8").trim().split(/\r?\n/);
    const channels = head.split(";").slice(1, 9);
    const rows = lines.slice(0, rowsSent).map((line) => line.split(";").slice(1, 9).map(Number));
    const { template } = await provider.http.sector("industry");
    await nodes.share({
      ...{ id: "pumps", title: "Pumps", topics: ["machines/#"], sector: "industry" },
      ...template.product,
      terms: template.terms,
    });
    const from = { way: "topic", address: "spBv1.0/#" } as const;
    await provider.http.addSource({ kind: "sparkplug-b", from, topic: "machines" });
    await consumer.http.addIndicator({ kind: "anomaly", filters: ["from/provider/pumps/#"] });
    const edge = await nodes.mqtt("provider");
    const say = (path: string, bytes: Uint8Array) =>
      edge.publish(`spBv1.0/plant/${path}`, Buffer.from(bytes), { qos: 1 });
    await say("NBIRTH/line1", birth([], 0));
    await say("DBIRTH/line1/pump", birth(channels, 1));
    for (const [at, values] of rows.entries()) {
      await say("DDATA/line1/pump", data(values, (at + 2) % 256, start + (at + 1) * 1000));
    }
    await until("all measurements arrived", async () => {
      const log = (await consumer.http.logs()).find((one) => one.log === "from/provider/pumps");
      return (log?.messages ?? 0) >= rowsSent * 8;
    });
    // the last row is a sample only when a later one has come; channels are met in the first five
    const model = new MachineAnomaly({ channels });
    let told: ReturnType<MachineAnomaly["observe"]>;
    for (const values of rows.slice(4, -1)) told = model.observe(values);
    await until("the score is told", async () => {
      const [figure] = await consumer.http.figures("anomaly");
      return figure?.["sampledAt"] === new Date(start + (rowsSent - 1) * 1000).toISOString();
    });
    const [figure] = await consumer.http.figures("anomaly");
    assert.equal(figure?.value, Number(told!.score.toFixed(2)));
    assert.deepEqual(
      [figure["isUnusual"], figure["mostUnusual"]],
      [told!.isUnusual, told!.channels[0]?.channel],
    );
    const [source] = await provider.http.sources();
    assert.deepEqual([source?.faults, source?.failures], [{}, 0]);
  },
);

test(
  "industry - after a gap the node is asked to be born again; what is foreign is counted",
  { skip },
  async () => {
    const { provider } = nodes;
    const edge = await nodes.mqtt("provider");
    const commands: Uint8Array[] = [];
    await edge.subscribe("spBv1.0/plant/NCMD/line2", { qos: 1 }, ({ payload }) => {
      commands.push(Buffer.from(payload));
    });
    const say = (path: string, bytes: Uint8Array) =>
      edge.publish(`spBv1.0/plant/${path}`, Buffer.from(bytes), { qos: 1 });
    await say("NBIRTH/line2", birth(["Speed"], 0));
    await say("NDATA/line2", data([1], 1, start + 1000));
    await say("NDATA/line2", data([2], 7, start + 2000));
    await say("NDATA/line2", Buffer.from("21.5"));
    await until("a birth is asked for", () => commands.length === 1);
    const [metric] = decodeSparkplug(commands[0]!).metrics;
    assert.deepEqual([metric?.name, metric?.raw?.value], ["Node Control/Rebirth", true]);
    await until("it is counted", async () => {
      const { faults = {} } = (await provider.http.sources())[0] ?? {};
      return faults["sequence-gap"] === 1 && faults["payload"] === 1;
    });
  },
);
