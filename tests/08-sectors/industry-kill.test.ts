/** A node that hears Sparkplug dies without a word: what stands after it is true. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { connectMqtt, type MqttClient } from "../../src/client/mqtt.ts";
import { encodeSparkplug, type Metric } from "../../src/wire/sparkplug-b.ts";
import { datatype } from "../../src/wire/sparkplug-datatype.ts";
import { type NodeChild, oneChild } from "../07-federate/node-child.ts";
import { until } from "../two-nodes.ts";

interface Said {
  readonly topic: string;
  readonly is: string;
  readonly at: number;
}

const bdSeq: Metric = {
  ...{ name: "bdSeq", datatype: datatype.int64 },
  raw: { as: "long", value: 0n },
};
const birth = encodeSparkplug({ timestamp: Date.now(), seq: 0, metrics: [bdSeq] });
const stateTopic = "spBv1.0/STATE/plant";
const pressTopic = "plant/hall/press/$state";

async function nodeFor(t: TestContext): Promise<NodeChild> {
  const folder = await mkdtemp(join(tmpdir(), "comity-sparkplug-"));
  const node = await oneChild(folder, "node");
  t.after(async () => {
    await node.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return node;
}

/** As soon as its door is open. */
async function connected(node: NodeChild): Promise<MqttClient> {
  const end = Date.now() + 30_000;
  for (;;) {
    try {
      return await connectMqtt({ url: node.mqttUrl, username: "admin", password: node.token });
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

async function listening(client: MqttClient): Promise<Said[]> {
  const heard: Said[] = [];
  for (const filter of [stateTopic, pressTopic]) {
    await client.subscribe(filter, { qos: 1 }, ({ topic, payload }) => {
      const said = JSON.parse(Buffer.from(payload).toString("utf8")) as Record<string, unknown>;
      const { online, timestamp, deviceState, dateObserved } = said;
      heard.push({
        topic,
        is: typeof online === "boolean" ? (online ? "online" : "offline") : String(deviceState),
        at: typeof timestamp === "number" ? timestamp : Date.parse(String(dateObserved)),
      });
    });
  }
  return heard;
}

test("industry - of a node that was killed nothing says that it or a machine is still there", async (t) => {
  const node = await nodeFor(t);
  node.start();
  await node.ready();
  const from = { way: "topic", address: "spBv1.0/#" } as const;
  await node.http.addSource({ kind: "sparkplug-b", from, topic: "plant" });
  const edge = await connected(node);
  await edge.publish("spBv1.0/hall/NBIRTH/press", birth, { qos: 1 });
  await until("it is told, durably, that the press is there", async () => {
    return (await node.http.sources())[0]?.messages === 1;
  });
  const before = await listening(edge);
  await until("host and press are there", () => before.length === 2);
  assert.deepEqual(
    before.map(({ is }) => is),
    ["online", "online"],
  );
  node.kill();
  await node.ended(10_000);
  await edge.end();
  const killedAt = Date.now();

  node.start();
  const again = await connected(node);
  const heard = await listening(again);
  await until("the host is there again", () =>
    heard.some(({ topic, is }) => topic === stateTopic && is === "online"),
  );
  await until("the press is told to be gone", () =>
    heard.some(({ topic, is }) => topic === pressTopic && is === "offline"),
  );
  const stale = heard.filter(({ topic, at }) => topic === stateTopic && at < killedAt);
  assert.deepEqual(stale, [], "of its state before");
  // a node that connects anew is born anew
  await again.publish("spBv1.0/hall/NBIRTH/press", birth, { qos: 1 });
  await until("the press is there", () => heard.at(-1)?.is === "online");
  await again.end();
});
