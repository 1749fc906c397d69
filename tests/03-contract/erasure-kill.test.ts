/** Killed at each step of an erasure, a node does it whole after its start, once. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { connectMqtt } from "../../src/client/mqtt.ts";
import type { ErasureResource } from "../../src/client/erasure.ts";
import type { CrashPoint } from "../../src/kernel/crash.ts";
import { type NodeChild, twoChildren } from "../07-federate/node-child.ts";
import { until } from "../two-nodes.ts";

const messages = 160;
const payload = `SECRET ${"x".repeat(65_000)}`;

async function twoNodes(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "comity-erasure-"));
  const { provider, consumer } = await twoChildren(folder, 100);
  t.after(async () => {
    await Promise.all([provider.stop(), consumer.stop()]);
    await rm(folder, { recursive: true, force: true });
  });
  return { provider, consumer };
}

/** An agreement under which the consumer stored ten megabytes, due a second after its end. */
async function stored(provider: NodeChild, consumer: NodeChild): Promise<string> {
  await consumer.http.addPeer(provider.url);
  const terms = { price: { amount: "0", currency: "EUR", perMessages: 1 }, deleteAfterSeconds: 1 };
  const product = { id: "soil", title: "Soil", topics: ["soil/+"], terms } as const;
  await provider.http.addProduct({ ...product, delivery: "logged" });
  const [offer] = await consumer.http.find("soil");
  const { id } = await consumer.http.agree(offer!.offer, offer!.provider);
  const login = { url: provider.mqttUrl, username: "token", password: provider.token };
  const device = await connectMqtt(login);
  for (let i = 0; i < messages; i++) await device.publish("soil/1", payload, { qos: 1 });
  await device.end();
  await until("all is stored", async () => {
    return (await consumer.http.logs())[0]?.messages === messages;
  });
  return id;
}

for (const [side, point] of [
  ["consumer", "erasure.erased:1"],
  ["consumer", "erasure.erased:3"],
  ["consumer", "erasure.stored:1"],
  ["consumer", "erasure.signed:1"],
  ["provider", "erasure.received:1"],
] as const satisfies readonly (readonly [string, `${CrashPoint}:${number}`])[]) {
  test(`erasure - killed at ${point} it is done whole, and told once`, async (t) => {
    const nodes = await twoNodes(t);
    const { provider, consumer } = nodes;
    provider.start(side === "provider" ? point : undefined);
    consumer.start(side === "consumer" ? point : undefined);
    await Promise.all([provider.ready(), consumer.ready()]);
    const id = await stored(provider, consumer);
    await consumer.http.revoke(id);
    const dying = nodes[side];
    assert.equal(await dying.ended(30_000), "SIGKILL", dying.said);
    dying.start();
    await dying.ready();
    let told: ErasureResource | undefined;
    await until("the provider has the receipt, and the consumer knows", async () => {
      told = await provider.http.erasure(id);
      const own = await consumer.http.erasure(id);
      return told.state === "erased" && own.told?.taken === true;
    });
    const bytes = messages * Buffer.byteLength(payload);
    assert.deepEqual(told?.record?.erased, { messages, bytes });
    assert.deepEqual((await consumer.http.erasure(id)).signed, told?.signed);
    const [log] = await consumer.http.logs();
    assert.deepEqual([log?.end, log?.messages, log?.erased], [messages, 0, messages]);
    const { data } = consumer.settings;
    for (const file of await readdir(data)) {
      const found = (await readFile(join(data, file))).includes("SECRET");
      assert.equal(found, false, `${file} still has it`);
    }
  });
}
