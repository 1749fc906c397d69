import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { encodeSparkplug, type Metric } from "../../wire/sparkplug-b.ts";
import { datatype } from "../../wire/sparkplug-datatype.ts";
import { type MachineReading, SparkplugHost } from "./sparkplug-host.ts";
import { readSparkplugTopic } from "./sparkplug-topic.ts";

const fixtures = new URL("../../../../shared/fixtures/sparkplug-b/", import.meta.url);
const skip = existsSync(fixtures) ? false : "the fixtures (../shared) are not there";

interface Heard {
  readonly host: SparkplugHost;
  readonly readings: MachineReading[];
  readonly online: string[];
  readonly problems: string[];
  readonly rebirths: string[];
}

function host(limits: ConstructorParameters<typeof SparkplugHost>[1] = {}): Heard {
  const readings: MachineReading[] = [];
  const [online, problems, rebirths] = [[], [], []] as [string[], string[], string[]];
  const listener = {
    reading: (reading: MachineReading) => void readings.push(reading),
    status: ({ node, device = "" }: { node: string; device?: string }, isOnline: boolean) =>
      void online.push(`${node}/${device} ${isOnline ? "on" : "off"}`),
    rebirth: ({ group, node }: { group: string; node: string }) =>
      void rebirths.push(`${group}/${node}`),
    problem: (problem: string) => void problems.push(problem),
    born: () => {},
  };
  return { host: new SparkplugHost(listener, limits), readings, online, problems, rebirths };
}

const temperature: Metric = {
  ...{ name: "Temperature", alias: 100n, datatype: datatype.double },
  raw: { as: "double", value: 21.5 },
};
const bdSeq = (value: bigint): Metric => ({
  ...{ name: "bdSeq", datatype: datatype.uint64 },
  raw: { as: "long", value },
});

function say(
  { host: to }: Heard,
  path: string,
  seq: number | undefined,
  metrics: readonly Metric[],
  now = 1_000,
): void {
  const bytes = encodeSparkplug({
    timestamp: 5_000,
    metrics,
    ...(seq === undefined ? {} : { seq }),
  });
  to.receive(`spBv1.0/plant/${path}`, bytes, now);
}

const byAlias = (value: number): Metric => ({ alias: 100n, raw: { as: "double", value } });

test("Sparkplug host - a birth names what data carry by alias alone", () => {
  const heard = host();
  say(heard, "NBIRTH/press", 0, [bdSeq(1n), temperature]);
  say(heard, "DBIRTH/press/pump", 1, [{ ...temperature, name: "Bearing", alias: 7n }]);
  say(heard, "NDATA/press", 2, [byAlias(22)]);
  say(heard, "DDATA/press/pump", 3, [
    { alias: 7n, timestamp: 4_000, isHistorical: true, raw: { as: "double", value: 60 } },
    { alias: 7n, isNull: true },
  ]);
  const told = heard.readings.map(({ device = "", metric, value, at, isHistorical }) => [
    ...[device, metric, value, at, isHistorical],
  ]);
  assert.deepEqual(told, [
    ["", "bdSeq", 1, 5_000, false],
    ["", "Temperature", 21.5, 5_000, false],
    ["pump", "Bearing", 21.5, 5_000, false],
    ["", "Temperature", 22, 5_000, false],
    ["pump", "Bearing", 60, 4_000, true],
    ["pump", "Bearing", null, 5_000, false],
  ]);
  assert.deepEqual(heard.online, ["press/ on", "press/pump on"]);
  assert.deepEqual(heard.problems, []);
});

test("Sparkplug host - data before a birth are not read, and the birth is asked for", () => {
  const heard = host({ rebirthMsMin: 10_000 });
  for (const now of [0, 5_000, 10_000]) say(heard, "NDATA/press", 4, [byAlias(22)], now);
  assert.deepEqual(heard.readings, []);
  assert.deepEqual(heard.problems, ["before-birth", "before-birth", "before-birth"]);
  assert.deepEqual(heard.rebirths, ["plant/press", "plant/press"], "not with every message");
});

test("Sparkplug host - a clock that is set back keeps no node from being asked for its birth", () => {
  const heard = host({ rebirthMsMin: 10_000, nodesMax: 1 });
  const hour = 3_600_000;
  for (const now of [hour, 1_000, 6_000]) say(heard, "NDATA/press", 4, [byAlias(22)], now);
  assert.deepEqual(heard.rebirths, ["plant/press", "plant/press"]);
  say(heard, "NDATA/lathe", 4, [byAlias(22)], 500);
  assert.equal(heard.rebirths.at(-1), "plant/lathe", "nor where another's place is to be taken");
});

test("Sparkplug host - after a gap the births are asked for; 255 is followed by 0", () => {
  const heard = host();
  say(heard, "NBIRTH/press", 254, [temperature]);
  say(heard, "NDATA/press", 255, [byAlias(1)]);
  say(heard, "NDATA/press", 0, [byAlias(2)]);
  assert.deepEqual(heard.rebirths, []);
  say(heard, "NDATA/press", 5, [byAlias(3)]);
  assert.deepEqual([heard.problems, heard.rebirths], [["sequence-gap"], ["plant/press"]]);
  say(heard, "NDATA/press", 5, [byAlias(3)]);
  assert.deepEqual(heard.problems, ["sequence-gap", "sequence-repeated"]);
  const values = heard.readings.map(({ value }) => value);
  assert.deepEqual(values, [21.5, 1, 2, 3], "what came again is not read again");
});

