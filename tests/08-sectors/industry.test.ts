/** Recorded Sparkplug messages in, shared under the template, out as Sparkplug; and what is wrong. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { connectMqtt, type MqttClient } from "../../src/client/mqtt.ts";
import { encodeSparkplug, type Metric } from "../../src/wire/sparkplug-b.ts";
import { datatype } from "../../src/wire/sparkplug-datatype.ts";
import { type TwoNodes, twoNodes, until } from "../two-nodes.ts";
import { type OraclePayload, readSparkplug } from "./sparkplug-oracle.ts";

const fixture = new URL("../../../shared/fixtures/sparkplug-b/pcap_patterns.csv", import.meta.url);
const skip = existsSync(fixture) ? false : "the fixtures (../shared) are not there";

interface Message {
  readonly topic: string;
  readonly node: string;
  readonly device: string;
  readonly seq?: number;
  readonly at: number;
  readonly metrics: number;
}

function recorded(): readonly Message[] {
  const rows = readFileSync(fixture, "utf8").split("\n");
  return rows
    .filter((row) => row.includes(",spBv1.0/"))
    .map((row) => {
      const [, , topic = "", , , node = "", device = "", seq, at, metrics] = row.split(",");
      const said = seq === "" ? {} : { seq: Number(seq) };
      return { topic, node, device, ...said, at: Number(at), metrics: Number(metrics) };
    });
}

/** Values were taken out of the record: here each is told by where it stands in it. */
const valueAt = (row: number, index: number): number => row + index / 8;
const nameOf = (index: number): string => `Inputs/${index}`;

function metric(index: number, value: number, isBirth = false): Metric {
  return {
    ...(isBirth && { name: nameOf(index), datatype: datatype.double }),
    ...{ alias: BigInt(index), raw: { as: "double", value } },
  };
}

let nodes: TwoNodes;
let edge: MqttClient;
before(async () => {
  nodes = await twoNodes();
  edge = await nodes.mqtt("provider");
  const { template } = await nodes.provider.http.sector("industry");
  await nodes.share({
    ...{ id: "plant", title: "Machines of a plant", topics: ["plant/#"], sector: "industry" },
    ...template.product,
    terms: template.terms,
  });
  const from = { way: "topic", address: "spBv1.0/#" } as const;
  await nodes.provider.http.addSource({ kind: "sparkplug-b", from, topic: "plant" });
});
after(() => nodes.close());

const source = async () => (await nodes.provider.http.sources())[0] ?? assert.fail();

/** Every so many of the record come twice, as after a lost PUBACK. */
const againEvery = 9;

/** What is to come of the record, counted from its columns alone, while it is published. */
async function replay(rows: readonly Message[]) {
  const width = Math.max(...rows.map(({ metrics }) => metrics));
  const birth = Array.from({ length: width }, (_, index) => metric(index, 0, true));
  const [faults, values] = [new Map<string, number>(), new Map<string, number>()];
  const last = new Map<string, number>();
  let [readings, states] = [0, 0];
  const fault = (code: string) => faults.set(code, (faults.get(code) ?? 0) + 1);
  const say = (topic: string, seq: number | undefined, timestamp: number, metrics: Metric[]) => {
    const payload = { timestamp, metrics, ...(seq !== undefined && { seq }) };
    return edge.publish(topic, encodeSparkplug(payload), { qos: 1 });
  };
  for (const [row, { topic, node, device, seq, at, metrics }] of rows.entries()) {
    if (!last.has(node)) {
      const own = rows.filter((one) => one.node === node).map((one) => one.device);
      const born = [...new Set(["", ...own])];
      // so that what is recorded goes on from the last birth
      let next = 512 + (seq ?? 0) - born.length;
      for (const name of born) {
        const path = name === "" ? `NBIRTH/${node}` : `DBIRTH/${node}/${name}`;
        await say(`spBv1.0/org_A/${path}`, next++ % 256, 1, birth);
        readings += width;
        states++;
        const below = name === "" ? node : `${node}/${name}`;
        for (const index of birth.keys()) values.set(`org_A/${below}/${nameOf(index)}`, 0);
      }
      last.set(node, (next - 1) % 256);
    }
    const said = Array.from({ length: metrics }, (_, index) => valueAt(row, index));
    const data = said.map((one, index) => metric(index, one));
    await say(topic, seq, at, data);
    if (seq !== undefined && row % againEvery === 0) {
      await say(topic, seq, at, data);
      fault("sequence-repeated");
    }
    if (seq === undefined) {
      fault("no-sequence");
      continue;
    }
    if (seq !== (last.get(node)! + 1) % 256) fault("sequence-gap");
    last.set(node, seq);
    readings += metrics;
    const below = device === "" ? node : `${node}/${device}`;
    for (const [index, one] of said.entries()) values.set(`org_A/${below}/${nameOf(index)}`, one);
  }
  return { faults: Object.fromEntries(faults), values, messages: readings + states };
}

