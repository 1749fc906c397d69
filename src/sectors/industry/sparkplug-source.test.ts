import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openEmbeddedStore } from "../../engines/embedded/store.ts";
import { objectIn } from "../../kernel/json-object.ts";
import { matches } from "../../kernel/topic.ts";
import { encodeSparkplug, type Metric } from "../../wire/sparkplug-b.ts";
import { datatype } from "../../wire/sparkplug-datatype.ts";
import { Answers } from "../answers.ts";
import type { Fault } from "../sector.ts";
import type { SourceOutside } from "../source-run.ts";
import { Sources } from "../sources.ts";
import { industry } from "./manifest.ts";
import { SparkplugReader } from "./sparkplug-source.ts";

function reader(): { reader: SparkplugReader; pass: (ms: number) => void } {
  let now = 1_000_000;
  const clock = { now: () => now, monotonic: () => now };
  return { reader: new SparkplugReader({ clock, id: "plant" }), pass: (ms) => (now += ms) };
}

const temperature: Metric = {
  ...{ name: "Drive/Temperature", alias: 1n, datatype: datatype.double },
  raw: { as: "double", value: 21.5 },
};

test("Sparkplug source - a hundred thousand made-up nodes are bounded, and asked for no more births than that", () => {
  const { reader: source, pass } = reader();
  const bytes = encodeSparkplug({ seq: 1, metrics: [temperature] });
  const counted = { births: 0, faults: new Map<string, number>() };
  for (let n = 0; n < 100_000; n++) {
    const from = `spBv1.0/made-up/NDATA/${n}`;
    const { faults, answers = [], messages } = source.read({ bytes, from });
    assert.equal(messages.length, 0);
    counted.births += answers.length;
    for (const { code } of faults) counted.faults.set(code, (counted.faults.get(code) ?? 0) + 1);
  }
  assert.equal(counted.births, 10_000);
  assert.deepEqual([...counted.faults], [["before-birth", 100_000]]);
  // the node that is really there comes in still
  const birth = encodeSparkplug({ seq: 0, metrics: [temperature] });
  const real = source.read({ bytes: birth, from: "spBv1.0/plant/NBIRTH/press" });
  assert.deepEqual(
    real.messages.map(({ topic }) => topic),
    ["plant/press/$state", "plant/press/Drive%2FTemperature"],
  );
  pass(10_000);
  const again = source.read({ bytes, from: "spBv1.0/made-up/NDATA/100001" });
  assert.equal(again.answers?.length, 1, "after ten seconds others are asked");
});

test("Sparkplug source - births of more nodes than are kept are refused by name", () => {
  const { reader: source } = reader();
  const bytes = encodeSparkplug({ seq: 0, metrics: [] });
  const codes = new Set<string>();
  for (let n = 0; n <= 10_000; n++) {
    const { faults } = source.read({ bytes, from: `spBv1.0/made-up/NBIRTH/${n}` });
    for (const { code } of faults) codes.add(code);
    assert.equal(codes.size, n < 10_000 ? 0 : 1);
  }
  assert.deepEqual([...codes], ["too-many"]);
});

test("sources - what is answered elsewhere, too large or too often is a fault, and is not said", () => {
  const faults: Fault[] = [];
  let now = 0;
  const clock = { now: () => now, monotonic: () => now };
  const kind = industry.sources["sparkplug-b"]!;
  const answers = new Answers(kind, clock, (fault) => faults.push(fault));
  const answer = (topic: string, bytes = 1) => ({
    ...({ topic, payload: new Uint8Array(bytes), qos: 0, retain: false } as const),
  });
  const own = answer("spBv1.0/g/NCMD/n");
  for (const topic of ["spBv1.0/g/DCMD/n/d", "from/peer/x", "spBv1.0/g/NCMD/+", "$sparkplug/x"]) {
    assert.deepEqual(answers.allowed([answer(topic), own]), [own], topic);
  }
  assert.deepEqual(answers.allowed([answer(own.topic, kind.bytesMax + 1)]), []);
  assert.deepEqual(new Set(faults.map(({ code }) => code)), new Set(["answer"]));
  assert.equal(faults.length, 5);
  assert.equal(answers.allowed(Array.from({ length: 12_000 }, () => own)).length, 9_996);
  now += 1_000;
  assert.equal(answers.allowed(Array.from({ length: 2_000 }, () => own)).length, 1_000);
});

test("sources - of a node that died its host is offline before the node is ready", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "comity-sparkplug-"));
  const store = await openEmbeddedStore({ path: join(folder, "store.db") });
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const retained = new Map<string, Uint8Array>();
  const online = () => objectIn(retained.get("spBv1.0/STATE/plant")!)?.["online"];
  let now = 1_000_000;
  const outside: SourceOutside = {
    clock: { now: () => now++, monotonic: () => now },
    journal: { record: () => {} } as unknown as SourceOutside["journal"],
    fetch: () => assert.fail("nothing is fetched"),
    readFile: () => assert.fail("nothing is read"),
    connect: () => assert.fail("nothing is called"),
    pseudonyms: () => (value) => value,
    subscribe(filter, onMessage) {
      for (const [topic, payload] of retained) {
        if (matches(filter, topic)) onMessage({ topic, payload });
      }
      return () => {};
    },
    publish: async ({ topic, payload, retain }) => {
      if (retain) retained.set(topic, payload);
    },
    describe: () => assert.fail("nobody is born"),
  };
  const first = await Sources.open(store, outside, [industry]);
  const from = { way: "topic", address: "spBv1.0/#" } as const;
  await first.add({ id: "plant", kind: "sparkplug-b", from, topic: "plant" });
  await untilTrue(() => retained.has("spBv1.0/STATE/plant"));
  assert.equal(online(), true);
  const born = { type: "Device", id: "urn:ngsi-ld:Device:hall/press", deviceState: "online" };
  const state = "plant/hall/press/$state";
  const dateObserved = "2026-01-01T00:00:00Z";
  retained.set(state, Buffer.from(JSON.stringify({ ...born, dateObserved })));

  // the first one is gone without a word
  const second = await Sources.open(store, outside, [industry]);
  assert.equal(online(), false, "before anything is started");
  assert.equal(objectIn(retained.get(state)!)?.["deviceState"], "online");
  second.start();
  await untilTrue(() => online() === true);
  assert.equal(objectIn(retained.get(state)!)?.["deviceState"], "offline");
  await second.close();
  assert.equal(online(), false);
});

async function untilTrue(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < end, `in vain: ${String(holds)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