test("Sparkplug host - a death makes all stale; one of an earlier connection does not", () => {
  const heard = host();
  say(heard, "NBIRTH/press", 0, [bdSeq(2n), temperature]);
  say(heard, "DBIRTH/press/pump", 1, [temperature]);
  say(heard, "NDEATH/press", undefined, [bdSeq(1n)]);
  assert.deepEqual(heard.online, ["press/ on", "press/pump on"]);
  say(heard, "NDEATH/press", undefined, [bdSeq(2n)]);
  assert.deepEqual(heard.online.slice(2), ["press/pump off", "press/ off"]);
  say(heard, "DDATA/press/pump", 2, [byAlias(3)]);
  assert.deepEqual(heard.problems, ["before-birth"]);
});

test("Sparkplug host - a new birth forgets the old table", () => {
  const heard = host();
  say(heard, "NBIRTH/press", 0, [temperature]);
  say(heard, "NBIRTH/press", 0, [{ ...temperature, alias: 8n }]);
  say(heard, "NDATA/press", 1, [byAlias(3)]);
  assert.deepEqual([heard.problems, heard.rebirths], [["unknown-metric"], ["plant/press"]]);
});

test("Sparkplug host - a device that is not born again with its node is gone, others never were", () => {
  const heard = host({ metricsMax: 6 });
  const births = (devices: readonly string[]) => {
    say(heard, "NBIRTH/press", 0, []);
    for (const [at, device] of devices.entries()) say(heard, `DBIRTH/press/${device}`, at + 1, []);
  };
  births(["pump", "fan"]);
  births(["pump"]);
  heard.online.length = 0;
  say(heard, "NDATA/press", 2, []);
  assert.deepEqual(heard.online, ["press/fan off"]);
  births([]);
  heard.online.length = 0;
  say(heard, "NDEATH/press", undefined, []);
  assert.deepEqual(heard.online, ["press/pump off", "press/ off"]);
  // none of them takes room any more
  births(["a", "b", "c", "d", "e"]);
  assert.deepEqual(heard.problems, []);
});

test("Sparkplug host - foreign bytes, foreign topics and too many machines are counted or let be", () => {
  const heard = host({ nodesMax: 1, metricsMax: 4 });
  heard.host.receive("spBv1.0/plant/NDATA/press", Buffer.from("21.5"), 0);
  heard.host.receive("plant/temperature", Buffer.from("21.5"), 0);
  say(heard, "NBIRTH/press", 0, [temperature]);
  say(heard, "NBIRTH/saw", 0, [temperature]);
  say(heard, "DBIRTH/press/pump", 1, [temperature, { ...temperature, name: "b" }]);
  say(heard, "DBIRTH/press/fan", 2, [{ ...temperature, name: "b".repeat(100) }]);
  assert.deepEqual(heard.problems, ["payload", "too-many", "too-many", "too-many"]);
  for (const none of [
    ...["spBv1.0/STATE/host", "spBv1.0/g/NCMD/n", "spBv1.0/g/DDATA/n"],
    ...["spAv1.0/g/NDATA/n", "spBv1.0/g/NBIRTH/n/d", "spBv1.0/g/NDATA/n/d/x", "spBv1.0//NDATA/n"],
  ]) {
    assert.equal(readSparkplugTopic(none), undefined, none);
  }
});

test(
  "Sparkplug host - 522 recorded messages: gaps and repeats are those in the record",
  { skip },
  () => {
    const rows = readFileSync(new URL("pcap_patterns.csv", fixtures), "utf8")
      .split("\n")
      .filter((row) => row.includes(",") && !row.startsWith("#"))
      .slice(1)
      .map((row) => row.split(","));
    assert.equal(rows.length, 522);
    const heard = host();
    const born = new Set<string>();
    // what is counted here is counted anew from the columns alone
    const last = new Map<string, number>();
    const expected = { "sequence-gap": 0, "sequence-repeated": 0, "no-sequence": 0 };
    for (const cells of rows) {
      const [topic = "", group = "", , node = "", , seqText = "", at = "0"] = cells.slice(2);
      if (!born.has(node)) {
        born.add(node);
        const seq = seqText === "" ? 0 : (Number(seqText) + 255) % 256;
        last.set(node, seq);
        const birth = encodeSparkplug({ seq, metrics: [temperature] });
        heard.host.receive(`spBv1.0/${group}/NBIRTH/${node}`, birth, Number(at));
      }
      const before = last.get(node)!;
      if (seqText === "") expected["no-sequence"]++;
      else {
        const seq = Number(seqText);
        if (seq === before) expected["sequence-repeated"]++;
        else if (seq !== (before + 1) % 256) expected["sequence-gap"]++;
        last.set(node, seq);
      }
      const body = { metrics: [byAlias(1)], ...(seqText === "" ? {} : { seq: Number(seqText) }) };
      heard.host.receive(topic, encodeSparkplug(body), Number(at));
    }
    const counted = (kind: string) => heard.problems.filter((one) => one === kind).length;
    for (const [kind, count] of Object.entries(expected)) assert.equal(counted(kind), count, kind);
    assert.ok(expected["sequence-gap"] > 10 && expected["no-sequence"] > 5);
    assert.ok(heard.rebirths.length > 5 && heard.rebirths.length < 15, "within ten seconds once");
  },
);