test(
  "industry - 522 recorded messages are read, shared under the template, and leave as a birth",
  { skip },
  async () => {
    const rows = recorded();
    assert.equal(rows.length, 522);
    const commands: { topic: string; payload: OraclePayload }[] = [];
    await edge.subscribe("spBv1.0/+/NCMD/+", {}, ({ topic, payload }) => {
      commands.push({ topic, payload: readSparkplug(payload) });
    });
    // before its birth a node's data say nothing, and it is asked for it
    await edge.publish(rows[0]!.topic, encodeSparkplug({ seq: 20, metrics: [metric(0, 1)] }));
    await until("a rebirth is asked for", () => commands.length === 1);
    assert.equal(commands[0]!.topic, "spBv1.0/org_A/NCMD/702");
    assert.equal(commands[0]!.payload.seq, undefined);
    const [{ name, value, datatype: type } = assert.fail()] = commands[0]!.payload.metrics;
    assert.deepEqual([name, value, type], ["Node Control/Rebirth", true, datatype.boolean]);

    const expected = await replay(rows);
    assert.ok(expected.messages > 1_500);
    const { "sequence-repeated": repeated, ...inRecord } = expected.faults;
    assert.deepEqual(inRecord, { "sequence-gap": 16, "no-sequence": 17 });
    assert.ok(repeated! > 50);
    await until("all readings arrived", async () => {
      const logs = await nodes.consumer.http.logs();
      const own = logs.find(({ log }) => log === "from/provider/plant");
      return own?.messages === expected.messages;
    });
    const { faults, failures, messages } = await source();
    assert.deepEqual(faults, { "before-birth": 1, ...expected.faults });
    assert.deepEqual([failures, messages], [0, expected.messages]);

    const out = await birthOf("from/provider/plant/#");
    assert.equal(out.seq, 0);
    const [bdSeq, rebirth, ...metrics] = out.metrics;
    assert.deepEqual([bdSeq?.name, bdSeq?.value], ["bdSeq", 0n]);
    assert.deepEqual([rebirth?.name, rebirth?.value], ["Node Control/Rebirth", false]);
    const got = new Map(metrics.map((one) => [one.name!, one.value as number]));
    assert.deepEqual(
      new Map([...got].toSorted(byName)),
      new Map([...expected.values].toSorted(byName)),
    );
    assert.ok(metrics.every((one) => one.datatype === datatype.double));
  },
);

test("industry - a death is told, and what died leaves the feed; integers stay whole", async () => {
  const count = (value: bigint): Metric => ({
    ...{ name: "Count", alias: 1n, datatype: datatype.uint64 },
    properties: { engUnit: "kWh", Quality: 0 },
    raw: { as: "long", value },
  });
  const bdSeq = (value: bigint): Metric => ({
    ...{ name: "bdSeq", datatype: datatype.int64 },
    raw: { as: "long", value },
  });
  const say = (path: string, seq: number, metrics: readonly Metric[]) => {
    const bytes = encodeSparkplug({ timestamp: 1_800_000_000_000, seq, metrics });
    return edge.publish(`spBv1.0/hall 1/${path}`, bytes, { qos: 1 });
  };
  const states: string[] = [];
  await edge.subscribe("plant/hall 1/#", {}, ({ topic, payload }) => {
    if (!topic.endsWith("/$state")) return;
    const said = JSON.parse(Buffer.from(payload).toString("utf8")) as {
      readonly id: string;
      readonly deviceState: string;
    };
    states.push(`${said.id.replace("urn:ngsi-ld:Device:hall%201/", "")} ${said.deviceState}`);
  });
  await say("NBIRTH/press", 0, [bdSeq(9n)]);
  await say("DBIRTH/press/pump", 1, [count(2n ** 64n - 5n)]);
  await say("DBIRTH/press/fan", 2, [count(7n)]);
  const values = async () => {
    const { metrics } = await birthOf("from/provider/plant/plant/hall 1/#");
    for (const { properties } of metrics.slice(2)) {
      assert.deepEqual(properties, { engUnit: "kW.h", Quality: 0 });
    }
    return metrics.slice(2).map(({ name, value }) => [name, value]);
  };
  await until("both are there", async () => (await values()).length === 2);
  assert.deepEqual(await values(), [
    ["hall 1/press/pump/Count", 2n ** 64n - 5n],
    ["hall 1/press/fan/Count", 7n],
  ]);
  await say("DDEATH/press/fan", 3, []);
  await until("the fan is gone", async () => (await values()).length === 1);
  // a will of an earlier connection is no death of this one
  await say("NDEATH/press", 0, [bdSeq(8n)]);
  await say("NDEATH/press", 0, [bdSeq(9n)]);
  await until("all are gone", async () => (await values()).length === 0);
  const born = ["press online", "press/pump online", "press/fan online"];
  const died = ["press/fan offline", "press/pump offline", "press offline"];
  assert.deepEqual(states, [...born, ...died]);
});

test("industry - what is truncated, foreign, repeated, unknown or of no time is a named fault", async () => {
  const before = await source();
  const birth = encodeSparkplug({ seq: 0, metrics: [metric(0, 1, true)] });
  const topic = "spBv1.0/bad/NDATA/lathe";
  const values: readonly [string, Uint8Array | string][] = [
    ["spBv1.0/bad/NBIRTH/lathe", birth],
    [topic, birth.subarray(0, birth.length - 3)],
    [topic, '{"temperature":21}'],
    [topic, encodeSparkplug({ seq: 1, metrics: [{ ...metric(0, 2), alias: 99n }] })],
    [topic, encodeSparkplug({ seq: 1, metrics: [metric(0, 3)] })],
    [topic, encodeSparkplug({ seq: 2, metrics: [metric(0, Number.NaN)] })],
    [topic, encodeSparkplug({ seq: 3, metrics: [{ ...metric(0, 1), timestamp: 2 ** 60 }] })],
    [topic, encodeSparkplug({ seq: 9, metrics: [metric(0, 5)] })],
  ];
  for (const [to, payload] of values) await edge.publish(to, payload, { qos: 1 });
  const more = { payload: 2, "unknown-metric": 1, "sequence-repeated": 1 };
  const wanted = Object.entries({ ...more, value: 1, clock: 1, "sequence-gap": 1 });
  await until("all are counted", async () => {
    const { faults } = await source();
    return wanted.every(([code, n]) => (faults[code] ?? 0) - (before.faults[code] ?? 0) === n);
  });
  // the birth's state and reading, and the reading after the gap
  await until(
    "the rest is published",
    async () => (await source()).messages === before.messages + 3,
  );
  const { failures, lastFault } = await source();
  assert.equal(failures, 0);
  assert.match(lastFault?.text ?? "", /^sequence-gap: bad\/lathe: NDATA: 4 was .* 9 came$/);
});

test("industry - what a node kept while it was offline comes at once, and is read to the end", async () => {
  const kept = 6_000;
  const { messages: before } = await source();
  const topic = "spBv1.0/remote/NDATA/well";
  await edge.publish(
    "spBv1.0/remote/NBIRTH/well",
    encodeSparkplug({ seq: 0, metrics: [metric(0, 0, true)] }),
  );
  const sent = Array.from({ length: kept }, (_, at) => {
    const metrics = [{ ...metric(0, at), timestamp: 1_000 * at, isHistorical: true }];
    return edge.publish(topic, encodeSparkplug({ seq: (at + 1) % 256, metrics }), { qos: 1 });
  });
  await Promise.all(sent);
  await until("all are published", async () => (await source()).messages === before + kept + 2);
  assert.equal((await source()).faults["overrun"], undefined);
});

test("industry - births stand as certificates for who may read them; the host says it is there", async () => {
  const { provider } = nodes;
  const birth = encodeSparkplug({ seq: 0, metrics: [metric(0, 1, true)] });
  const heard = (await source()).messages;
  await edge.publish("spBv1.0/late/NBIRTH/press", birth, { qos: 1 });
  await until("it is read", async () => (await source()).messages === heard + 2);
  const thing = async (name: string, subscribe: string) => {
    const { token } = await provider.http.addThing({ name, subscribe: [subscribe] });
    return connectMqtt({ url: provider.node.mqttUrl, username: name, password: token });
  };
  const host = await thing("scada", "spBv1.0/#");
  const other = await thing("display", "plant/#");
  try {
    const certificates = "$sparkplug/certificates/spBv1.0";
    const kept = Promise.withResolvers<{ topic: string; payload: Buffer }>();
    await host.subscribe(`${certificates}/late/#`, {}, ({ topic, payload }) =>
      kept.resolve({ topic, payload: Buffer.from(payload) }),
    );
    const topic = `${certificates}/late/NBIRTH/press`;
    assert.deepEqual(await kept.promise, { topic, payload: Buffer.from(birth) });
    await assert.rejects(other.subscribe(`${certificates}/#`, {}));
    await assert.rejects(edge.publish(topic, birth, { qos: 1 }));

    const states: boolean[] = [];
    const own = "spBv1.0/STATE/plant";
    await host.subscribe(own, { qos: 1 }, ({ payload }) => {
      const said = JSON.parse(Buffer.from(payload).toString("utf8")) as Record<string, unknown>;
      assert.equal(typeof said["timestamp"], "number");
      states.push(said["online"] === true);
    });
    await until("it is retained", () => states.length === 1);
    const offline = JSON.stringify({ online: false, timestamp: Date.now() });
    await edge.publish(own, offline, { qos: 1, retain: true });
    await until("it says that it is there", () => states.length === 3);
    await provider.http.removeSource("plant");
    await until("it says that it goes", () => states.length === 4);
    assert.deepEqual(states, [true, false, true, false]);
  } finally {
    await Promise.all([host.end(), other.end()]);
  }
});

async function birthOf(filter: string): Promise<OraclePayload> {
  const { node, token } = nodes.consumer;
  const url = new URL("/sectors/industry/sparkplug-b", node.httpUrl);
  url.searchParams.set("filter", filter);
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(response.headers.get("content-type"), "application/x-protobuf");
  return readSparkplug(new Uint8Array(await response.arrayBuffer()));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
